"""Key by key: what each key of each room does, and what it says when it cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.errors import McptuiError
from mcptui.progress import Step, StepState
from mcptui.tui.sheets.install import InstallSheet, completed
from tests.tui.driving import Seat, at_screen, drive
from tests.tui.frames import frame
from tests.tui.world import SERVERS, FakeFeed, call


def lines(seat: Seat) -> list[str]:
    return frame(seat.app).split("\n")


def test_digits_walk_the_rooms_and_esc_goes_one_step_back(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed) as seat:
            for digit, room in enumerate(("catalog", "servers", "calls", "clients", "access"), 1):
                await seat.press(str(digit))
                assert seat.app.room == room
                assert f"[{digit} {room.title()}" in lines(seat)[0]
            await seat.press("1", "slash")
            await seat.type("time")
            assert seat.app.here.list.row.id == "time"
            await seat.press("enter", "enter")
            assert seat.app.here.opened
            await seat.press("escape")
            assert not seat.app.here.opened
            assert seat.app.here.filter.text == "time"
            await seat.press("escape")
            assert seat.app.here.filter.text == ""
            assert len(seat.app.here.list.rows) == 7

    drive(story())


def test_letters_typed_in_a_filter_are_no_keys(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed) as seat:
            await seat.press("slash")
            await seat.type("q1?:!zivS")
            assert seat.app.here.filter.text == "q1?:!zivS"
            assert seat.app.room == "catalog"
            assert "Nothing matches" in frame(seat.app)
            await seat.press("escape")
            assert len(seat.app.here.list.rows) == 7

    drive(story())


def test_install_asks_for_what_is_missing_then_streams_its_steps(
    feed: FakeFeed, tmp_path: Path
) -> None:
    feed.made -= {"git-local"}
    folder = tmp_path / "project"
    folder.mkdir()

    async def story() -> None:
        async with at_screen(feed) as seat:
            seat.app.here.select("git-local")
            await seat.press("i", "enter")
            await seat.type(str(folder))
            await seat.press("enter")
            assert "✓ read only" not in frame(seat.app)
            assert str(folder)[:40] in frame(seat.app)
            await seat.press("down", "down", "down", "down", "space")
            assert "[x] VS Code" in frame(seat.app)
            await seat.press("enter")
            assert feed.did[0][:2] == ("install", "git-local")
            assert str(folder) in feed.did[0][2]
            assert feed.did[1] == ("connect", "vscode")
            assert "git-local is installed" in seat.said
            assert "✓ installed" in frame(seat.app)
            await seat.press("i")
            assert not isinstance(seat.app.screen, InstallSheet)

    drive(story())


def test_a_failed_install_says_what_why_and_what_to_do(feed: FakeFeed) -> None:
    feed.made -= {"fetch"}
    feed.steps = [
        Step("image", "building its image", StepState.RUNNING, done=41_000_000, total=90_000_000)
    ]
    feed.error = McptuiError(
        "A file has another hash", "pypi gave something else", "Try again later"
    )

    async def story() -> None:
        async with at_screen(feed, size=(80, 24)) as seat:
            seat.app.here.select("fetch")
            await seat.press("i", "enter")
            await seat.type("example.org")
            await seat.press("enter", "enter")
            shown = frame(seat.app)
            for text in (
                "✗ A file has another hash",
                "pypi gave",
                "Try again later",
                "enter tries again",
            ):
                assert text in shown
            await seat.press("escape")
            assert "fetch" not in feed.made

    drive(story())


def test_a_running_install_can_be_broken_off_and_quit_asks(feed: FakeFeed) -> None:
    import asyncio
    from collections.abc import AsyncIterator
    from typing import Any

    ended: list[str] = []

    async def slow(target: str, choices: Any, secrets: Any) -> AsyncIterator[Step]:
        yield Step("image", "building its image")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(target)

    feed.install = slow  # type: ignore[method-assign]
    feed.made -= {"time"}

    async def story() -> None:
        async with at_screen(feed) as seat:
            seat.app.here.select("time")
            feed.entries["time"] = replace(feed.entry("time"), mounts=())
            await seat.press("i")
            await seat.pilot.press("enter")
            for _ in range(200):
                await seat.pilot.pause(0.01)
                if "building its image" in frame(seat.app):
                    break
            assert "building its image" in frame(seat.app)
            await seat.pilot.press("escape")
            await seat.settle()
            assert ended == ["time"]
            assert "Cancelled" in seat.said

    drive(story())


def test_server_keys(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "servers") as seat:
            await seat.press("space", "s", "R")
            assert feed.did == [
                ("switch", "git-local", "False"), ("stop", "git-local"), ("restart", "git-local"),
            ]  # fmt: skip
            await seat.press("right", "j", "space")
            assert feed.did[-1] == ("switch", "git-local", "git_diff", "False")
            await seat.press("h", "u", "escape", "u", "enter")
            assert feed.did[-1] == ("update", "git-local")
            await seat.press("d", "enter")
            assert feed.did[-1] == ("remove", "git-local")
            await seat.press("d", "space", "enter")
            assert feed.did[-1] == ("remove and keep the image", "git-local")
            await seat.press("z")
            assert feed.did[-1] == ("undo",)
            assert "taken back" in seat.said

    drive(story())


def test_a_key_that_cannot_work_is_greyed_and_says_why(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "servers") as seat:
            seat.app.here.select("notes")
            await seat.press("s", "R")
            assert feed.did == []
            await seat.press("question_mark")
            await seat.type("start")
            assert "Start/stop – it is switched off" in frame(seat.app)
            await seat.press("enter")
            assert "it is switched off" in seat.said
            assert feed.did == []

    drive(story())


def test_a_changed_tool_is_approved_only_by_its_key(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "servers") as seat:
            await seat.press("enter", "escape")
            assert feed.did == []
            await seat.press("enter", "A")
            assert feed.did == [("approve", "git-local", "git_log")]

    drive(story())


def test_tabs_and_logs(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "servers") as seat:
            await seat.press("l")
            assert "ready in 0.4 s" in frame(seat.app)
            await seat.press(*["right_square_bracket"] * 3)
            assert "pinned by the catalog" in frame(seat.app)
            await seat.press("right_square_bracket")
            assert "git_status" in frame(seat.app)
            await seat.press("left_square_bracket", "escape")
            assert seat.app.screen.focused is seat.app.here.list

    drive(story())


def test_calls_follow_filter_and_look_inside(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "calls") as seat:
            tail = seat.app.here.list
            feed.call_rows = [*feed.call_rows, call(9, "time.now")]
            seat.app.here.stored()
            await seat.settle()
            assert tail.row.id == 9
            await seat.press("k")
            feed.call_rows = [
                *feed.call_rows,
                *(call(number, "time.now") for number in range(10, 138)),
            ]
            seat.app.here.stored()
            await seat.settle()
            assert tail.row.id == 8
            assert "▼ 128 new · G to follow" in frame(seat.app)
            await seat.press("G")
            assert tail.row.id == 137
            await seat.press("slash")
            await seat.type("is:blocked")
            await seat.press("enter")
            assert [row.id for row in tail.rows] == [4]
            feed.call_rows = [*feed.call_rows, call(138, "x.y", "blocked")]
            seat.app.here.stored()
            await seat.settle()
            assert tail.row.id == 138
            await seat.press("b")
            assert feed.did[-1] == ("switch", "x", "y", "False")
            await seat.press("escape", "n")
            assert tail.row.id == 5
            assert "▲ flagged" in frame(seat.app)

    drive(story())


def test_running_calls_end_before_your_eyes(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "calls") as seat:
            assert "● running" in frame(seat.app)
            feed.call_changes = lambda since: ([call(8, "git-local.git_status")], since + 1)  # type: ignore[method-assign]
            seat.app.here.stored()
            await seat.settle()
            assert "● running" not in frame(seat.app)

    drive(story())


def test_json_folds(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "calls", (80, 24)) as seat:
            await seat.press("enter")
            assert "Steps to reproduce" in frame(seat.app)
            await seat.press("j", "space")
            assert "Steps to reproduce" not in frame(seat.app)
            assert "▸ content: [] 1 …" in frame(seat.app)
            await seat.press("space", "right_square_bracket")
            assert "https://example.org" in frame(seat.app)

    drive(story())


def test_export_and_copy(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "calls") as seat:
            await seat.press("e", "enter")
            assert feed.did[-1][0] == "export"
            assert "Wrote 8 calls" in seat.said
            await seat.press("y", "i")
            assert "Copied number" in seat.said
            assert "by the terminal" in seat.said
            assert seat.app.clipboard == "8"

    drive(story())


def test_clients_show_the_change_before_the_key(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "clients") as seat:
            seat.app.here.select("vscode")
            await seat.settle()
            assert '+    "mcptui": {' in frame(seat.app)
            await seat.press("c", "C")
            assert feed.did == [("connect", "vscode"), ("connect_all",)]
            seat.app.here.select("cursor")
            await seat.press("c")
            assert feed.did[-1] == ("disconnect", "cursor")
            seat.app.here.select("claude-code")
            await seat.press("c")
            assert feed.did[-1] == ("disconnect", "cursor")

    drive(story())


def test_doctor_fixes_only_by_key(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "doctor") as seat:
            assert feed.did == []
            await seat.press("enter")
            assert feed.did == []
            await seat.press("j", "j", "enter")
            assert feed.did == [("fix", "gateways")]

    drive(story())


def test_the_palette_does_things_to_objects(feed: FakeFeed) -> None:
    feed.server_rows = list(SERVERS)

    async def story() -> None:
        async with at_screen(feed, "catalog") as seat:
            await seat.press("colon")
            await seat.type("restart git")
            await seat.press("enter")
            assert seat.app.room == "servers"
            assert feed.did == [("restart", "git-local")]
            await seat.press("colon")
            await seat.type("theme ansi-dark")
            await seat.press("enter")
            assert seat.app.theme == "ansi-dark"
            await seat.press("colon")
            await seat.type("stop all")
            await seat.press("enter")
            assert ("stop", "time") in feed.did

    drive(story())


@pytest.mark.parametrize(
    ("room", "keys"), [("catalog", ["i"]), ("servers", ["l"]), ("calls", ["enter"])]
)
def test_resizing_in_the_middle_of_everything(feed: FakeFeed, room: str, keys: list[str]) -> None:
    sizes = [(120, 35), (80, 24), (60, 16), (40, 10), (200, 60), (61, 17), (100, 30), (99, 24)]

    async def story() -> None:
        async with at_screen(feed, room) as seat:
            await seat.press(*keys)
            for size in sizes:
                await seat.pilot.resize_terminal(*size)
                await seat.pilot.pause(0.001)
            await seat.settle()
            shown = lines(seat)
            assert len(shown) == 25
            assert max(len(line) for line in shown) <= 99

    drive(story())


def test_a_folder_is_completed_as_a_shell_does(tmp_path: Path) -> None:
    (tmp_path / "projects").mkdir()
    (tmp_path / "pictures").mkdir()
    assert completed(f"{tmp_path}/pro") == f"{tmp_path}/projects/"
    assert completed(f"{tmp_path}/p") == f"{tmp_path}/p"
    assert completed(f"{tmp_path}/nothing") == f"{tmp_path}/nothing"
    assert completed(f"/a,{tmp_path}/pi") == f"/a, {tmp_path}/pictures/"


def test_next_time_begins_where_the_last_one_ended(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed) as seat:
            await seat.press("4", "j", "q")
        assert feed.kept["place"] == {"room": "clients", "row": "cursor"}
        async with at_screen(feed) as seat:
            assert seat.app.room == "clients"
            assert seat.app.here.list.row.id == "cursor"

    drive(story())
