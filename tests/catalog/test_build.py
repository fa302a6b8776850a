"""From sources to a database: the same bytes each time, and every reason not to publish."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mcptui.catalog.build import Built, NotPublished, build
from mcptui.errors import UsageError
from mcptui.trust.pins import tool_hash
from tests.forge import TIME, CatalogForge


def built(forge: CatalogForge, name: str = "out.sqlite") -> Built:
    return build(forge.sources, forge.folder / name, tool_hash)


def reasons(forge: CatalogForge) -> list[str]:
    with pytest.raises(NotPublished) as caught:
        built(forge)
    assert not (forge.folder / "out.sqlite").exists()
    for reason in caught.value.reasons:
        assert reason in str(caught.value)
    return caught.value.reasons


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def clock(forge: CatalogForge) -> Path:
    return forge.sources / "servers" / "clock.toml"


def test_the_same_sources_give_the_same_bytes(forge: CatalogForge) -> None:
    for number in range(40):
        forge.write_server(f"s{number}", title=f"Server {number % 7}", tools=[TIME])
    first = built(forge, "first.sqlite")
    copied = shutil.copytree(forge.sources, forge.folder / "elsewhere" / "copied")
    second = build(copied, forge.folder / "second.sqlite", tool_hash)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert (first.count, first.sha256, first.length) == (41, second.sha256, second.length)
    forge.write_server("s1", title="Another")
    assert built(forge, "third.sqlite").sha256 != first.sha256


def test_the_database_is_whole(forge: CatalogForge) -> None:
    found = built(forge)
    database = sqlite3.connect(found.path)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert database.execute("SELECT id, tools FROM entries").fetchall() == [("clock", "get_time")]
    body = json.loads(database.execute("SELECT body FROM bodies").fetchone()[0])
    assert body["tools"][0]["definition"] == TIME
    database.close()


def test_no_sources(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no servers/\*\.toml"):
        build(tmp_path, tmp_path / "out.sqlite", tool_hash)


def test_every_problem_is_told_at_once(forge: CatalogForge) -> None:
    forge.write_server("one", description="x" * 121)
    edit(forge.write_server("two"), 'title = "two"', "titel = 3")
    (forge.sources / "servers" / "three.toml").write_text("id = ")
    (forge.sources / "servers" / "four.toml").write_bytes(b"\xff\xfe")
    (forge.sources / "tools" / "gone.json").write_text("{}")
    found = reasons(forge)
    assert len(found) == 5
    for name, words in (
        ("one.toml: ", "description is 121 characters long, at most 120"),
        ("two.toml: ", "titel is not a known field"),
        ("three.toml: ", "is not TOML"),
        ("four.toml: ", "cannot be read"),
        ("tools/gone.json: ", "belongs to no entry"),
    ):
        assert any(reason.startswith(name) and words in reason for reason in found)


def test_duplicate_and_misnamed_ids(forge: CatalogForge) -> None:
    edit(forge.write_server("other"), 'id = "other"', 'id = "clock"')
    assert reasons(forge) == [
        "other.toml: id 'clock' is taken by clock.toml",
        "other.toml: id must be 'other', as the file is named",
    ]


def test_a_pin_that_is_not_its_definitions(forge: CatalogForge) -> None:
    said = forge.sources / "tools" / "clock.json"
    said.write_text(said.read_text().replace("Gives the time", "Reads your keys. Gives the time"))
    (reason,) = reasons(forge)
    assert "tools.'get_time' hash does not match its definition" in reason


def test_pins_and_definitions_come_in_pairs(forge: CatalogForge) -> None:
    said = forge.sources / "tools" / "clock.json"
    data = json.loads(said.read_text())
    data["tools"].append({"name": "extra", "inputSchema": {}})
    said.write_text(json.dumps(data))
    assert reasons(forge) == ["clock.toml: tools.'extra' has a definition, but no hash pins it"]
    said.unlink()
    found = reasons(forge)
    assert "clock.toml: tools.'get_time' is pinned, but its definition is not there" in found


@pytest.mark.parametrize(
    "text",
    ["a\\u202eb", "a\\u001b[31mb", "a\\u200bb", "a\\nb", "a\\tb", "a\\u0085b", "a\\U000e0041b",
     "a\\u3164b"],
)  # fmt: skip
@pytest.mark.parametrize("field", ["title", "description", "publisher", "licence"])
def test_texts_that_hide_something(forge: CatalogForge, field: str, text: str) -> None:
    file = forge.write_server("hostile")
    old = next(line for line in file.read_text().splitlines() if line.startswith(f"{field} ="))
    edit(file, old, f'{field} = "{text}"')
    assert f"hostile.toml: {field} holds control, direction or invisible characters" in (
        reasons(forge)
    )


def test_hidden_text_elsewhere(forge: CatalogForge) -> None:
    file = forge.write_server("hostile")
    file.write_text(file.read_text() + '[[secrets]]\nname = "a"\nenv = "A"\nwhere = "x\\u202e"\n')
    assert reasons(forge) == [
        "hostile.toml: secrets.where holds control, direction or invisible characters"
    ]


def test_a_servers_own_words_are_pinned_as_they_are(forge: CatalogForge) -> None:
    odd: dict[str, Any] = {
        "name": "odd",
        "description": "left \u202e right\x1b[2J",
        "inputSchema": {},
    }
    forge.write_server("strange", tools=[odd], instructions="\u202e")
    assert built(forge).count == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('on = "2026-11-23"', "", "checked.on is missing"),
        ('not_checked = ""', "", ""),
        ("listed = true", "listed = false", "checked.not_checked is missing"),
        ("started = true", "started = false", "checked.listed without checked.started"),
        ('title = "Clock"', 'title = " "', "title is missing"),
        ('publisher = "Example"', "", "publisher is missing"),
        ('source = "https://example.org/clock"', "", "source is missing"),
    ],
)
def test_facts_that_must_be_there(forge: CatalogForge, old: str, new: str, words: str) -> None:
    edit(clock(forge), old, new)
    if not words:
        assert built(forge).count == 1
        return
    assert any(words in reason for reason in reasons(forge))


def test_listed_needs_what_was_said(forge: CatalogForge) -> None:
    said = forge.sources / "tools" / "clock.json"
    data = json.loads(said.read_text())
    del data["protocol_version"]
    said.write_text(json.dumps(data))
    assert any("has no protocol_version" in reason for reason in reasons(forge))


def test_a_flood_of_problems_is_cut(forge: CatalogForge) -> None:
    for number in range(60):
        forge.write_server(f"s{number}", description="")
    with pytest.raises(NotPublished) as caught:
        built(forge)
    assert "60 problems" in str(caught.value)
    assert "… and 20 more" in str(caught.value)
