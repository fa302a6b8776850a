"""The guard: nothing steers the terminal, and nothing moves."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mcptui.tui.widgets import strip_guard
from mcptui.tui.widgets.strip_guard import ASCII, clean

STEERING = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def test_no_character_of_unicode_steers_the_terminal() -> None:
    for point in range(0x110000):
        kept = clean(chr(point))
        assert all(unicodedata.category(one) not in STEERING for one in kept), hex(point)


def test_it_never_moves_what_stands_beside() -> None:
    for point in (*range(0x300), *range(0x2000, 0x2100), 0xFEFF, 0x1F600, 0x4E00, 0xE0041):
        text = f"a{chr(point)}b"
        assert cell_len(clean(text)) == cell_len(text), hex(point)


def test_ordinary_text_passes_as_it_is() -> None:
    for text in ("plain", "Grüße", "日本語", "● signed ▲ 1", "a\u00a0b", "e\u0301", "👍🏽"):
        assert clean(text) == text


def test_it_stands_in_front_of_every_strip() -> None:
    strip_guard.install()
    hostile = "a\x1b]52;c;aGk=\x07\x9b31m\u202eb"
    link = Style(color="red", link="https://example.org/\x1b]0;x\x07")
    written = Strip([Segment(hostile, Style(bold=True)), Segment("c", link)]).render(Console())
    rest = written.replace("\x1b[1m", "").replace("\x1b[31m", "").replace("\x1b[0m", "")
    assert "\x1b" not in rest
    assert "\x9b" not in rest
    assert "\u202e" not in rest
    assert "example.org" not in written


def test_every_drawing_character_has_a_plain_one() -> None:
    for point, plain in ASCII.items():
        assert len(plain) == 1
        assert plain.isascii()
        assert cell_len(chr(point)) == 1
