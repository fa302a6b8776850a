"""Signing a catalog: a database becomes the next version of a TUF repository on disk.

Only maintainers come here. Keys are read from a folder outside the repository and never
written, shown or logged. The new version's files are laid beside the old ones and become valid
by one rename, that of the timestamp; what nobody needs any more is removed last.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from mcptui.errors import McptuiError, NotTrusted, UsageError
from mcptui.trust.tuf_copy import repository_parts
from mcptui.trust.tuf_names import (
    CryptoSigner,
    Metadata,
    MetaFile,
    Root,
    Signer,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from mcptui.trust.tuf_rules import DATABASE, Parts, Signature, verify

ROLES = ("targets", "snapshot", "timestamp")
"""The roles that sign a publication; the root's keys are kept offline."""
LIVES = {"targets": 365, "snapshot": 365, "timestamp": 7}
"""Days for which each role's signature holds in a refreshed copy."""
_RENEWED = 182 * 86400.0


@dataclass(frozen=True, slots=True)
class Published:
    """A publication: what the signatures say now, and whether the database is a new one."""

    signature: Signature
    changed: bool


def load_signers(folder: Path) -> dict[str, Signer]:
    """Read the private keys of the three publishing roles: 32 bytes as hex, `<role>.ed25519`.

    Raises:
        UsageError: a key is not there or not a key; the text of the file is never told.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signers: dict[str, Signer] = {}
    for role in ROLES:
        file = folder / f"{role}.ed25519"
        try:
            secret = bytes.fromhex(file.read_text("ascii").strip())
            signers[role] = CryptoSigner(Ed25519PrivateKey.from_private_bytes(secret))
        except (OSError, ValueError) as error:
            why = "it is not there" if isinstance(error, OSError) else "it is not 32 bytes in hex"
            raise UsageError(
                f"The key {file.name} cannot be read",
                why,
                "Name the folder of keys: --keys FOLDER, or MCPTUI_CATALOG_KEYS",
            ) from None
    return signers


def publish(
    repository: Path, database: Path, signers: Mapping[str, Signer], anchor: bytes, now: float
) -> Published:
    """Sign `database` as the next version of `repository`.

    The same database again gets a new timestamp only, half a year long; its version stays.

    Args:
        repository: has, or will have, `metadata/` and `targets/`.
        database: the new database.
        signers: role → private key.
        anchor: the root that clients embed; the repository's last root must descend from it.
        now: unix seconds; becomes the published date.

    Raises:
        McptuiError: a key is not one that the root names, or the repository does not verify.
    """
    metadata = repository / "metadata"
    metadata.mkdir(parents=True, exist_ok=True)
    (repository / "targets").mkdir(exist_ok=True)
    first = metadata / "1.root.json"
    if not first.exists():
        first.write_bytes(anchor)
    root = _last_root(metadata, anchor)
    _refuse_strangers(root, signers)
    before = _before(repository, anchor)
    file = TargetFile.from_file(DATABASE, str(database), ["sha256"])
    moment = datetime.fromtimestamp(int(now), UTC)
    same = before is not None and before.sha256 == file.hashes["sha256"]
    rotated = before is not None and before.root_version != root.version
    if before is not None and same and not rotated and now - before.published_at < _RENEWED:
        timestamp = cast("Any", Metadata).from_bytes((metadata / "timestamp.json").read_bytes())
        timestamp.signed.version += 1
        timestamp.signed.expires = moment + timedelta(days=LIVES["timestamp"])
        _write(metadata / "timestamp.json", _sign(timestamp, signers["timestamp"]))
        return Published(_verified(repository, anchor), changed=False)
    version = 1 if before is None else before.version + 1
    file.unrecognized_fields["custom"] = {"published_at": moment.isoformat()}
    stamp = 1 if before is None else before.timestamp_version + 1
    _lay(repository, database, file, _signed(file, version, stamp, moment, signers))
    signature = _verified(repository, anchor)
    _sweep(repository, signature)
    return Published(signature, changed=not same)


def _last_root(metadata: Path, anchor: bytes) -> Root:
    files = sorted(metadata.glob("*.root.json"), key=lambda file: int(file.name.split(".")[0]))
    last = files[-1].read_bytes() if len(files) > 1 else anchor
    return cast("Any", Metadata).from_bytes(last).signed


def _refuse_strangers(root: Root, signers: Mapping[str, Signer]) -> None:
    for role in ROLES:
        if signers[role].public_key.keyid not in root.roles[role].keyids:
            raise McptuiError(
                f"The key for {role} is not the one that the trust root names",
                "clients would refuse what it signs",
                "Use the catalog's own keys",
            )


def _before(repository: Path, anchor: bytes) -> Signature | None:
    """What is published now. After a rotation that is signed by the keys of an earlier root."""
    if not (repository / "metadata" / "timestamp.json").exists():
        return None
    parts = repository_parts(repository)
    for count in range(len(parts.roots), 0, -1):
        with contextlib.suppress(NotTrusted):
            return verify(anchor, replace(parts, roots=parts.roots[:count]))
    return verify(anchor, replace(parts, roots=()))


def _verified(repository: Path, anchor: bytes) -> Signature:
    return verify(anchor, repository_parts(repository))


def _sign(metadata: Any, signer: Signer) -> bytes:
    metadata.signatures.clear()
    metadata.sign(signer)
    return metadata.to_bytes()


def _signed(
    file: TargetFile, version: int, stamp: int, now: datetime, signers: Mapping[str, Signer]
) -> Parts:
    def expires(role: str) -> datetime:
        return now + timedelta(days=LIVES[role])

    targets = Targets(version=version, expires=expires("targets"), targets={DATABASE: file})
    snapshot = Snapshot(version=version, expires=expires("snapshot"))
    snapshot.meta["targets.json"] = MetaFile(version)
    signed_targets = _sign(Metadata(targets), signers["targets"])
    snapshot.meta["targets.json"] = _described(version, signed_targets)
    signed_snapshot = _sign(Metadata(snapshot), signers["snapshot"])
    timestamp = Timestamp(version=stamp, expires=expires("timestamp"))
    timestamp.snapshot_meta = _described(version, signed_snapshot)
    return Parts(
        (), _sign(Metadata(timestamp), signers["timestamp"]), signed_snapshot, signed_targets
    )


def _described(version: int, data: bytes) -> MetaFile:
    return MetaFile.from_data(version, data, ["sha256"])


def _lay(repository: Path, database: Path, file: TargetFile, parts: Parts) -> None:
    metadata = repository / "metadata"
    place = repository / "targets" / f"{file.hashes['sha256']}.{DATABASE}"
    shutil.copyfile(database, place)
    place.chmod(0o644)
    version = json.loads(parts.targets)["signed"]["version"]
    _write(metadata / f"{version}.targets.json", parts.targets)
    _write(metadata / f"{version}.snapshot.json", parts.snapshot)
    _write(metadata / "timestamp.json", parts.timestamp)


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _sweep(repository: Path, signature: Signature) -> None:
    """Remove files of earlier versions: the history of the sources keeps them."""
    for part in ("snapshot", "targets"):
        for old in (repository / "metadata").glob(f"*.{part}.json"):
            if old.name != f"{signature.version}.{part}.json":
                old.unlink()
    for old in (repository / "targets").glob(f"*.{DATABASE}"):
        if old.name != f"{signature.sha256}.{DATABASE}":
            old.unlink()
