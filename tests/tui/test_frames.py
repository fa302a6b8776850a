"""Every room and sheet at three sizes, as somebody looked at it and found it good."""

from __future__ import annotations

from typing import cast

import pytest

from mcptui.tui.sheets.install import InstallSheet
from tests.tui.driving import at_screen, drive
from tests.tui.frames import check, frame
from tests.tui.world import FakeFeed

SIZES = {"120x35": (120, 35), "80x24": (80, 24), "60x16": (60, 16)}
ROOMS = ("catalog", "servers", "calls", "clients", "access", "doctor")
OPENED: dict[str, tuple[str, list[str]]] = {
    "catalog-page": ("catalog", ["down", "down", "enter"]),
    "servers-tools": ("servers", ["right"]),
    "servers-logs": ("servers", ["l"]),
    "servers-network": ("servers", ["right", *["right_square_bracket"] * 2]),
    "servers-network-once": ("servers", ["right", *["right_square_bracket"] * 2, *["down"] * 2]),
    "servers-network-learns": ("servers", [*["down"] * 3, "right", *["right_square_bracket"] * 2]),
    "servers-network-none": ("servers", [*["down"] * 2, "right", *["right_square_bracket"] * 2]),
    "servers-trust": ("servers", ["right", "left_square_bracket"]),
    "servers-down": ("servers", ["down", "right"]),
    "calls-answer": ("calls", ["enter"]),
    "calls-findings": ("calls", ["n", "enter"]),
    "clients-change": ("clients", ["down", "down", "enter"]),
    "doctor-finding": ("doctor", ["down"]),
}
SHEETS: dict[str, tuple[str, list[str]]] = {
    "sheet-install": ("catalog", ["down", "down", "i"]),
    "sheet-install-folder": ("catalog", ["down", "down", "i", "enter"]),
    "sheet-install-arguments": ("catalog", ["down", "down", "i", "d"]),
    "sheet-install-network": ("catalog", ["down", "i"]),
    "sheet-keys": ("servers", ["question_mark"]),
    "sheet-palette": ("clients", ["colon"]),
    "sheet-copy": ("calls", ["y"]),
    "sheet-remove": ("servers", ["d"]),
    "sheet-change": ("servers", ["enter"]),
    "sheet-export": ("calls", ["e"]),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("room", ROOMS)
def test_room(feed: FakeFeed, room: str, size: str) -> None:
    async def story() -> None:
        async with at_screen(feed, room, SIZES[size]) as seat:
            check(seat.app, f"{room}-{size}")

    drive(story())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", OPENED)
def test_opened(feed: FakeFeed, name: str, size: str) -> None:
    room, keys = OPENED[name]

    async def story() -> None:
        async with at_screen(feed, room, SIZES[size]) as seat:
            await seat.press(*keys)
            check(seat.app, f"{name}-{size}")

    drive(story())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SHEETS)
def test_sheet(feed: FakeFeed, name: str, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    room, keys = SHEETS[name]
    feed.made -= {"fetch", "git-local"}
    monkeypatch.chdir("/")

    async def story() -> None:
        async with at_screen(feed, room, SIZES[size]) as seat:
            await seat.press(*keys)
            check(seat.app, f"{name}-{size}")

    drive(story())


def test_a_sheet_looks_the_same_whatever_sizes_it_had_on_the_way(feed: FakeFeed) -> None:
    feed.made -= {"fetch"}

    async def story() -> None:
        async with at_screen(feed, "catalog", (60, 16)) as seat:
            await seat.press("down", "i")
            sheet = cast("InstallSheet", seat.app.screen)
            sheet.scroll.styles.max_height = 3
            await seat.settle()
            assert sheet.scroll.size.height == 3
            sheet.on_resize()
            await seat.settle()
            check(seat.app, "sheet-install-network-60x16")

    drive(story())


@pytest.mark.parametrize("size", SIZES)
def test_first_run(feed: FakeFeed, size: str) -> None:
    feed.kept.clear()

    async def story() -> None:
        async with at_screen(feed, "catalog", SIZES[size]) as seat:
            check(seat.app, f"welcome-{size}")
            await seat.press("escape")
            assert "Welcome" not in frame(seat.app)
            assert feed.kept == {"welcomed": True}

    drive(story())


@pytest.mark.parametrize("room", ROOMS)
def test_empty_rooms_name_the_next_key(feed: FakeFeed, room: str) -> None:
    feed.rows, feed.server_rows, feed.call_rows, feed.client_rows, feed.made = [], [], [], [], set()

    async def story() -> None:
        async with at_screen(feed, room, (80, 24)) as seat:
            check(seat.app, f"{room}-empty-80x24")

    drive(story())


def test_ascii(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "servers", (80, 24), ascii_only=True) as seat:
            assert frame(seat.app).isascii()
            check(seat.app, "servers-ascii-80x24")
            await seat.press("enter")
            assert frame(seat.app).isascii()

    drive(story())


@pytest.mark.parametrize("theme", ["mcptui-light", "ansi-dark", "ansi-light"])
def test_frames_do_not_depend_on_the_theme(feed: FakeFeed, theme: str) -> None:
    async def story() -> None:
        async with at_screen(feed, "calls", (120, 35), theme=theme) as seat:
            check(seat.app, "calls-120x35")

    drive(story())


@pytest.mark.parametrize("size", [(59, 24), (80, 15), (20, 5), (10, 3)])
def test_too_small_is_told_politely(feed: FakeFeed, size: tuple[int, int]) -> None:
    async def story() -> None:
        async with at_screen(feed, "catalog", size) as seat:
            shown = [line for line in frame(seat.app).split("\n") if line.strip()]
            assert len(shown) == 1
            assert shown[0].startswith(" mcptui"[: size[0] - 1])
            await seat.pilot.resize_terminal(80, 24)
            await seat.settle()
            check(seat.app, "catalog-80x24")

    drive(story())
