"""Copies of the catalog on this machine: the one shipped with the program, the one refreshed.

`best` picks the newer and verifies it by `tuf_rules.py`, every time. A refreshed copy that does
not hold is never used: the shipped one takes its place and says why.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mcptui
from mcptui.errors import McptuiError, NotTrusted
from mcptui.paths import Paths
from mcptui.trust.tuf_rules import DATABASE, Parts, Signature, verify

_MOST_METADATA = 4 * 1024 * 1024
_MOST_ROOTS = 256
POINTER = "current.json"
"""Names the refreshed copy in use; replaced as a whole, so a refresh happens or does not."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where copies lie, and which root they must descend from.

    Args:
        anchor: the embedded root.
        shipped: the published repository that came with the program.
        refreshed: this user's folder of refreshed copies.
    """

    anchor: bytes
    shipped: Path
    refreshed: Path

    @classmethod
    def of(cls, paths: Paths) -> Place:
        """The place of a user's own mcptui."""
        return cls(
            embedded_root(),
            shipped_folder(),
            paths.state / "catalog",
        )


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that was verified just now. See `tuf_rules.Signature` for the first six.

    Args:
        database: the file.
        source: "shipped" or "refreshed".
        checked_at: when its source was last asked, unix seconds.
        warning: why another copy was not used, "" when there is nothing to say.
    """

    version: int
    timestamp_version: int
    root_version: int
    published_at: float
    expires: float
    signers: tuple[str, ...]
    database: Path
    source: str
    checked_at: float
    warning: str = ""


def embedded_root() -> bytes:
    """The root that all trust descends from; part of the program."""
    return Path(__file__).with_name("1.root.json").read_bytes()


def shipped_folder() -> Path:
    """Find the repository that came with the program: inside a wheel, or beside the sources."""
    package = Path(mcptui.__file__).parent
    inside = package / "_catalog"
    return inside if inside.is_dir() else package.parent / "catalog"


def read(path: Path, limit: int = _MOST_METADATA) -> bytes:
    """Read a small file whole.

    Raises:
        NotTrusted: it is larger than `limit` bytes.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise NotTrusted(f"{path.name} of the catalog is too large", f"more than {limit} bytes")
    return data


def _roots(folder: Path) -> tuple[bytes, ...]:
    found: list[bytes] = []
    for version in range(2, _MOST_ROOTS):
        file = folder / f"{version}.root.json"
        if not file.is_file():
            break
        found.append(read(file))
    return tuple(found)


def _named(data: bytes, name: str) -> int:
    """Look up, unverified, which version of `name` a file announces: only to find the file."""
    try:
        return int(json.loads(data)["signed"]["meta"][name]["version"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotTrusted("The catalog's signed files are broken", str(error)[:200]) from error


def repository_parts(folder: Path) -> Parts:
    """Read the signed files of a published repository."""
    metadata = folder / "metadata"
    timestamp = read(metadata / "timestamp.json")
    snapshot = read(metadata / f"{_named(timestamp, 'snapshot.json')}.snapshot.json")
    targets = read(metadata / f"{_named(snapshot, 'targets.json')}.targets.json")
    return Parts(_roots(metadata), timestamp, snapshot, targets)


def refreshed_parts(folder: Path) -> Parts:
    """Read the signed files of one refreshed copy."""
    names = ("timestamp.json", "snapshot.json", "targets.json")
    timestamp, snapshot, targets = (read(folder / name) for name in names)
    return Parts(_roots(folder / "root_history"), timestamp, snapshot, targets)


def _timestamp_version(path: Path) -> int:
    try:
        return int(json.loads(read(path))["signed"]["version"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, NotTrusted):
        return -1


def check_copy(signature: Signature, database: Path, source: str, at: float) -> Copy:
    """Check the database against its signature.

    Args:
        signature: what was signed.
        database: the file.
        source: "shipped" or "refreshed".
        at: when the source was asked, unix seconds; 0 for the day it was published.

    Raises:
        NotTrusted: the file is not the signed one.
        OSError: it cannot be read.
    """
    with database.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    signature.check(digest, database.stat().st_size)
    return Copy(
        signature.version,
        signature.timestamp_version,
        signature.root_version,
        signature.published_at,
        signature.expires,
        signature.signers,
        database,
        source,
        at or signature.published_at,
    )


def shipped(place: Place) -> Copy:
    """Verify the copy that came with the program.

    Raises:
        NotTrusted: it was changed.
        McptuiError: it is not there.
    """
    try:
        signature = verify(place.anchor, repository_parts(place.shipped))
        database = place.shipped / "targets" / f"{signature.sha256}.{DATABASE}"
        return check_copy(signature, database, "shipped", 0.0)
    except OSError as error:
        raise McptuiError(
            "The catalog that comes with mcptui is incomplete", str(error), "Install mcptui again"
        ) from error


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which refreshed copy is in use, when its source was last asked, and which that was."""

    folder: str
    checked_at: float
    source: str


def pointer(place: Place) -> Pointer | None:
    """Read which refreshed copy is in use, None when there is none.

    Raises:
        NotTrusted: the pointer is broken or points elsewhere.
    """
    try:
        found: Any = json.loads(read(place.refreshed / POINTER, 4096))
        folder, at, source = str(found["folder"]), float(found["checked_at"]), str(found["source"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotTrusted("The refreshed catalog cannot be found", str(error)[:200]) from error
    if Path(folder).name != folder or folder in ("", ".", ".."):
        raise NotTrusted("The refreshed catalog lies outside its folder", folder[:80])
    return Pointer(folder, at, source)


def refreshed_folder(place: Place) -> Path | None:
    """The folder of the refreshed copy in use, verified or not; None when there is none."""
    found = pointer(place)
    return None if found is None else place.refreshed / found.folder


def refreshed(place: Place) -> Copy | None:
    """Verify the refreshed copy, None when there is none.

    Raises:
        NotTrusted: it does not hold.
    """
    found = pointer(place)
    if found is None:
        return None
    folder = place.refreshed / found.folder
    try:
        signature = verify(place.anchor, refreshed_parts(folder))
        return check_copy(signature, folder / DATABASE, "refreshed", found.checked_at)
    except OSError as error:
        raise NotTrusted("The refreshed catalog is incomplete", str(error)) from error


def best(place: Place) -> Copy:
    """Verify and return the newer copy, the refreshed one when both are the same.

    Raises:
        NotTrusted: no copy holds.
        McptuiError: no copy is there.
    """
    warning = ""
    try:
        copy = _newer(place)
        if copy is not None:
            return copy
    except NotTrusted as error:
        warning = f"The refreshed catalog is not used: {error}"
    return replace(shipped(place), warning=warning)


def _newer(place: Place) -> Copy | None:
    """The refreshed copy when it is as new as the shipped one, else None."""
    while True:
        folder = refreshed_folder(place)
        if folder is None:
            return None
        known = _timestamp_version(place.shipped / "metadata" / "timestamp.json")
        if 0 <= _timestamp_version(folder / "timestamp.json") < known:
            return None
        try:
            return refreshed(place)
        except NotTrusted:
            # Another process may have put two newer copies in use and cleared this one away.
            if refreshed_folder(place) == folder:
                raise
