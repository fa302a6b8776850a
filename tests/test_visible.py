"""Nothing that drives a terminal or hides from a reader passes through `visible()`."""

from __future__ import annotations

import random
import sys
import unicodedata

import pytest

from mcptui.visible import hidden, visible

HOSTILE = {
    "clear screen": "\x1b[2J",
    "clipboard write": "\x1b]52;c;ZXZpbA==\x07",
    "title": "\x1b]0;owned\x1b\\",
    "8-bit CSI": "\x9b31m",
    "8-bit OSC": "\x9d52;c;AA==\x9c",
    "backspaces": "safe\b\b\b\bevil",
    "carriage return": "trusted\rTRUSTED",
    "right-to-left override": "abc\u202etxt.exe",
    "isolates": "\u2066x\u2069",
    "zero width": "pass\u200bword",
    "tag characters": "hi\U000e0041\U000e0042",
    "variation selectors as data": "a\U000e0101\ufe03",
    "hangul filler": "\u3164",
    "lone surrogate": "\ud800",
    "line separator": "a\u2028b",
    "delete": "a\x7f",
    "soft hyphen": "a\u00adb",
    "byte order mark": "\ufeffa",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("lines", [False, True])
def test_no_hostile_character_survives(text: str, lines: bool) -> None:
    shown = visible(text, lines=lines)
    assert shown.replace("\n", "").isprintable()
    for character in shown.replace("\n", ""):
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert shown != text
    assert hidden(text) > 0 or "\r" in text


def test_every_single_character_is_safe_alone() -> None:
    for point in range(sys.maxunicode + 1):
        shown = visible(chr(point))
        assert shown
        assert shown.isprintable() or unicodedata.category(chr(point)) == "Zs"


def test_ordinary_text_stays_as_it_is() -> None:
    for text in (
        "plain",
        "Grüße, 世界",
        "مرحبا",
        "⚠️ emoji",
        "e\u0301",
        "[red]not markup[/red]",
        "",
    ):
        assert visible(text) == text
        assert hidden(text) == 0


def test_line_feeds_are_kept_only_when_asked_for() -> None:
    assert visible("a\nb\tc") == "a␊b␉c"
    assert visible("a\nb\tc\r\nd", lines=True) == "a\nb    c\nd"


def test_the_length_is_bounded_and_anything_can_be_shown() -> None:
    assert visible("x" * 100, limit=10) == "x" * 9 + "…"
    assert visible(ValueError("\x1b[1m")) == "␛[1m"
    assert visible(None) == "None"


def test_random_text_never_reaches_the_terminal_raw() -> None:
    source = random.Random(7)  # noqa: S311 a repeatable test
    for _ in range(300):
        text = "".join(chr(source.randrange(0x3000)) for _ in range(50))
        assert not set(visible(text)) & {chr(p) for p in (*range(0x20), *range(0x7F, 0xA0))}
