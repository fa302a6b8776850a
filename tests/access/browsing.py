"""A browser of the tests: follows one redirect of a sign-in page to the loopback address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx

from mcptui.access.sign_in import Prompt
from mcptui.tasks import spawn


class Browser:
    """Opens what it is shown.

    Args:
        change: alters the address that the sign-in page redirects to.
    """

    def __init__(self, change: Callable[[str], str] = str) -> None:
        self.change = change
        self.prompts: list[Prompt] = []
        self.pages: list[httpx.Response] = []
        self.task: asyncio.Task[None] | None = None

    def show(self, prompt: Prompt) -> None:
        """Take what the user is shown."""
        self.prompts.append(prompt)
        self.task = spawn(self._open(prompt.url), "browser")

    async def _open(self, url: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            page = await client.get(url)
            self.pages.append(page)
            there = page.headers.get("location")
            if there:
                self.pages.append(await client.get(self.change(there)))
