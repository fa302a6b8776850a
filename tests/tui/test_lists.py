"""The virtual list and the tail: cursor, keys, following, and one hundred thousand rows."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.selection import Selection

from mcptui.tui.widgets.draw import Column
from mcptui.tui.widgets.line_list import LineList
from mcptui.tui.widgets.line_tail import LineTail

COLUMNS = [Column("n", 10, lambda row: (f"row {row}", ""), grow=1)]


class Bare(App[None]):
    """One list and nothing else."""

    def __init__(self, shown: LineList) -> None:
        super().__init__()
        self.shown = shown
        self.moved: list[Any] = []

    def compose(self) -> ComposeResult:
        yield self.shown

    def on_mount(self) -> None:
        self.shown.focus()

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        self.moved.append(event.row)


def top(shown: LineList) -> int:
    return round(shown.scroll_offset.y)


def test_the_cursor_stays_on_its_row_by_key() -> None:
    async def story() -> None:
        shown = LineList(COLUMNS, key=lambda row: row)
        async with Bare(shown).run_test(size=(30, 10)) as pilot:
            shown.show(range(100))
            await pilot.press("j", "j", "pagedown", "k")
            assert shown.row == 10
            shown.show(range(5, 100))
            assert shown.row == 10
            shown.show([1, 2])
            assert shown.row == 2
            await pilot.press("j", "j", "j")
            assert shown.row == 2
            shown.show([])
            assert shown.row is None
            await pilot.press("j", "G", "enter")
            shown.show(range(3), keep=False)
            assert shown.row == 0

    asyncio.run(story())


def test_the_cursor_is_always_in_sight() -> None:
    async def story() -> None:
        shown = LineList(COLUMNS, key=lambda row: row)
        async with Bare(shown).run_test(size=(30, 10)) as pilot:
            shown.show(range(1_000))
            for key in ("G", "g", "pagedown", "pagedown", "pageup", "end", "home", "down"):
                await pilot.press(key)
                assert top(shown) <= shown.cursor < top(shown) + 10, key
            shown.select(500)
            await pilot.resize_terminal(30, 4)
            await pilot.pause()
            assert top(shown) <= 500 < top(shown) + 4

    asyncio.run(story())


def test_a_click_moves_the_cursor_and_a_selection_gives_text() -> None:
    async def story() -> None:
        shown = LineList(COLUMNS, key=lambda row: row)
        async with Bare(shown).run_test(size=(30, 10)) as pilot:
            shown.show(range(100))
            await pilot.click(LineList, offset=(3, 6))
            assert shown.row == 6
            text = shown.get_selection(Selection(Offset(2, 7), Offset(7, 8)))
            assert text == ("row 7\n  row", "\n") or text == ("row 7\n  row 8"[:13], "\n")

    asyncio.run(story())


def test_a_hundred_thousand_rows_cost_what_thirty_do() -> None:
    async def story() -> None:
        shown = LineList(COLUMNS, key=lambda row: row)
        drawn: list[int] = []
        original = shown.line

        def counting(y: int, width: int) -> Any:
            drawn.append(y)
            return original(y, width)

        shown.line = counting  # type: ignore[method-assign]
        async with Bare(shown).run_test(size=(30, 10)) as pilot:
            shown.show(range(100_000))
            await pilot.press("G", "g", "j")
            await pilot.pause()
            assert len(drawn) < 200

    asyncio.run(story())


def test_a_tail_follows_until_somebody_goes_up() -> None:
    async def story() -> None:
        tail = LineTail(COLUMNS, key=lambda row: row)
        async with Bare(tail).run_test(size=(30, 10)) as pilot:
            tail.show(range(50))
            tail.extend(range(50, 60))
            await pilot.pause()
            assert (tail.row, tail.unseen, top(tail)) == (59, 0, 50)
            await pilot.press("k", "k")
            before = top(tail)
            tail.extend(range(60, 100))
            await pilot.pause()
            assert (tail.follow, tail.row, tail.unseen, top(tail)) == (False, 57, 40, before)
            await pilot.press("G")
            assert (tail.follow, tail.row, tail.unseen) == (True, 99, 0)
            tail.extend([100])
            await pilot.pause()
            assert tail.row == 100

    asyncio.run(story())


def test_what_is_looked_at_stays_though_older_rows_go() -> None:
    async def story() -> None:
        tail = LineTail(COLUMNS, key=lambda row: row, limit=100)
        async with Bare(tail).run_test(size=(30, 10)) as pilot:
            tail.show(range(100))
            await pilot.press("k")
            tail.select(90)
            seen = tail.rows[top(tail)]
            tail.extend(range(100, 130))
            await pilot.pause()
            assert len(tail.rows) == 100
            assert tail.rows[top(tail)] == seen
            assert tail.row == 90

    asyncio.run(story())


def test_a_tail_takes_many_rows_in_one_paint() -> None:
    async def story() -> None:
        tail = LineTail(COLUMNS, key=lambda row: row)
        async with Bare(tail).run_test(size=(30, 10)) as pilot:
            tail.show([])
            started = time.perf_counter()
            for batch in range(20):
                tail.extend(range(batch * 1_000, batch * 1_000 + 1_000))
            await pilot.pause()
            assert tail.row == 19_999
            assert time.perf_counter() - started < 5

    asyncio.run(story())
