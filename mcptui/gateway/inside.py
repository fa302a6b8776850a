"""A client in this very process: the same path as a client's, without the pipes.

What it calls is judged, recorded and answered like any other call; the rows say "mcptui".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from mcptui import __version__
from mcptui.errors import McptuiError, TryAgain
from mcptui.gateway.client import Client
from mcptui.gateway.serve import Gateway
from mcptui.gateway.session import Session
from mcptui.gateway.wire import LATEST_LEGACY, Part
from mcptui.tasks import spawn

SWEEP_SECONDS = 0.25


class Inside:
    """A conversation with a gateway of one's own.

    Args:
        gateway: loaded, with a launcher.
        progress: told the params of each progress notification.
    """

    def __init__(
        self, gateway: Gateway, progress: Callable[[Mapping[str, Any]], None] | None = None
    ) -> None:
        self._progress = progress
        self._gateway = gateway
        self._session = Session(gateway.hub, self, Client("mcptui", os.getpid(), __version__))
        self._open: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last = 0

    overfull = False
    undelivered = 0

    def answer(self, identity: bytes, result: Part, error: Part = b"") -> None:
        """The answer to what we asked."""
        waiting = self._open.pop(int(identity), None)
        if waiting is not None and not waiting.done():
            key = "result" if result else "error"
            waiting.set_result({key: json.loads(bytes(result or error))})

    def send(self, line: bytes, about: bytes = b"") -> None:
        """What servers tell unasked: nobody listens but to progress."""
        if self._progress is not None and b"notifications/progress" in line:
            self._progress(json.loads(line).get("params") or {})

    def shown_id(self, identity: bytes) -> bytes:
        """A request's id as we wrote it."""
        return identity

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send one request; gives its result.

        Raises:
            McptuiError: the answer is an error.
        """
        self._last += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._open[self._last] = answer
        message = {"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}
        self._session.on_line(json.dumps(message).encode())
        said = await answer
        if "error" in said:
            raise McptuiError(f"{method} failed", str(said["error"].get("message", "")))
        return said["result"]

    async def learn(self, servers: Sequence[str]) -> None:
        """Have servers started that say what they offer; one after the other."""
        hub = self._gateway.hub
        for server in servers:
            link = await hub.opened(hub.open(self._session, server))
            if link is not None and link.opening is not None:
                await asyncio.wait([link.opening])

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._gateway.hub.sweep()

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncGenerator[Inside]:
        """The conversation from handshake to end; servers it started are gone afterwards."""
        gateway = self._gateway
        gateway.begin()
        gateway.hub.sessions.append(self._session)
        sweeper = spawn(self._sweep(), "sweep")
        try:
            info = {"name": "mcptui", "version": __version__}
            await self.ask(
                "initialize",
                {"protocolVersion": LATEST_LEGACY, "capabilities": {}, "clientInfo": info},
            )
            yield self
        finally:
            sweeper.cancel()
            await gateway.hub.close("mcptui ended")
            gateway.scribe.do(lambda store: store.stop_gateway(gateway.id))
            if not await asyncio.to_thread(gateway.scribe.close, 5.0):
                raise TryAgain("The call could not be recorded", "the state database is busy")
