"""Lines are exactly as wide as asked, whatever is written in them."""

from __future__ import annotations

import random

from rich.cells import cell_len

from mcptui.tui.widgets.draw import (
    Column,
    between,
    fit,
    fitting,
    head_of,
    row_of,
    shorten,
    size_of,
    text_of,
    wrap,
)
from mcptui.visible import visible

ALPHABET = "abc  äß日本👍e\u0301\x1b\u202e\t\n[]–✓"


def texts(seed: int, count: int = 300) -> list[str]:
    dice = random.Random(seed)  # noqa: S311 texts, not secrets
    return ["".join(dice.choices(ALPHABET, k=dice.randrange(60))) for _ in range(count)]


def test_fit_is_exact() -> None:
    for text in texts(1):
        for width in (1, 2, 3, 7, 20, 80):
            for right in (False, True):
                assert cell_len(fit(text, width, right=right)) == width
    assert fit("abc", 0) == ""
    assert fit("abcdef", 4) == "abc…"
    assert fit("7", 3, right=True) == "  7"


def test_fit_looks_at_no_more_than_it_shows() -> None:
    assert fit("x" * 10_000_000, 5) == "xxxx…"


def test_shorten_and_between_are_exact() -> None:
    for text in texts(2):
        line = [(text, ""), (text, "dim")]
        for width in (1, 5, 40, 120):
            assert size_of(shorten(line, width)) == width
        assert size_of(between(line, [("right", "")], 30)) == 30
    assert text_of(between([("left", "")], [("right", "")], 12)) == "left   right"


def test_wrap_keeps_every_word_and_every_width() -> None:
    for text in texts(3):
        for width in (10, 25, 60):
            lines = wrap(text, width)
            assert all(size_of(line) <= width for line in lines)
            words = "".join(text_of(line) for line in lines).replace(" ", "")
            assert words == visible(text, lines=True).replace(" ", "").replace("\n", "").replace(
                "\u3000", ""
            )


COLUMNS = [
    Column("name", 10, lambda row: (row[0], ""), grow=2, most=20),
    Column("state", 8, lambda row: (row[1], "good")),
    Column("calls", 5, lambda row: (row[2], ""), drop=2, right=True),
    Column("what", 10, lambda row: (row[3], "dim"), grow=1, drop=3),
]


def test_columns_drop_by_priority_and_fill_the_rest() -> None:
    titles = [[column.title for column, _ in fitting(COLUMNS, width)] for width in (20, 27, 60)]
    assert titles == [["name", "state"], ["name", "state", "calls"], [c.title for c in COLUMNS]]
    for width in range(20, 140):
        shape = fitting(COLUMNS, width)
        used = sum(size for _, size in shape) + 2 * (len(shape) - 1)
        capped = not any(column.grow and not column.most for column, _ in shape)
        assert used == width or capped
        row = row_of(shape, ("a", "b", "7", "c"))
        assert size_of(row) == used == size_of(head_of(shape))
