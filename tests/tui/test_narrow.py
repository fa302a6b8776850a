"""Where list and detail do not stand side by side, nothing is written that was not shown."""

from __future__ import annotations

import pytest

from tests.tui.driving import at_screen, drive
from tests.tui.frames import frame
from tests.tui.world import FakeFeed


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
def test_the_change_is_shown_before_it_is_written(feed: FakeFeed, size: tuple[int, int]) -> None:
    async def story() -> None:
        async with at_screen(feed, "clients", size) as seat:
            seat.app.here.select("vscode")
            await seat.settle()
            assert '"mcptui": {' not in frame(seat.app)
            await seat.press("c")
            assert '+    "mcptui": {' in frame(seat.app)
            assert feed.did == []
            await seat.press("c")
            assert feed.did == [("connect", "vscode")]
            await seat.press("escape", "c", "escape")
            assert feed.did == [("connect", "vscode")]

    drive(story())
