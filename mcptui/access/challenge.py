"""Reading `WWW-Authenticate`: what a server wants before it answers (RFC 9110 §11.6.1, RFC 6750).

A header may hold several challenges and be sent several times; parameters may be tokens or quoted
strings. Linear, bounded, and what is malformed is left out rather than guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LENGTH = 8192
_PART = re.compile(
    r"[\s,]*(?:(?P<key>[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})\s{0,8}=\s{0,8}"
    r'(?:"(?P<quoted>(?:[^"\\]|\\.){0,4096})"|(?P<bare>[^\s,"=]{1,4096}))'
    r"|(?P<scheme>[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})(?=[\s,]|\Z))"
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a Bearer challenge says.

    Args:
        error: such as "invalid_token" or "insufficient_scope", "" when there is none.
        scope: the scopes it wants, "" when it names none.
        resource_metadata: the address of RFC 9728 metadata, "" when it names none.
    """

    error: str = ""
    scope: str = ""
    resource_metadata: str = ""


def bearer_challenge(headers: Iterable[str]) -> Challenge | None:
    """The Bearer challenge among the values of a response's `WWW-Authenticate` headers.

    Of several the first counts; None when there is none.
    """
    for header in headers:
        found = _bearer(header[:LENGTH])
        if found is not None:
            return Challenge(
                found.get("error", ""),
                " ".join(found.get("scope", "").split()),
                found.get("resource_metadata", ""),
            )
    return None


def _bearer(header: str) -> dict[str, str] | None:
    found: dict[str, str] | None = None
    position = 0
    while match := _PART.match(header, position):
        position = match.end()
        if scheme := match["scheme"]:
            if found is not None:
                return found
            if scheme.lower() == "bearer":
                found = {}
        elif found is not None and match["key"]:
            quoted = match["quoted"]
            value = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found.setdefault(match["key"].lower(), value)
    return found
