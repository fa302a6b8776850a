"""Wheels that were downloaded before, kept by their hash.

Servers share most of what they need, so the second one is built in seconds, and without the
network if nothing is missing. pip's own cache does not do this where an index forbids caching.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from mcptui.runtime.image.base import Base
from mcptui.runtime.image.lock import Pinned


def _folder(base: Base, cache: Path) -> Path:
    """One folder a target: a lock holds the hashes of wheels for others too."""
    glibc = "_".join(str(part) for part in base.glibc)
    return cache / "wheels" / f"cp{base.version}-{base.arch}-{glibc}"


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kept(pins: Sequence[Pinned], base: Base, cache: Path) -> tuple[list[Path], list[Pinned]]:
    """Return the wheels that are here and the pins whose wheel is not. Blocks.

    Each is hashed again; one that changed on disk is removed and counts as missing.
    """
    found: list[Path] = []
    missing: list[Pinned] = []
    for pin in pins:
        paths = [path for one in pin.hashes for path in (_folder(base, cache) / one).glob("*.whl")]
        good = next((path for path in paths if _hash(path) == path.parent.name), None)
        for path in paths:
            if good is None:
                with suppress(OSError):
                    path.unlink()
        if good is None:
            missing.append(pin)
        else:
            found.append(good)
    return found, missing


def keep(paths: Iterable[Path], base: Base, cache: Path) -> list[Path]:
    """Move downloaded wheels to where `kept` finds them. Blocks."""
    stored: list[Path] = []
    for path in paths:
        place = _folder(base, cache) / _hash(path) / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        stored.append(path.rename(place))
    return stored
