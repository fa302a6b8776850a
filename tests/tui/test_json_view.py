"""Documents of any kind: folded, unpacked, enormous, deep, or no JSON at all."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from textual.app import App, ComposeResult

from mcptui.tui.widgets.draw import text_of
from mcptui.tui.widgets.json_view import MOST, JsonView


class Bare(App[None]):
    """One view."""

    AUTO_FOCUS = None

    def __init__(self) -> None:
        super().__init__()
        self.view = JsonView()

    def compose(self) -> ComposeResult:
        yield self.view


def shown(text: str) -> list[str]:
    """The lines of a document."""
    found: list[str] = []

    async def story() -> None:
        app = Bare()
        async with app.run_test(size=(80, 24)) as pilot:
            app.view.show_text(text)
            await pilot.pause()
            found.extend(text_of(app.view.line(y, 80)).rstrip() for y in range(app.view.count()))

    asyncio.run(story())
    return found


def test_values_look_like_what_they_are() -> None:
    document: dict[str, Any] = {
        "a": None,
        "b": True,
        "c": 1.5,
        "d": "x",
        "e": [],
        "f": {},
        "g": [1, [2]],
    }
    lines = [line.strip() for line in shown(json.dumps(document))]
    assert lines == ["▾ {", "a: null", "b: true", "c: 1.5", 'd: "x"', "e: []", "f: {}", "▾ g: [",
                     "1", "▾ [", "2", "]", "]", "}"]  # fmt: skip


def test_json_inside_a_text_is_read_as_such() -> None:
    answer = {"content": [{"type": "text", "text": json.dumps({"number": 482})}]}
    lines = [line.strip() for line in shown(json.dumps(answer))]
    assert "▾ text (JSON): {" in lines
    assert "number: 482" in lines


def test_lines_of_a_text_stand_below_each_other() -> None:
    lines = shown(json.dumps({"text": "one\r\ntwo\nthree"}))
    assert [line.strip() for line in lines[2:5]] == ["one", "two", "three"]


def test_what_is_no_json_is_shown_as_it_is() -> None:
    assert [line.strip() for line in shown("not { json\nsecond")] == ["not { json", "second"]
    assert shown("") == []


def test_hostile_documents_end() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    assert len(shown(json.dumps(deep))) < 200
    assert shown("[" * 100_000)
    assert len(shown(json.dumps(list(range(100_000))))) <= MOST + 1
    wide = {f"k{n}": "v" for n in range(10_000)}
    assert len(shown(json.dumps(wide))) <= MOST + 1
    assert len(shown(json.dumps("y" * 1_000_000))) <= 600
