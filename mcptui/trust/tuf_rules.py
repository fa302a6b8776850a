"""The rules by which a copy of the catalog is believed: bytes in, facts or `NotTrusted` out.

Every copy, the one shipped with the program and any refreshed later, passes here on each load.
Root by root, each signed by enough keys of the one before and of itself; then the timestamp, the
snapshot it names, the targets that names, and the length and hash of the database itself. So an
edited file, a part of another release or an unknown key is refused whatever the clock says.

Time is not judged here but told: `expires` is when a refreshed copy goes stale. What was signed
must have been valid on the day it was published, and a shipped copy stays usable for years.
Rollback and freeze need a memory of what was seen and are refused in `tuf_update.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from tuf.api import exceptions

from mcptui.errors import NotTrusted
from mcptui.trust.tuf_names import Metadata, Root, Signed, Snapshot, TargetFile, Targets, Timestamp

DATABASE = "catalog.sqlite"
"""The one target: the database, in one file."""
KEPT = "The catalog in use was kept"
_FIX = "Try another source, or install mcptui again"
S = TypeVar("S", bound=Signed)


@dataclass(frozen=True, slots=True)
class Parts:
    """The signed files of one copy, as bytes; the roots after the embedded one in order."""

    roots: tuple[bytes, ...]
    timestamp: bytes
    snapshot: bytes
    targets: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """What the signatures of a copy say.

    Args:
        version: of the catalog; rises with every publication.
        timestamp_version: of the timestamp; rises with every re-signing.
        root_version: of the last root.
        published_at: unix seconds, by the publisher's clock.
        expires: unix seconds after which a refreshed copy is stale.
        signers: short ids of the keys that vouch for the database.
        length: bytes of the database.
        sha256: hex digest of the database.
    """

    version: int
    timestamp_version: int
    root_version: int
    published_at: float
    expires: float
    signers: tuple[str, ...]
    length: int
    sha256: str

    def check(self, digest: str, length: int) -> None:
        """Refuse a database that is not the signed one.

        Raises:
            NotTrusted: its length or hash differs.
        """
        if digest != self.sha256 or length != self.length:
            raise NotTrusted(
                "The catalog's database is not the one that was signed",
                f"its hash is {digest[:12]}…, {self.sha256[:12]}… was signed",
                _FIX,
            )


def verify(anchor: bytes, parts: Parts) -> Signature:
    """Check every signature, version and hash from `anchor` down to the database's description.

    Args:
        anchor: the embedded root, the source of all trust.
        parts: the copy's signed files.

    Raises:
        NotTrusted: something does not hold; says what.
    """
    try:
        return _verify(anchor, parts)
    except exceptions.RepositoryError as error:
        raise refused(error) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotTrusted("The catalog's signed files are broken", str(error)[:200], _FIX) from error


def _verify(anchor: bytes, parts: Parts) -> Signature:
    root = _last_root(anchor, parts.roots)
    timestamp = _signed(Timestamp, parts.timestamp, root)
    named = timestamp.snapshot_meta
    named.verify_length_and_hashes(parts.snapshot)
    snapshot = _signed(Snapshot, parts.snapshot, root)
    _same_version("snapshot", snapshot.version, named.version)
    listed = snapshot.meta["targets.json"]
    listed.verify_length_and_hashes(parts.targets)
    targets = _signed(Targets, parts.targets, root)
    _same_version("targets", targets.version, listed.version)
    file = targets.targets[DATABASE]
    published = _published(file)
    for part in (root, snapshot, targets):
        if part.expires.timestamp() < published:
            raise NotTrusted(f"The catalog was published with an expired {part.type}", KEPT, _FIX)
    return Signature(
        targets.version,
        timestamp.version,
        root.version,
        published,
        min(part.expires.timestamp() for part in (root, timestamp, snapshot, targets)),
        _signers(parts.targets, root),
        file.length,
        file.hashes["sha256"],
    )


def _last_root(anchor: bytes, later: Sequence[bytes]) -> Root:
    """Walk from the embedded root to the last; each is signed by its predecessor and itself."""
    root, _, _ = _load(Root, anchor)
    root = _signed(Root, anchor, root)
    for data in later:
        new = _signed(Root, data, root)
        _same_version("root", new.version, root.version + 1)
        root = _signed(Root, data, new)
    return root


def _load(role: type[S], data: bytes) -> tuple[S, bytes, dict[str, Any]]:
    metadata = cast("Any", Metadata).from_bytes(data)
    if not isinstance(metadata.signed, role):
        raise NotTrusted(f"The catalog's {role.type} file is of another kind", KEPT, _FIX)
    return metadata.signed, metadata.signed_bytes, metadata.signatures


def _signed(role: type[S], data: bytes, root: Root) -> S:
    signed, payload, signatures = _load(role, data)
    root.verify_delegate(str(role.type), payload, signatures)
    return signed


def _signers(data: bytes, root: Root) -> tuple[str, ...]:
    _, payload, signatures = _load(Targets, data)
    result = root.get_verification_result("targets", payload, signatures)
    return tuple(sorted(key[:8] for key in result.signed))


def _same_version(name: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise NotTrusted(
            f"The catalog's {name} file is of another release",
            f"version {wanted} was announced, version {found} is there",
            _FIX,
        )


def _published(file: TargetFile) -> float:
    custom = cast("dict[str, Any]", file.custom or {})
    moment = datetime.fromisoformat(str(custom["published_at"]))
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def refused(error: Exception) -> NotTrusted:
    """Put an error of the update protocol into words."""
    words: tuple[tuple[type[Exception], str], ...] = (
        (exceptions.UnsignedMetadataError, "The catalog is not signed by the keys we trust"),
        (exceptions.BadVersionNumberError, "The catalog offered is older than one seen before"),
        (exceptions.ExpiredMetadataError, "The catalog offered has expired: it may be withheld"),
        (exceptions.LengthOrHashMismatchError, "The catalog's files do not belong together"),
        (exceptions.DownloadLengthMismatchError, "The catalog's source sends more than it may"),
    )
    for kind, what in words:
        if isinstance(error, kind):
            return NotTrusted(what, str(error)[:200], KEPT)
    return NotTrusted("The catalog cannot be trusted", str(error)[:200], KEPT)
