"""Runs the program on a screen of any size and waits, without sleeping, until it has settled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from textual.pilot import Pilot

from mcptui.tui.app import McptuiApp
from mcptui.tui.feed import Feed


def drive(story: Coroutine[Any, Any, None]) -> None:
    """Run one story to its end."""
    asyncio.run(asyncio.wait_for(story, 150))


class Seat:
    """In front of the screen."""

    def __init__(self, app: McptuiApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def settle(self) -> None:
        """Wait until nothing is asked and nothing runs."""
        calm = 0
        for _ in range(2_000):
            await self.pilot.pause(0.002)
            busy = self.app.pool.open or any(job.running for job in self.app.jobs)
            calm = 0 if busy else calm + 1
            if calm >= 3:
                return
            if busy:
                await asyncio.sleep(0.005)
        raise AssertionError("the screen does not settle")

    async def press(self, *keys: str) -> None:
        """Press keys, settling after each."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        """Type a text, one key after the other."""
        names = {
            " ": "space",
            "/": "slash",
            "-": "minus",
            ".": "full_stop",
            ":": "colon",
            "~": "tilde",
        }
        for character in text:
            await self.pilot.press(names.get(character, character))
        await self.settle()

    @property
    def said(self) -> str:
        """The line above the keys, "" when there is none."""
        from mcptui.tui.widgets.flash import Flash

        shown = [one for one in self.app.screen.query(Flash) if one.has_class("-on")]
        shown += [self.app.flash] if self.app.flash.has_class("-on") else []
        return shown[0].text if shown else ""


@contextlib.asynccontextmanager
async def at_screen(
    feed: Feed, room: str = "catalog", size: tuple[int, int] = (120, 35), **settings: Any
) -> AsyncGenerator[Seat]:
    """The program, begun and settled."""
    app = McptuiApp(feed, room=room, **settings)
    async with app.run_test(size=size) as pilot:
        seat = Seat(app, pilot)
        await seat.settle()
        yield seat
