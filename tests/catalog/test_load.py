"""The open catalog: rows, search, entries, facts, threads, and broken files told in words."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mcptui.catalog.build import build
from mcptui.catalog.load import Catalog, age_text, open_catalog
from mcptui.entry import Trust
from mcptui.errors import McptuiError
from mcptui.trust.pins import tool_hash
from tests.forge import TIME, CatalogForge


@dataclass(frozen=True)
class Copy:
    """A copy that somebody verified."""

    database: Path
    source: str = "shipped"
    version: int = 3
    root_version: int = 1
    published_at: float = 1_000_000.0
    checked_at: float = 1_000_000.0
    expires: float = 1_600_000.0
    signers: tuple[str, ...] = ("abcd1234",)
    warning: str = ""


HOSTS = '\n[[hosts]]\nname = "a.example"\n[[hosts]]\nname = "b.example"\n'
TOKEN = '[[secrets]]\nname = "t"\nenv = "T"\n'


@pytest.fixture
def catalog(forge: CatalogForge) -> Iterator[Catalog]:
    """A catalog with a few servers that differ in what lists show."""
    forge.write_server("git", title="Git", description="Reads and commits.", tools=[
        {"name": "git_log", "description": "Shows the history of a repository", "inputSchema": {}},
        {"name": "git_commit", "description": "Records staged changes", "inputSchema": {}},
    ])  # fmt: skip
    forge.write_server("gitea", title="Gitea", description="Your own forge.", publisher="Other")
    forge.write_server("legit", title="Legit scan", description="Scans licences with git.")
    reach = forge.write_server("reach", title="Reach", description="Goes out.")
    reach.write_text(reach.read_text() + HOSTS + TOKEN)
    anywhere = forge.write_server("anywhere", title="Anywhere", description="Goes anywhere.")
    anywhere.write_text(anywhere.read_text() + '[[hosts]]\nname = "*"\n')
    (forge.sources / "servers" / "far.toml").write_text(
        'id = "far"\ntitle = "Far"\ndescription = "Runs elsewhere."\npublisher = "Far & Co"\n'
        'category = "search"\nlicence = "service"\n[remote]\nurl = "https://far.example/mcp"\n'
        '[oauth]\nprovider = "Far"\n[checked]\non = "2026-11-23"\nnot_checked = "no account"\n'
    )
    database = forge.folder / "catalog file?#%.sqlite"
    build(forge.sources, database, tool_hash)
    made = open_catalog(Copy(database), lambda: 1_100_000.0)
    yield made
    made.close()


def found(catalog: Catalog, text: str) -> list[str]:
    return [row.id for row in catalog.search(text)]


def test_rows_are_light_and_sorted_by_title(catalog: Catalog) -> None:
    rows = {row.id: row for row in catalog.rows()}
    assert list(rows) == ["anywhere", "clock", "far", "git", "gitea", "legit", "reach"]
    assert [rows[name].network for name in ("anywhere", "clock", "far", "reach")] == [
        "any", "none", "remote", "2 hosts",
    ]  # fmt: skip
    assert [rows[name].needs for name in ("clock", "far", "reach")] == ["none", "sign-in", "token"]
    assert [rows[name].checked for name in ("clock", "far", "gitea")] == ["listed", "no", "started"]
    assert (rows["git"].tools_count, rows["git"].trust, rows["git"].kind) == (2, "signed", "image")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("git", ["git", "gitea", "legit"]),
        ("GIT", ["git", "gitea", "legit"]),
        ("git -legit", ["git", "gitea"]),
        ("publisher:other", ["gitea"]),
        ("net:none git", ["git", "gitea", "legit"]),
        ("net:hosts", ["reach"]),
        ("net:any", ["anywhere"]),
        ("net:remote", ["far"]),
        ("needs:token,sign-in", ["far", "reach"]),
        ("needs:none tools>0", ["clock", "git"]),
        ("kind:remote", ["far"]),
        ("category:search", ["far"]),
        ("tools<2 kind:image -net:none", ["anywhere", "reach"]),
        ("trust:signed checked:listed", ["clock", "git"]),
        ("tool:git_log", ["git"]),
        ('"goes out"', ["reach"]),
        ("git_commit", ["git"]),
        ("history", ["git"]),
        ("timezone", ["clock"]),
        ("staged history", ["git"]),
        ("hist", ["git"]),
        ("istory", []),
        ("nothing-like-it", []),
        ("trust:unsigned", []),
    ],
)
def test_search(catalog: Catalog, text: str, wanted: list[str]) -> None:
    assert found(catalog, text) == wanted


def test_typing_letter_by_letter_gives_what_a_fresh_search_gives(catalog: Catalog) -> None:
    for text in ("history git", "git legit", "-git", "time zone", "tools<2 net:h", '"goes out"'):
        for end in range(len(text) + 1):
            typed = found(catalog, text[:end])
            catalog.search("")
            assert typed == found(catalog, text[:end])
        for end in range(len(text), -1, -1):
            typed = found(catalog, text[:end])
            catalog.search("")
            assert typed == found(catalog, text[:end])


def test_limits(catalog: Catalog) -> None:
    assert [row.id for row in catalog.search("git", limit=1)] == ["git"]
    assert len(catalog.search("", limit=3)) == 3


@pytest.mark.parametrize("text", ['" OR 1', "a*", "NEAR(", "^git", "x'y;--", "\x00", "\ud800", "ı"])
def test_hostile_queries_find_nothing_and_break_nothing(catalog: Catalog, text: str) -> None:
    assert isinstance(catalog.search(text), list)


def test_a_whole_entry(catalog: Catalog) -> None:
    entry = catalog.entry("clock")
    assert entry.tools[0].definition == TIME
    assert entry.tools[0].hash == tool_hash(TIME)
    assert entry.tools[0].reads
    assert entry.listing.protocol_version == "2025-06-18"
    assert catalog.entry("clock") is entry
    assert Trust.SIGNED.value == catalog.rows()[0].trust


def test_an_unknown_entry_offers_near_names(catalog: Catalog) -> None:
    for name, near in (("gti", "git"), ("Legit scn", "legit"), ("clok", "clock")):
        with pytest.raises(McptuiError, match=r"no server named") as caught:
            catalog.entry(name)
        assert near in caught.value.fix
    with pytest.raises(McptuiError) as caught:
        catalog.entry("x" * 10_000)
    assert caught.value.fix == "Look around: mcptui catalog"
    assert len(str(caught.value)) < 200


def test_facts(catalog: Catalog) -> None:
    facts = catalog.facts
    assert (facts.version, facts.count, facts.source, facts.stale) == (3, 7, "shipped", False)
    assert facts.age_text == "1 day old"
    assert facts.signers == ("abcd1234",)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "new"), (-100, "new"), (-1000, "from the future: is this machine's clock right?"),
        (60, "1 minute old"), (7200, "2 hours old"), (86400 * 3.5, "3 days old"),
        (86400 * 800, "2 years old"),
    ],
)  # fmt: skip
def test_ages(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


def test_many_threads_at_once(catalog: Catalog) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(30):
                assert found(catalog, "git"[: 1 + (number + turn) % 3]) is not None
                assert catalog.entry("clock").id == "clock"
                assert found(catalog, "history") == ["git"]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def broken(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "broken.sqlite"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("data", [b"", b"no database", b"SQLite format 3\x00" + b"\x00" * 4000])
def test_a_broken_file_is_told_in_words(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(McptuiError, match="The catalog's database cannot be read"):
        open_catalog(Copy(broken(tmp_path, data)), time.time)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(McptuiError, match="cannot be read"):
        open_catalog(Copy(tmp_path / "none.sqlite"), time.time)


def change(forge: CatalogForge, *statements: str) -> Path:
    path = forge.folder / "changed.sqlite"
    build(forge.sources, path, tool_hash)
    database = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()
    return path


def test_a_newer_format_says_so(forge: CatalogForge) -> None:
    with pytest.raises(McptuiError, match="made for a newer mcptui"):
        open_catalog(Copy(change(forge, "PRAGMA user_version = 2")), time.time)


def test_another_database_is_no_catalog(forge: CatalogForge) -> None:
    with pytest.raises(McptuiError, match="not a catalog"):
        open_catalog(Copy(change(forge, "PRAGMA application_id = 1")), time.time)


@pytest.mark.parametrize(
    ("statement", "broke"),
    [("UPDATE bodies SET body = '{'", "entry"), ("DROP TABLE bodies", "entry"),
     ("DROP TABLE entries", "open"), ("DROP TABLE deep", "search")],
)  # fmt: skip
def test_a_damaged_database_is_told_in_words(
    forge: CatalogForge, statement: str, broke: str
) -> None:
    def use() -> Any:
        catalog = open_catalog(Copy(change(forge, statement)), time.time)
        try:
            catalog.rows()
            if broke == "search":
                catalog.search("history")
            return catalog.entry("clock")
        finally:
            catalog.close()

    with pytest.raises(McptuiError, match="cannot be read"):
        use()
