"""Attacks on a refresh: each is refused in words, and the copy in use before stays in use."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mcptui.catalog.load import open_catalog
from mcptui.errors import McptuiError, NotTrusted, TryAgain
from mcptui.trust.tuf_copy import Copy, best, pointer
from mcptui.trust.tuf_names import CryptoSigner
from mcptui.trust.tuf_update import refresh
from tests.forge import CatalogForge, Client

PAST = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def ids(client: Client) -> list[str]:
    catalog = open_catalog(best(client.place), time.time)
    try:
        return [row.id for row in catalog.rows()]
    finally:
        catalog.close()


def refused(client: Client, words: str, kind: type[McptuiError] = NotTrusted) -> None:
    """The refresh is refused in these words and changes nothing."""
    before = best(client.place)
    with pytest.raises(kind) as caught:
        client.refresh()
    assert words in str(caught.value)
    assert "Traceback" not in str(caught.value)
    after = best(client.place)
    assert (after.version, after.timestamp_version) == (before.version, before.timestamp_version)
    assert after.database == before.database
    assert after.warning == ""
    assert ids(client)
    assert not (client.place.refreshed / ".new").exists()


def test_a_new_version_is_put_in_use(forge: CatalogForge, client: Client) -> None:
    assert client.version() == 1
    forge.next()
    copy = client.refresh()
    assert (copy.version, copy.source) == (2, "refreshed")
    assert best(client.place).version == 2
    assert ids(client) == ["clock", "more-1"]
    found = pointer(client.place)
    assert found is not None
    assert found.source == str(forge.repository)
    forge.next()
    forge.next()
    assert client.refresh().version == 4


def test_an_unchanged_source_only_renews(forge: CatalogForge, client: Client) -> None:
    first = client.refresh()
    assert first.version == 1
    again = client.refresh()
    assert again.version == 1
    forge.publish(time.time() + 60)
    renewed = client.refresh()
    assert renewed.version == 1
    assert renewed.timestamp_version == 2
    assert renewed.expires > again.expires
    assert ids(client) == ["clock"]


def test_old_copies_are_cleared_away(forge: CatalogForge, client: Client) -> None:
    for _ in range(4):
        forge.next()
        client.refresh()
    folders = [path for path in client.place.refreshed.iterdir() if path.is_dir()]
    assert len(folders) == 2


# ── rollback ────────────────────────────────────────────────────────────────────────────


def test_rollback_to_an_older_release(forge: CatalogForge, client: Client) -> None:
    old = forge.keep("old")
    forge.next()
    client.refresh()
    forge.back_to(old)
    refused(client, "older than one seen before")


def test_rollback_below_the_shipped_copy(forge: CatalogForge, tmp_path: Path) -> None:
    old = forge.keep("old")
    forge.next()
    client = Client(forge, tmp_path / "late")
    forge.back_to(old)
    refused(client, "older than one seen before")
    assert client.version() == 2


def test_rollback_of_the_snapshot_under_a_new_timestamp(
    forge: CatalogForge, client: Client
) -> None:
    forge.next()
    client.refresh()

    def turn_back(timestamp: Any) -> None:
        timestamp.version += 5
        timestamp.snapshot_meta.version = 1

    forge.edit("timestamp.json", turn_back, forge.signers["timestamp"])
    refused(client, "older than one seen before")


# ── freeze ──────────────────────────────────────────────────────────────────────────────


def test_freeze_by_an_expired_timestamp(forge: CatalogForge, client: Client) -> None:
    forge.next()

    def expire(timestamp: Any) -> None:
        timestamp.expires = PAST

    forge.edit("timestamp.json", expire, forge.signers["timestamp"])
    refused(client, "has expired: it may be withheld")


def test_freeze_by_repeating_what_is_known(forge: CatalogForge, tmp_path: Path) -> None:
    forge.publish(time.time() - 30 * 86400)
    forge.next(time.time() - 20 * 86400)
    client = Client(forge, tmp_path / "frozen")
    refused(client, "has expired: it may be withheld")


# ── mix-and-match ───────────────────────────────────────────────────────────────────────


def test_old_targets_under_a_new_snapshot(forge: CatalogForge, client: Client) -> None:
    old = (forge.repository / "metadata" / "1.targets.json").read_bytes()
    forge.next()
    (forge.repository / "metadata" / "2.targets.json").write_bytes(old)
    refused(client, "do not belong together")


def test_an_old_snapshot_under_a_new_timestamp(forge: CatalogForge, client: Client) -> None:
    old = (forge.repository / "metadata" / "1.snapshot.json").read_bytes()
    forge.next()
    (forge.repository / "metadata" / "2.snapshot.json").write_bytes(old)
    refused(client, "do not belong together")


def test_an_old_database_under_new_targets(forge: CatalogForge, client: Client) -> None:
    (old,) = (forge.repository / "targets").iterdir()
    data = old.read_bytes()
    forge.next()
    (new,) = (forge.repository / "targets").iterdir()
    new.write_bytes(data)
    refused(client, "do not belong together")


# ── edited ──────────────────────────────────────────────────────────────────────────────


def test_an_edited_database(forge: CatalogForge, client: Client) -> None:
    forge.next()
    (file,) = (forge.repository / "targets").iterdir()
    with sqlite3.connect(file) as database:
        database.execute("UPDATE entries SET title = 'Evil'")
    database.close()
    refused(client, "do not belong together")


def flip(data: bytes) -> bytes:
    return data[:2000] + bytes([data[2000] ^ 1]) + data[2001:]


def shorten(data: bytes) -> bytes:
    return data[:-1]


@pytest.mark.parametrize("bend", [flip, shorten])
def test_a_database_of_other_bytes(
    forge: CatalogForge, client: Client, bend: Callable[[bytes], bytes]
) -> None:
    forge.next()
    (file,) = (forge.repository / "targets").iterdir()
    file.write_bytes(bend(file.read_bytes()))
    refused(client, "do not belong together")


@pytest.mark.parametrize("name", ["timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_edited_metadata(forge: CatalogForge, client: Client, name: str) -> None:
    forge.next()

    def later(signed: Any) -> None:
        signed.expires += timedelta(days=1)

    forge.edit(name, later)
    refused(client, "")


# ── keys ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_an_unknown_key(forge: CatalogForge, client: Client, name: str) -> None:
    stranger = CryptoSigner.generate_ed25519()
    forge.next()
    forge.edit(name, lambda signed: None, stranger)
    refused(client, "not signed by the keys" if name == "timestamp.json" else "")


def test_a_whole_foreign_repository(forge: CatalogForge, client: Client, tmp_path: Path) -> None:
    other = CatalogForge(tmp_path / "other")
    other.publish()
    other.next()
    forge.back_to(other.repository)
    refused(client, "not signed by the keys we trust")


def test_no_signature_at_all(forge: CatalogForge, client: Client) -> None:
    forge.next()
    file = forge.repository / "metadata" / "timestamp.json"
    data = json.loads(file.read_text())
    data["signatures"] = []
    file.write_text(json.dumps(data))
    refused(client, "not signed by the keys we trust")


def swap_targets_key(forge: CatalogForge) -> Callable[[Any], None]:
    new = CryptoSigner.generate_ed25519()

    def change(root: Any) -> None:
        root.revoke_key(forge.signers["targets"].public_key.keyid, "targets")
        root.add_key(new.public_key, "targets")
        forge.signers["targets"] = new

    return change


def test_a_root_signed_by_two_of_three_is_accepted(forge: CatalogForge, client: Client) -> None:
    forge.rotate(swap_targets_key(forge), forge.root_keys[1:])
    forge.next()
    copy = client.refresh()
    assert (copy.version, copy.root_version) == (2, 2)
    assert best(client.place).root_version == 2
    forge.rotate(swap_targets_key(forge), forge.root_keys[:2])
    forge.next()
    assert client.refresh().root_version == 3


def test_a_root_signed_by_one_is_not(forge: CatalogForge, client: Client) -> None:
    forge.rotate(swap_targets_key(forge), forge.root_keys[:1])
    refused(client, "not signed by the keys we trust")


def test_a_root_signed_by_strangers_is_not(forge: CatalogForge, client: Client) -> None:
    strangers = [CryptoSigner.generate_ed25519() for _ in range(3)]

    def change(root: Any) -> None:
        for old in forge.root_keys:
            root.revoke_key(old.public_key.keyid, "root")
        for key in strangers:
            root.add_key(key.public_key, "root")

    forge.rotate(change, strangers)
    refused(client, "not signed by the keys we trust")


def test_a_root_that_skips_a_version_is_not(forge: CatalogForge, client: Client) -> None:
    def skip(root: Any) -> None:
        root.version += 1

    forge.rotate(skip, forge.root_keys[:2])
    refused(client, "older than one seen before")


# ── too much, too little, out of reach ──────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["timestamp.json", "2.root.json"])
def test_endless_metadata(forge: CatalogForge, client: Client, name: str) -> None:
    forge.next()
    with (forge.repository / "metadata" / name).open("wb") as file:
        file.truncate(1 << 30)
    refused(client, "sends more than it may")


def test_an_endless_database(forge: CatalogForge, client: Client) -> None:
    forge.next()
    (file,) = (forge.repository / "targets").iterdir()
    with file.open("r+b") as handle:
        handle.truncate(1 << 34)
    refused(client, "sends more than it may")


def test_missing_files(forge: CatalogForge, client: Client) -> None:
    forge.next()
    (file,) = (forge.repository / "targets").iterdir()
    file.unlink()
    refused(client, "cannot be reached", TryAgain)
    (forge.repository / "metadata" / "timestamp.json").unlink()
    refused(client, "cannot be reached", TryAgain)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"signed": 1}', b"\xff" * 100])
def test_nonsense(forge: CatalogForge, client: Client, data: bytes) -> None:
    forge.next()
    (forge.repository / "metadata" / "timestamp.json").write_bytes(data)
    refused(client, "")


def test_a_signed_file_that_is_no_catalog(forge: CatalogForge, client: Client) -> None:
    file = forge.folder / "not-a-database"
    file.write_bytes(b"SQLite format 3\x00 is not enough" * 100)
    forge.publish_file(file)
    before = best(client.place)

    def accept(copy: Copy) -> None:
        open_catalog(copy, time.time).close()

    with pytest.raises(McptuiError, match="cannot be read"):
        refresh(client.place, client.source, time.time, accept)
    assert best(client.place) == before


def test_readers_never_see_half_a_refresh(forge: CatalogForge, client: Client) -> None:
    client.refresh()
    done = threading.Event()

    def read() -> list[int]:
        versions: list[int] = []
        while not done.is_set():
            copy = best(client.place)
            assert copy.warning == ""
            assert copy.source == "refreshed"
            versions.append(copy.version)
        return versions

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for _ in range(6):
                forge.next()
                client.refresh()
        finally:
            done.set()
        for reader in readers:
            assert reader.result() == sorted(reader.result())
    assert client.version() == 7
