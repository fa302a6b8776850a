"""Tools as clients see them: list, look into one, and call one through a real gateway.

A call starts a gateway of its own and speaks MCP with it, so it passes every switch, pin and
record that a client's call passes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

from mcptui import __version__
from mcptui.actions.found import installed, near
from mcptui.actions.servers import ToolRow, all_tools, tools_of
from mcptui.errors import McptuiError, TryAgain, UsageError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.home import Home

CLIENT = "mcptui"
PROTOCOL = "2025-11-25"
START_SECONDS = 30.0
"""How long the gateway may take for its handshake."""
END_SECONDS = 8.0
"""How long it may take to end."""
LINE_LIMIT = 128 << 20


def list_tools(home: Home, servers: tuple[str, ...] = ()) -> list[ToolRow]:
    """The tools of some servers, or of all.

    Raises:
        UsageError: no such server.
    """
    if not servers:
        return all_tools(home)
    return [tool for name in servers for tool in tools_of(home, name)]


def find_tool(home: Home, name: str, server: str = "") -> ToolRow:
    """One tool by its name for clients, or by its own where only one server has it.

    Raises:
        UsageError: there is none, or several.
    """
    if server:
        installed(home, server)
    rows = tools_of(home, server) if server else all_tools(home)
    found = [row for row in rows if row.exposed == name] or [r for r in rows if r.name == name]
    if len(found) == 1:
        return found[0]
    shown = visible(name, limit=80)
    if found:
        names = ", ".join(row.exposed for row in found)
        raise UsageError(f"{shown!r} is the name of several tools", fix=f"Choose one: {names}")
    fix = near(name, [row.exposed for row in rows]) or "`mcptui tools` lists them"
    raise UsageError(f"There is no tool {shown!r}", fix=fix)


async def call_tool(home: Home, tool: ToolRow, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Call a tool; returns its result as the server gave it, an error result included.

    Raises:
        McptuiError: the call was refused by the protocol, or the gateway failed.
        TryAgain: the gateway did not start.
    """
    async with _gateway(home) as ask:
        hello = {
            "protocolVersion": PROTOCOL,
            "capabilities": {},
            "clientInfo": {"name": CLIENT, "version": __version__},
        }
        try:
            async with asyncio.timeout(START_SECONDS):
                await ask.request("initialize", hello)
        except TimeoutError as error:
            raise TryAgain("The gateway did not start", fix="`mcptui doctor` tells more") from error
        ask.notify("notifications/initialized")
        params = {"name": tool.exposed, "arguments": dict(arguments)}
        return await ask.request("tools/call", params)


class _Asker:
    """The client's side of a gateway: one question at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last = 0

    def notify(self, method: str) -> None:
        self._send({"method": method})

    async def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._last += 1
        self._send({"id": self._last, "method": method, "params": params})
        assert self._process.stdout is not None  # noqa: S101 it was started with a pipe
        while line := await self._process.stdout.readline():
            message = json.loads(line)
            if message.get("id") == self._last and "method" not in message:
                if "error" in message:
                    raise McptuiError("The call failed", visible(message["error"]["message"]))
                return message["result"]
        raise McptuiError(
            "The gateway ended before the answer came", fix="`mcptui doctor` tells more"
        )

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 it was started with a pipe
        line = json.dumps({"jsonrpc": "2.0", **message}) + "\n"
        self._process.stdin.write(line.encode())


@contextlib.asynccontextmanager
async def _gateway(home: Home) -> AsyncGenerator[_Asker, None]:
    """A gateway of our own, started as a client would start it and ended in good order."""
    process = await asyncio.create_subprocess_exec(
        *home.gateway_command, "gateway", "run", "--client", CLIENT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=dict(home.environ),
        limit=LINE_LIMIT,
    )  # fmt: skip
    try:
        yield _Asker(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
