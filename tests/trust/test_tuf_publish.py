"""Publishing: versions rise, strangers' keys are refused, leftovers go, keys are never told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mcptui.errors import McptuiError, UsageError
from mcptui.trust.tuf_names import CryptoSigner
from mcptui.trust.tuf_publish import load_signers
from tests.forge import CatalogForge, Client


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_versions_rise_and_leftovers_go(forge: CatalogForge) -> None:
    done = forge.next()
    assert (done.signature.version, done.changed) == (2, True)
    assert names(forge.repository / "metadata") == [
        "1.root.json",
        "2.snapshot.json",
        "2.targets.json",
        "timestamp.json",
    ]
    (database,) = (forge.repository / "targets").iterdir()
    assert database.name == f"{done.signature.sha256}.catalog.sqlite"


def test_the_same_sources_are_only_signed_anew(forge: CatalogForge) -> None:
    before = forge.publish()
    again = forge.publish(time.time() + 86400)
    assert not again.changed
    assert again.signature.version == 1
    assert again.signature.timestamp_version == before.signature.timestamp_version + 1
    assert again.signature.expires > before.signature.expires
    assert again.signature.published_at == before.signature.published_at


def test_after_half_a_year_everything_is_signed_anew(forge: CatalogForge) -> None:
    later = forge.publish(time.time() + 200 * 86400)
    assert not later.changed
    assert later.signature.version == 2


def test_a_key_that_the_root_does_not_name(forge: CatalogForge) -> None:
    before = names(forge.repository / "metadata")
    forge.signers["snapshot"] = CryptoSigner.generate_ed25519()
    with pytest.raises(McptuiError, match="key for snapshot is not the one"):
        forge.next()
    assert names(forge.repository / "metadata") == before
    assert Path(forge.repository / "metadata" / "timestamp.json").exists()


def test_a_rotated_key_signs_the_next_version(forge: CatalogForge, tmp_path: Path) -> None:
    new = CryptoSigner.generate_ed25519()

    def change(root: Any) -> None:
        root.revoke_key(forge.signers["timestamp"].public_key.keyid, "timestamp")
        root.add_key(new.public_key, "timestamp")

    forge.rotate(change, forge.root_keys[:2])
    with pytest.raises(McptuiError, match="key for timestamp is not the one"):
        forge.publish()
    forge.signers["timestamp"] = new
    done = forge.publish()
    assert (done.signature.version, done.signature.root_version) == (2, 2)
    assert Client(forge, tmp_path / "new").version() == 2


@pytest.mark.parametrize("text", ["", "zz" * 32, "ab" * 31, "ab" * 33])
def test_a_broken_key_is_refused_and_never_told(forge: CatalogForge, text: str) -> None:
    (forge.keys / "targets.ed25519").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_signers(forge.keys)
    assert "targets.ed25519 cannot be read" in str(caught.value)
    assert not text or text not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_missing_key(forge: CatalogForge) -> None:
    (forge.keys / "snapshot.ed25519").unlink()
    with pytest.raises(UsageError, match="it is not there"):
        load_signers(forge.keys)


def test_a_broken_repository_is_not_continued(forge: CatalogForge) -> None:
    (forge.repository / "metadata" / "timestamp.json").write_text("{}")
    with pytest.raises(McptuiError):
        forge.next()
