"""Who signs an image: a part of an entry, on the ground floor as the entry is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mcptui.fields import Table

_REPOSITORY = re.compile(r"[a-z0-9]([A-Za-z0-9._/:-]{0,253}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class SignedBy:
    """Who signs an image, with cosign.

    Args:
        keys: PEM texts or names of known keys ("docker-mcp"); any of them may have signed.
        signatures: the repository that holds the signatures, "" for the image's own.
        least: how many of the keys must have signed.
        logged: the public transparency log must have promised each signature.
    """

    keys: tuple[str, ...]
    signatures: str = ""
    least: int = 1
    logged: bool = False


def read_signed_by(table: Table) -> SignedBy:
    """Read `[image.signed_by]`.

    Raises:
        UsageError: a field is missing, wrong or unknown.
    """
    keys = table.texts("keys", limit=4000, many=16)
    if not keys:
        table.wrong("keys", "must hold at least one key")
    found = SignedBy(
        keys,
        table.text("signatures", ""),
        table.whole("least", 1, 1, len(keys)),
        table.flag("logged", False),
    )
    if found.signatures and not _REPOSITORY.fullmatch(found.signatures):
        table.wrong("signatures", "must be an image's name, without https://")
    table.done()
    return found
