"""Tools as clients see them: list, look into one, and call one through the gateway's own router.

A call passes every switch, pin and record that a client's call passes; its row says "mcptui".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from mcptui.actions.found import installed, near
from mcptui.actions.servers import ToolRow, all_tools, tools_of
from mcptui.errors import UsageError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.gateway.serve import Gateway
    from mcptui.home import Home


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


def schema_of(row: ToolRow) -> dict[str, Any]:
    """The schema of a tool's arguments; empty when it is not known."""
    found: Any = (row.definition or {}).get("inputSchema")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Count:
    """How much a server's tools take of a model's attention.

    Args:
        tools: how many clients are shown.
        all: how many it has.
        tokens: of the definitions shown and of its instructions, about.
    """

    server: str
    tools: int
    all: int
    tokens: int


def count_tools(home: Home, servers: tuple[str, ...] = ()) -> list[Count]:
    """Count the tools of some servers, or of all, as clients are shown them.

    Raises:
        UsageError: no such server.
    """
    found: list[Count] = []
    for name in servers or tuple(home.store.names()):
        rows = tools_of(home, name)
        shown = [row for row in rows if row.on and row.state != "gone" and row.definition]
        said = home.store.definitions(name)
        row = home.store.installed(name)
        words = (row.entry.instructions if row else "") or (said.instructions if said else "")
        texts = [json.dumps({**(row.definition or {}), "name": row.exposed}) for row in shown]
        tokens = sum(map(_tokens, [*texts, words]))
        found.append(Count(name, len(shown), len(rows), tokens if shown else 0))
    return found


def _tokens(text: str) -> int:
    # Tokenizers differ; four characters of English or JSON to a token is the usual rule.
    return (len(text) + 3) // 4


def unknown_servers(home: Home, servers: tuple[str, ...] = ()) -> list[str]:
    """Servers of which nothing is known before they were started once."""
    rows = [row for row in home.store.installs() if not servers or row.name in servers]
    return [
        row.name
        for row in rows
        if row.choices.enabled
        and not any(pin.definition for pin in row.entry.tools)
        and home.store.definitions(row.name) is None
    ]


async def learn(home: Home, servers: Sequence[str]) -> None:
    """Start servers once to hear what they offer, as a client's gateway does.

    A server that cannot be started is left unknown; its log tells why.
    """
    from mcptui.gateway.inside import Inside

    async with Inside(_gateway(home)).opened() as inside:
        await inside.learn(servers)


async def call_tool(
    home: Home,
    row: ToolRow,
    arguments: Mapping[str, Any],
    progress: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Call a tool; gives its result as the server said it.

    Args:
        home: the user's.
        row: the tool.
        arguments: as they go to the server.
        progress: told the params of each progress notification.

    Raises:
        McptuiError: the call could not be made; a tool's own error is a result instead.
        TryAgain: the state database is busy.
    """
    from mcptui.gateway.inside import Inside

    async with Inside(_gateway(home), progress).opened() as inside:
        params: dict[str, Any] = {"name": row.exposed, "arguments": dict(arguments)}
        if progress is not None:
            params["_meta"] = {"progressToken": 1}
        return await inside.ask("tools/call", params)


def _gateway(home: Home) -> Gateway:
    from mcptui.access.granted import secrets_of
    from mcptui.gateway.launcher import ServerLauncher
    from mcptui.gateway.serve import Gateway
    from mcptui.gateway.settings import read_settings

    limits, settings = read_settings(home.paths.settings, {})
    gateway = Gateway(home, limits, client="mcptui", settings=settings)
    secrets, report = secrets_of(home), gateway.contacts.seen
    gateway.launch_with(ServerLauncher(home, gateway.id, limits.line, secrets, report=report))
    gateway.load()
    return gateway
