"""Sign-ins on the screen: how they stand, the sheet of one, signing out, and keys that explain."""

from __future__ import annotations

import pytest

from tests.tui.driving import at_screen, drive
from tests.tui.frames import check, frame
from tests.tui.world import FakeFeed
from tests.tui.world_sign_in import ROWS

SIZES = {"120x35": (120, 35), "80x24": (80, 24), "60x16": (60, 16)}


@pytest.mark.parametrize("size", SIZES)
def test_how_sign_ins_stand(feed: FakeFeed, size: str) -> None:
    feed.signed = ROWS

    async def story() -> None:
        async with at_screen(feed, "access", SIZES[size]) as seat:
            await seat.press("slash")
            await seat.type("sign-in")
            await seat.press("enter")
            check(seat.app, f"access-sign-ins-{size}")

    drive(story())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("closed", ["", "there is no screen here"])
def test_the_sheet(feed: FakeFeed, size: str, closed: str) -> None:
    feed.signed = ROWS[1:2]
    feed.closed = closed

    async def story() -> None:
        async with at_screen(feed, "access", SIZES[size]) as seat:
            await seat.press("slash")
            await seat.type("sign-in")
            await seat.press("enter", "a")
            check(seat.app, f"sheet-sign-in{'-headless' if closed else ''}-{size}")

    drive(story())


def test_an_answer_can_be_pasted(feed: FakeFeed) -> None:
    feed.signed = ROWS[1:2]

    async def story() -> None:
        async with at_screen(feed, "access", (120, 35)) as seat:
            await seat.press("slash")
            await seat.type("sign-in")
            await seat.press("enter", "a", "p")
            await seat.type("http")
            await seat.press("enter")
            assert ("paste", "http") in feed.did

    drive(story())


def test_signing_out_asks_first(feed: FakeFeed) -> None:
    feed.signed = ROWS[:1]

    async def story() -> None:
        async with at_screen(feed, "access", (120, 35)) as seat:
            await seat.press("slash")
            await seat.type("sign-in")
            await seat.press("enter", "d")
            assert "revoked" in frame(seat.app)
            await seat.press("escape")
            assert feed.did == []
            await seat.press("d", "enter")
            assert feed.did == [("sign out", "linear")]

    drive(story())


def test_a_key_that_cannot_work_knows_why(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "servers", (120, 35)) as seat:
            assert "nobody signs in to it" in seat.app.here.why_not("sign_in")
        async with at_screen(feed, "calls", (120, 35)) as seat:
            assert "needs no sign-in" in seat.app.here.why_not("sign_in")

    drive(story())
