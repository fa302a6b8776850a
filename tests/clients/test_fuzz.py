"""Thousands of random files: only our bytes come in, and exactly they go out again."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from mcptui.clients.cut import remove
from mcptui.clients.jsonc import Dialect, Document, Malformed
from mcptui.clients.splice import Patch, insert
from tests.clients.random_jsonc import Maker, second_reader

PLAIN = Dialect()
LENIENT = Dialect(comments=True, trailing_commas=True)
ENTRY = {"type": "stdio", "command": "/opt/é/mcptui", "args": ["gateway", "run"]}
PATHS = [("mcpServers",), ("servers",), ("mcp", "servers")]
COUNT = int(os.environ.get("MCPTUI_FUZZ", "400"))


def expected(value: Any, path: tuple[str, ...]) -> Any:
    """The value with our entry in it."""
    inner = value
    for key in path:
        inner = inner.setdefault(key, {})
    inner["mcptui"] = ENTRY
    return value


def only_inserted(before: str, after: str, patch: Patch) -> bool:
    """Whether `after` is `before` with characters put in and none taken or moved."""
    rest = iter(patch.new)
    return (
        after[: patch.at] == before[: patch.at]
        and after[patch.at + len(patch.new) :] == before[patch.at + len(patch.old) :]
        and all(mark in rest for mark in patch.old)
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dialect", [PLAIN, LENIENT], ids=["plain", "lenient"])
def test_insert_and_take_out(seed: int, dialect: Dialect) -> None:
    maker = Maker(seed, comments=dialect.comments)
    choose = random.Random(seed)  # noqa: S311 - tests must be repeatable
    for number in range(COUNT):
        path = choose.choice(PATHS)
        text = maker.text(path)
        where = f"seed {seed}, text {number}: {text!r}"
        value = second_reader(text)
        document = Document(text, dialect)
        patch = insert(document, path, "mcptui", ENTRY, trailing_comma=dialect.trailing_commas)
        after = patch.apply(text)
        assert only_inserted(text, after, patch), where
        assert second_reader(after) == expected(value, path), where
        assert patch.invert(after) == text, where
        there = len(path) - len(document.walk(path)[1])
        made = tuple(path[: count + 1] for count in range(there, len(path)))
        added = Document(after, dialect)
        assert [one for _, one in added.comments()] == [one for _, one in document.comments()]
        left = remove(added, path, "mcptui", made, patch)
        assert left == text, where
        # And with nothing known of how it came in:
        blind = Document(remove(added, path, "mcptui"), dialect)
        assert [one for _, one in blind.comments()] == [one for _, one in document.comments()]
        without = expected(second_reader(text), path)
        inner = without
        for key in path:
            inner = inner[key]
        del inner["mcptui"]
        assert second_reader(blind.text) == without, where


def test_damaged_files_are_refused_or_read_alike() -> None:
    choose = random.Random(7)  # noqa: S311 - tests must be repeatable
    maker = Maker(7, comments=True)
    refused = 0
    for _ in range(COUNT * 2):
        text = maker.text(("servers",))
        if not text:
            continue
        at = choose.randrange(len(text))
        cut = text[:at] + choose.choice(["", ",", "}", '"', "/", "\\", "{"]) + text[at + 1 :]
        try:
            document = Document(cut, LENIENT)
        except Malformed:
            refused += 1
            continue
        assert document.value == second_reader(cut), repr(cut)
    assert refused > COUNT / 2
