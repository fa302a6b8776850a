"""Copies on this machine: usable for years, stale when refreshed and old, never when changed."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mcptui.catalog.load import open_catalog
from mcptui.errors import McptuiError, NotTrusted, TryAgain
from mcptui.paths import Paths
from mcptui.trust.tuf_copy import POINTER, Place, best, embedded_root, shipped
from mcptui.trust.tuf_names import CryptoSigner
from tests.forge import CatalogForge, Client

YEAR = 365 * 86400.0


def test_the_shipped_copy_stays_usable_for_years(client: Client) -> None:
    later = time.time() + 8 * YEAR
    catalog = open_catalog(best(client.place), lambda: later)
    facts = catalog.facts
    assert (facts.source, facts.stale, facts.age_text) == ("shipped", False, "8 years old")
    catalog.refuse_if_stale()
    assert catalog.entry("clock").title == "Clock"
    catalog.close()


def test_a_refreshed_copy_goes_stale_in_days(forge: CatalogForge, client: Client) -> None:
    forge.next()
    client.refresh()
    now = time.time()
    catalog = open_catalog(best(client.place), lambda: now)
    assert not catalog.facts.stale
    catalog.refuse_if_stale()
    now += 6.9 * 86400
    assert not catalog.facts.stale
    now += 2 * 86400
    assert catalog.facts.stale
    assert catalog.entry("clock").title == "Clock"
    with pytest.raises(TryAgain, match="stale, so nothing new is installed"):
        catalog.refuse_if_stale()
    catalog.close()


def test_a_newer_shipped_copy_wins_over_an_older_refresh(
    forge: CatalogForge, client: Client, tmp_path: Path
) -> None:
    client.refresh()
    forge.next()
    updated = Client(forge, tmp_path / "updated").place
    place = Place(forge.anchor, updated.shipped, client.place.refreshed)
    assert best(place).source == "shipped"
    assert best(place).version == 2


@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_one_changed_byte_of_the_shipped_metadata(client: Client, name: str) -> None:
    file = client.place.shipped / "metadata" / name
    data = file.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 40)):
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(McptuiError):
            shipped(client.place)
    file.write_bytes(data)
    assert shipped(client.place).version == 1


def test_a_changed_shipped_database(client: Client) -> None:
    (file,) = (client.place.shipped / "targets").iterdir()
    data = bytearray(file.read_bytes())
    data[5000] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(NotTrusted, match="not the one that was signed"):
        best(client.place)


@pytest.mark.parametrize("name", ["metadata/timestamp.json", "metadata/1.targets.json", "targets"])
def test_an_incomplete_shipped_copy(client: Client, name: str) -> None:
    file = client.place.shipped / name
    file.rename(file.with_name("elsewhere"))
    with pytest.raises(McptuiError, match="incomplete"):
        best(client.place)


def test_mixed_releases_in_the_shipped_copy(forge: CatalogForge, client: Client) -> None:
    forge.next()
    newer = (forge.repository / "metadata" / "timestamp.json").read_bytes()
    (client.place.shipped / "metadata" / "timestamp.json").write_bytes(newer)
    with pytest.raises(McptuiError):
        best(client.place)


def test_a_metadata_file_without_end(client: Client) -> None:
    with (client.place.shipped / "metadata" / "timestamp.json").open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(NotTrusted, match="too large"):
        best(client.place)


def test_an_unknown_root_is_refused(forge: CatalogForge, client: Client, tmp_path: Path) -> None:
    other = CatalogForge(tmp_path / "other")
    place = Place(other.anchor, client.place.shipped, client.place.refreshed)
    with pytest.raises(NotTrusted, match="not signed by the keys"):
        best(place)


def test_an_anchor_below_its_own_threshold(forge: CatalogForge, client: Client) -> None:
    data = json.loads(forge.anchor)
    data["signatures"] = data["signatures"][:1]
    place = Place(json.dumps(data).encode(), client.place.shipped, client.place.refreshed)
    with pytest.raises(NotTrusted, match="not signed by the keys"):
        best(place)


def test_what_was_published_with_an_expired_part_is_refused(
    forge: CatalogForge, client: Client, tmp_path: Path
) -> None:
    forge.publish(time.time() - 700 * 86400)
    forge.write_server("late")
    forge.publish(time.time() - 600 * 86400)

    def postdate(targets: Any) -> None:
        file = targets.targets["catalog.sqlite"]
        file.unrecognized_fields["custom"] = {"published_at": "2036-01-01T00:00:00+00:00"}

    version = 3 if (forge.repository / "metadata" / "3.targets.json").exists() else 2
    forge.edit(f"{version}.targets.json", postdate, forge.signers["targets"])

    def follow(snapshot: Any) -> None:
        snapshot.meta["targets.json"].hashes = None
        snapshot.meta["targets.json"].length = None

    forge.edit(f"{version}.snapshot.json", follow, forge.signers["snapshot"])

    def lead(timestamp: Any) -> None:
        timestamp.snapshot_meta.hashes = None
        timestamp.snapshot_meta.length = None

    forge.edit("timestamp.json", lead, forge.signers["timestamp"])
    with pytest.raises(NotTrusted, match="published with an expired snapshot"):
        best(Client(forge, tmp_path / "new").place)


# ── a refreshed copy that was changed afterwards ────────────────────────────────────────


def fall_back(client: Client, words: str) -> None:
    copy = best(client.place)
    assert (copy.source, copy.version) == ("shipped", 1)
    assert copy.warning.startswith("The refreshed catalog is not used")
    assert words in copy.warning
    catalog = open_catalog(copy, time.time)
    assert catalog.facts.warning == copy.warning
    catalog.close()


def test_a_changed_refreshed_database_is_not_used(forge: CatalogForge, client: Client) -> None:
    forge.next()
    file = client.refresh().database
    data = bytearray(file.read_bytes())
    data[4500] ^= 1
    file.write_bytes(bytes(data))
    fall_back(client, "not the one that was signed")
    assert client.refresh().version == 2
    assert best(client.place).warning == ""


def test_a_resigned_refreshed_copy_is_not_used(forge: CatalogForge, client: Client) -> None:
    forge.next()
    folder = client.refresh().database.parent
    stranger = CryptoSigner.generate_ed25519()

    def extend(timestamp: Any) -> None:
        timestamp.expires += timedelta(days=3000)

    forge.edit("timestamp.json", extend, stranger)
    bent = (forge.repository / "metadata" / "timestamp.json").read_bytes()
    (folder / "timestamp.json").write_bytes(bent)
    fall_back(client, "not signed by the keys")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"folder": "../../evil", "checked_at": 1, "source": ""}', '{"folder": ".."}',
     '{"folder": "gone", "checked_at": 1, "source": ""}'],
)  # fmt: skip
def test_a_broken_pointer_is_not_followed(forge: CatalogForge, client: Client, text: str) -> None:
    forge.next()
    client.refresh()
    (client.place.refreshed / POINTER).write_text(text)
    copy = best(client.place)
    assert (copy.source, copy.version) == ("shipped", 1)
    assert client.refresh().version == 2


def test_the_real_place_is_the_programs_own(tmp_path: Path) -> None:
    place = Place.of(Paths.of({"MCPTUI_HOME": str(tmp_path)}))
    assert place.anchor == embedded_root()
    assert place.refreshed == tmp_path / "state" / "catalog"
    assert best(place).source == "shipped"
