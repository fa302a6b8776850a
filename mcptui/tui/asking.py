"""The vault's passphrase, asked for on the screen when a thread needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from mcptui.errors import TryAgain

if TYPE_CHECKING:
    from mcptui.tui.app import McptuiApp


def asker(app: McptuiApp) -> Callable[[str], str]:
    """What `Home.ask_secret` is while the screen runs; called on threads, and blocks them."""

    def ask(question: str) -> str:
        answer = app.call_from_thread(_asked, app, question)
        if answer is None:
            raise TryAgain("The vault stays closed", "no passphrase was typed")
        return answer

    return ask


async def _asked(app: McptuiApp, question: str) -> str | None:
    from mcptui.tui.sheets.ask import AskSheet

    answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    words = "It opens the secrets of this machine, and stays in this process"
    app.push_screen(AskSheet(question.rstrip(": "), words, "", masked=True), answer.set_result)
    return await answer
