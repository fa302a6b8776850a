"""The catalog that users get: signed, current with its sources, complete, and its keys not here."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcptui.catalog.build import build
from mcptui.catalog.load import Catalog, open_catalog
from mcptui.paths import Paths
from mcptui.trust.pins import tool_hash
from mcptui.trust.tuf_copy import Copy, Place, shipped

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "catalog"


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """The shipped copy, verified with the embedded root."""
    return shipped(Place.of(Paths.of({"MCPTUI_HOME": str(tmp_path)})))


@pytest.fixture
def catalog(copy: Copy) -> Iterator[Catalog]:
    """The shipped catalog."""
    made = open_catalog(copy)
    yield made
    made.close()


def content(path: Path) -> list[tuple[object, ...]]:
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        return database.execute("SELECT * FROM entries JOIN bodies USING (place)").fetchall()
    finally:
        database.close()


def test_it_is_what_its_sources_give(copy: Copy, tmp_path: Path) -> None:
    rebuilt = build(SOURCES, tmp_path / "rebuilt.sqlite", tool_hash)
    assert content(rebuilt.path) == content(copy.database), "publish anew: make catalog"


def test_every_entry_reads_and_every_pin_holds(catalog: Catalog) -> None:
    assert catalog.facts.count >= 76
    for row in catalog.rows():
        entry = catalog.entry(row.id)
        assert entry.checked.on
        for tool in entry.tools:
            assert tool.definition is None or tool_hash(tool.definition) == tool.hash
        if entry.checked.listed:
            assert entry.tools or entry.listing.prompts or entry.listing.resources


def test_the_hash_is_in_the_file_name(copy: Copy) -> None:
    targets = sorted(path.name for path in copy.database.parent.iterdir())
    assert targets == [copy.database.name]


def test_no_private_key_is_tracked() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    assert not [name for name in tracked if name.endswith((".ed25519", ".pem", ".key"))]
    root = json.loads((ROOT / "mcptui" / "trust" / "1.root.json").read_text())
    assert root["signed"]["roles"]["root"]["threshold"] == 2
    first = (SOURCES / "metadata" / "1.root.json").read_bytes()
    assert first == (ROOT / "mcptui" / "trust" / "1.root.json").read_bytes()
