"""Signing in as steps on a screen: who signs in, where the browser is, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.actions.sign_in import SignInRow, authorize, open_page
from mcptui.progress import Step, StepState
from mcptui.tasks import spawn

if TYPE_CHECKING:
    from mcptui.access.sign_in import Prompt
    from mcptui.home import Home

PASTE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person sees while the browser is open.

    Args:
        url: the sign-in page, checked and rebuilt.
        host: where a password would be typed.
        issuer: who gives the tokens.
        server: the endpoint they are for.
        scopes: asked for, "" for the server's usual ones.
        closed: why no browser was opened, "" when one was.
        paste: takes the address that a browser elsewhere ended at; raises McptuiError when it is
            not the one. May be called from any thread but the action's own.
    """

    url: str
    host: str
    issuer: str
    server: str
    scopes: str
    closed: str
    paste: Callable[[str], None]


async def sign_in_steps(home: Home, name: str) -> AsyncIterator[Step]:
    """Sign in to an installed server; one step's result is `Shown`, the last one's `SignInRow`.

    Raises:
        McptuiError: see `authorize`.
    """
    shown: asyncio.Queue[Shown] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def show(prompt: Prompt) -> None:
        async def take(text: str) -> None:
            prompt.callback.paste(text)

        def paste(text: str) -> None:
            asyncio.run_coroutine_threadsafe(take(text), loop).result(PASTE_SECONDS)

        closed = open_page(home, prompt)
        shown.put_nowait(
            Shown(
                prompt.url, prompt.host, prompt.issuer, prompt.server, prompt.scopes, closed, paste
            )
        )

    yield Step("find", "finding out who signs in for it")
    work = spawn(authorize(home, name, show), f"sign in to {name}")
    wait = spawn(shown.get(), "the sign-in page")
    try:
        await asyncio.wait((work, wait), return_when=asyncio.FIRST_COMPLETED)
        if wait.done():
            page = wait.result()
            yield Step("find", "who signs in for it", StepState.DONE, detail=page.issuer)
            yield Step("browser", f"waiting for you at {page.host}", result=page)
        row: SignInRow = await work
    finally:
        wait.cancel()
        work.cancel()
    yield Step("browser", "the browser brought the answer", StepState.DONE)
    yield Step("tokens", f"Signed in to {name} with {row.issuer}", StepState.DONE, result=row)
