"""A conversation with a remote server through our HTTP side alone: a listener that keeps all."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcptui.gateway.credentials import Credentials
from mcptui.gateway.upstream_http import RemoteServer
from mcptui.runtime.channel import Death
from mcptui.store.rows import Installed
from tests.gateway.remote import remote
from tests.gateway.talk import META

MODERN = {
    META + "protocolVersion": "2026-07-28",
    META + "clientInfo": {"name": "t", "version": "1"},
    META + "clientCapabilities": {},
}


class RemoteTalk:
    """What a link would hear, kept; and requests with an id each."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.lost: dict[bytes, str] = {}
        self.log: list[str] = []
        self.deaths: list[Death] = []
        self.overlong: list[int] = []
        self.number = 0
        self.server: RemoteServer | None = None
        self.modern = False

    def on_line(self, line: bytes) -> None:
        assert not self.deaths, "a line after the end"
        assert b"\n" not in line and b"\r" not in line
        self.lines.append(line)

    def on_lost(self, identity: bytes, reason: str) -> None:
        self.lost[identity] = reason

    def on_overlong(self, size: int, ends: bytes = b"") -> None:
        self.overlong.append(size)

    def on_stderr(self, text: str) -> None:
        self.log.append(text)

    def on_exit(self, death: Death) -> None:
        self.deaths.append(death)

    def start(self, method: str, params: dict[str, Any] | None = None) -> bytes:
        """Send a request; gives its id."""
        assert self.server is not None
        self.number += 1
        params = dict(params or {})
        if self.modern:
            params["_meta"] = MODERN
        message = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.server.send(json.dumps(message).encode())
        return b"%d" % self.number

    def tell(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Send a notification."""
        assert self.server is not None
        message = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        self.server.send(json.dumps(message).encode())

    def answer(self, identity: bytes) -> dict[str, Any] | str | None:
        """The answer to a request, or why there is none, None while nobody knows."""
        if identity in self.lost:
            return self.lost[identity]
        for line in self.lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if str(message.get("id")) == identity.decode() and "method" not in message:
                return message
        return None

    async def until(self, condition: Callable[[], object], seconds: float = 20.0) -> Any:
        """Wait for something to become true."""
        deadline = time.monotonic() + seconds
        while (found := condition()) in (None, False, [], {}, ""):
            assert time.monotonic() < deadline, (self.lines, self.lost, self.log, self.deaths)
            await asyncio.sleep(0.01)
        return found

    async def ask(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """Send a request and give its answer, or the words why there is none."""
        identity = self.start(method, params)
        return await self.until(lambda: self.answer(identity))

    async def call(self, **arguments: Any) -> Any:
        """Call the tool."""
        return await self.ask("tools/call", {"name": "echo", "arguments": arguments})

    async def open(self, *, modern: bool) -> None:
        """Shake hands and list the tools."""
        self.modern = modern
        if modern:
            assert "result" in await self.ask("server/discover")
        else:
            version = "2025-11-25"
            client = {"name": "t", "version": "1"}
            params: dict[str, Any] = {"protocolVersion": version, "capabilities": {}}
            params["clientInfo"] = client
            assert "result" in await self.ask("initialize", params)
            self.tell("notifications/initialized")
        assert "result" in await self.ask("tools/list")


@asynccontextmanager
async def talking(
    url: str,
    *,
    installed: Installed | None = None,
    limit: int = 1 << 20,
    credentials: Credentials | None = None,
) -> AsyncGenerator[RemoteTalk]:
    """A conversation for the time of the block; nothing of it may be left afterwards."""
    before = asyncio.all_tasks()
    talk = RemoteTalk()
    server = RemoteServer(
        installed or remote("far", url), talk, url, limit=limit, credentials=credentials
    )
    talk.server = server
    try:
        yield talk
    finally:
        began = time.monotonic()
        await server.stop(0.7)
        assert time.monotonic() - began < 5
    assert len(talk.deaths) == 1
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before, asyncio.all_tasks() - before
