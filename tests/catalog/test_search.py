"""The query language: what matches, what is ranked first, and that typing is never an error."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mcptui.catalog.search import Compare, heading, parse, ranker, sift

FIELDS = {
    "kind": Compare.WORD,
    "is": Compare.WORD,
    "publisher": Compare.TEXT,
    "tools": Compare.NUMBER,
    "ms": Compare.NUMBER,
    "since": Compare.AGE,
}
ROW: dict[str, Any] = {
    "kind": "remote",
    "is": {"error", "flagged"},
    "publisher": "Acme Cloud",
    "tools": 12,
    "ms": 500.5,
    "since": 599.0,
}
TEXT = "git local read, diff and commit in folders you choose"


def matches(query: str) -> bool:
    return parse(query, FIELDS).matches(ROW.get, TEXT)


@pytest.mark.parametrize(
    "query",
    [
        "", "   ", "git", "GIT", "commit git", '"read, diff"', '"diff and', "-svn", '-"and diff"',
        "kind:remote", "kind:rem", "kind:image,remote", "-kind:image", "kind:", "-kind:", "kind:,",
        "publisher:cloud", 'publisher:"acme cloud"', "PUBLISHER:ACME", "tools<13", "tools>11",
        "tools<=12", "tools>=12", "tools=12", "tools:12", "tools<", "tools<x", "-tools>20",
        "ms>500", "since:10m", "since:0.5h", "since:1d", "since:", "since:x", "is:error",
        "is:flagged", "is:ok,error", "-is:ok", "-", "git -", '"', '""', "git kind:remote tools<13",
    ],
)  # fmt: skip
def test_what_matches(query: str) -> None:
    assert matches(query)


@pytest.mark.parametrize(
    "query",
    [
        "svn", "git svn", "-git", '"diff read"', '-"read, diff"', "kind:image", "-kind:remote",
        "kind:mote", "publisher:none", "tools<12", "tools>12", "tools=3", "-tools:12", "ms>501",
        "since:9m", "is:ok", "-is:error", "colour:red", "http://git", "git\x00",
    ],
)  # fmt: skip
def test_what_does_not(query: str) -> None:
    assert not matches(query)


def test_an_unknown_field_is_a_word() -> None:
    query = parse("Colour:Red x<3", FIELDS)
    assert query.words == ("colour:red", "x<3")
    assert query.matches(ROW.get, "a colour:red wall, x<3")


def test_an_absent_value_matches_no_comparison() -> None:
    def get(name: str) -> object:
        return None

    assert not parse("tools<5", FIELDS).matches(get, "")
    assert not parse("kind:remote", FIELDS).matches(get, "")
    assert parse("-kind:remote", FIELDS).matches(get, "")


def test_a_collection_may_be_counted() -> None:
    assert parse("tools>1", FIELDS).matches({"tools": ["a", "b"]}.get, "")


def test_a_word_may_be_found_deeper() -> None:
    query = parse("git timezone", FIELDS)
    assert query.matches(ROW.get, TEXT, lambda word: word == "timezone")
    assert not query.matches(ROW.get, TEXT, lambda word: False)
    assert not parse("-timezone", FIELDS).matches(ROW.get, TEXT, lambda word: True)
    assert not parse("kind:image", FIELDS).matches(ROW.get, TEXT, lambda word: True)


@pytest.mark.parametrize(
    ("new", "old", "narrower"),
    [
        ("git", "", True), ("gitl", "git", True), ("git l", "git", True), ("l git", "git", True),
        ("it", "git", False), ("xgit", "git", False), ("git", "gitl", False),
        ("-gitl", "-git", False), ("kind:remote", "kind:rem", False),
        ("git kind:remote", "kind:remote", True), ("tools<5", "tools<9", False),
    ],
)  # fmt: skip
def test_narrowing_is_claimed_only_where_it_holds(new: str, old: str, narrower: bool) -> None:
    assert parse(new, FIELDS).narrows(parse(old, FIELDS)) is narrower


def test_hostile_queries_are_bounded() -> None:
    assert len(parse("a " * 100_000, FIELDS).terms) == 1
    assert len(parse(" ".join(f"w{n}" for n in range(1000)), FIELDS).terms) == 32
    assert parse("-" * 50_000, FIELDS).words == ()
    assert parse("a:" * 50_000, FIELDS).words


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["git-local"], 0), (["local git tools"], 0), (["git"], 1), (["local git"], 1),
        (["tools"], 2), (["ools"], 3), (["history"], 4), (["elsewhere"], 5),
        (["git", "history"], 5), ([], 0),
    ],
)  # fmt: skip
def test_ranks(words: list[str], wanted: int) -> None:
    head = heading("git-local", "Local git tools")
    assert ranker(words)(head, "reads a history") == wanted


WORDS = ["git", "local", "-git", "kind:image", "-kind:rem", "tools<5", "tools>7", '"a b"', "deep"]


@pytest.mark.parametrize("seed", range(20))
def test_sifting_many_rows_finds_what_matching_each_finds(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    texts = [" ".join(chance.choices(["git", "local", "a b", "x"], k=3)) for _ in range(200)]
    columns: dict[str, list[object]] = {
        "kind": [chance.choice(["image", "remote", "package"]) for _ in texts],
        "tools": [chance.randrange(10) for _ in texts],
    }
    below = {place for place in range(200) if chance.random() < 0.2}

    def deep(word: str) -> set[int]:
        return below if word == "deep" else set()

    query = parse(" ".join(chance.sample(WORDS, 3)), FIELDS)
    wanted = [
        place
        for place in range(200)
        if query.matches(
            {name: values[place] for name, values in columns.items()}.get,
            texts[place],
            lambda word, place=place: place in deep(word),
        )
    ]
    assert sift(query, range(200), texts, columns.__getitem__, deep) == wanted
