"""Tools as clients see them: list, look into one, and call one through the gateway's own router.

A call passes every switch, pin and record that a client's call passes; its row says "mcptui".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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


def typed(row: ToolRow, name: str, text: str) -> Any:
    """A value from the command line as the tool's schema wants it.

    Text stays text where a string is wanted, whatever it looks like; elsewhere JSON is read.

    Raises:
        UsageError: the schema wants something that the text is not.
    """
    schema = cast("dict[str, Any]", (row.definition or {}).get("inputSchema") or {})
    properties = cast("dict[str, Any]", schema.get("properties") or {})
    wanted: Any = cast("dict[str, Any]", properties.get(name) or {}).get("type")
    kinds = cast("list[Any]", wanted) if isinstance(wanted, list) else [wanted]
    if kinds == ["string"]:
        return text
    try:
        value: Any = json.loads(text)
    except ValueError:
        if "string" in kinds or kinds == [None]:
            return text
        shown = " or ".join(str(kind) for kind in kinds)
        raise UsageError(f"{name}: {text!r} is no {shown}") from None
    return value


async def call_tool(home: Home, row: ToolRow, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Call a tool; gives its result as the server said it.

    Raises:
        McptuiError: the call could not be made; a tool's own error is a result instead.
        TryAgain: the state database is busy.
    """
    from mcptui.gateway.inside import Inside

    async with Inside(_gateway(home)).opened() as inside:
        params = {"name": row.exposed, "arguments": dict(arguments)}
        return await inside.ask("tools/call", params)


def _gateway(home: Home) -> Gateway:
    from mcptui.gateway.limits import Limits
    from mcptui.gateway.serve import Gateway
    from mcptui.gateway.upstream_container import ContainerLauncher

    limits = Limits()
    gateway = Gateway(home, limits, client="mcptui")
    gateway.launch_with(ContainerLauncher(home, gateway.id, limits.line))
    gateway.load()
    return gateway
