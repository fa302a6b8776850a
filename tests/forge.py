"""A catalog's publisher for tests: own root and keys, own sources, a repository in a folder.

It publishes through the product's own code, then bends what it published: old versions, foreign
keys, mixed parts. Nothing here touches the real catalog or its keys.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mcptui.catalog.build import build
from mcptui.trust.pins import tool_hash
from mcptui.trust.tuf_copy import Copy, Place, best
from mcptui.trust.tuf_fetch import FolderFetcher
from mcptui.trust.tuf_names import CryptoSigner, Metadata, Root, Signer
from mcptui.trust.tuf_publish import ROLES, Published, load_signers, publish
from mcptui.trust.tuf_update import refresh

TIME: dict[str, Any] = {
    "name": "get_time",
    "description": "Gives the time in a timezone",
    "inputSchema": {"type": "object", "properties": {"timezone": {"type": "string"}}},
    "annotations": {"readOnlyHint": True},
}
DEFAULTS = """id = "{id}"
title = "{title}"
description = "{description}"
publisher = "{publisher}"
category = "utilities"
licence = "MIT"
source = "https://example.org/{id}"
{more}
[image]
repository = "example/{id}"
digest = "sha256:{digest}"
[checked]
on = "2026-11-23"
built = true
started = true
listed = {listed}
not_checked = "{not_checked}"
"""


class CatalogForge:
    """A publisher of its own in `folder`; version 1 is not published yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = folder / "sources"
        self.repository = folder / "repository"
        self.keys = folder / "keys"
        for name in ("servers", "locks", "tools"):
            (self.sources / name).mkdir(parents=True)
        self.keys.mkdir()
        for role in ROLES:
            secret = Ed25519PrivateKey.generate().private_bytes_raw().hex()
            (self.keys / f"{role}.ed25519").write_text(secret)
        self.signers: dict[str, Signer] = load_signers(self.keys)
        self.root_keys = [CryptoSigner.generate_ed25519() for _ in range(3)]
        self.anchor = self._first_root()
        self.write_server("clock", title="Clock", tools=[TIME])

    def _first_root(self) -> bytes:
        root = Root(expires=datetime.now(UTC) + timedelta(days=3650), consistent_snapshot=True)
        for key in self.root_keys:
            root.add_key(key.public_key, "root")
        root.roles["root"].threshold = 2
        for role in ROLES:
            root.add_key(self.signers[role].public_key, role)
        metadata = Metadata(root)
        for key in self.root_keys[:2]:
            metadata.sign(key, append=True)
        return metadata.to_bytes()

    def write_server(
        self,
        name: str,
        *,
        title: str = "",
        description: str = "Does one thing.",
        publisher: str = "Example",
        more: str = "",
        tools: Iterable[dict[str, Any]] = (),
        instructions: str = "",
    ) -> Path:
        """Write the sources of one server; its tools are pinned."""
        defined = list(tools)
        text = DEFAULTS.format(
            id=name,
            title=title or name,
            description=description,
            publisher=publisher,
            more=more,
            digest="a" * 64,
            listed="true" if defined else "false",
            not_checked="" if defined else "no tools",
        )
        for tool in defined:
            text += f'[[tools]]\nname = "{tool["name"]}"\nhash = "{tool_hash(tool)}"\n'
        beside = self.sources / "tools" / f"{name}.json"
        beside.unlink(missing_ok=True)
        if defined:
            said = {
                "era": "legacy", "protocol_version": "2025-06-18",
                "instructions": instructions, "tools": defined,
            }  # fmt: skip
            beside.write_text(json.dumps(said))
        file = self.sources / "servers" / f"{name}.toml"
        file.write_text(text)
        return file

    def publish(self, now: float | None = None) -> Published:
        """Publish the sources as the next version, through the product's own code."""
        database = self.folder / "new.sqlite"
        database.unlink(missing_ok=True)
        build(self.sources, database, tool_hash)
        return self.publish_file(database, now)

    def publish_file(self, database: Path, now: float | None = None) -> Published:
        """Publish any file as the database."""
        moment = time.time() if now is None else now
        return publish(self.repository, database, self.signers, self.anchor, moment)

    def next(self, now: float | None = None) -> Published:
        """Publish one more server."""
        count = len(list((self.sources / "servers").iterdir()))
        self.write_server(f"more-{count}")
        return self.publish(now)

    def edit(self, name: str, change: Callable[[Any], None], key: Signer | None = None) -> None:
        """Change the signed part of `metadata/<name>` and, with a key, sign it again."""
        file = self.repository / "metadata" / name
        metadata = cast("Any", Metadata).from_bytes(file.read_bytes())
        change(metadata.signed)
        if key is not None:
            metadata.signatures.clear()
            metadata.sign(key)
        file.write_bytes(metadata.to_bytes())

    def rotate(self, change: Callable[[Root], None], signers: Iterable[Signer]) -> None:
        """Write the next root, signed by `signers`."""
        metadata_folder = self.repository / "metadata"
        version = len(list(metadata_folder.glob("*.root.json")))
        file = metadata_folder / f"{version}.root.json"
        metadata = cast("Any", Metadata).from_bytes(file.read_bytes())
        metadata.signed.version += 1
        change(metadata.signed)
        metadata.signatures.clear()
        for key in signers:
            metadata.sign(key, append=True)
        (metadata_folder / f"{version + 1}.root.json").write_bytes(metadata.to_bytes())

    def keep(self, name: str) -> Path:
        """Keep the repository as it is now under another name."""
        return Path(shutil.copytree(self.repository, self.folder / name))

    def back_to(self, kept: Path) -> None:
        """Put a kept repository in the place of the published one."""
        shutil.rmtree(self.repository)
        shutil.copytree(kept, self.repository)


class Client:
    """One user: a shipped copy, a folder of refreshed ones, and the forge as the source."""

    def __init__(self, forge: CatalogForge, folder: Path) -> None:
        shipped = Path(shutil.copytree(forge.repository, folder / "shipped"))
        self.place = Place(forge.anchor, shipped, folder / "refreshed")
        self.source = FolderFetcher(forge.repository)

    def refresh(self) -> Copy:
        """Ask the forge."""
        return refresh(self.place, self.source, time.time)

    def version(self) -> int:
        """The version in use, verified."""
        return best(self.place).version
