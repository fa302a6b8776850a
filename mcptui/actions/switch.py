"""Switch a server or one of its tools on or off; gateways follow at once, `undo` reverts it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcptui.actions.found import installed, near
from mcptui.errors import UsageError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.store.rows import Installed

KIND = "switch"


def tool_names(home: Home, row: Installed) -> list[str]:
    """Every tool a server is known to have: what it last said, pins, and changed ones."""
    said = home.store.definitions(row.name)
    names = [str(tool.get("name", "")) for tool in said.tools] if said is not None else []
    names += [pin.name for pin in row.entry.tools]
    names += [state.tool for state in home.store.tool_states(row.name) if state.seen_hash]
    return list(dict.fromkeys(name for name in names if name))


def switch_server(home: Home, name: str, on: bool) -> str:
    """Switch a whole server; returns what was done in words.

    Raises:
        UsageError: no such server.
    """
    row = installed(home, name)
    if row.choices.enabled == on:
        return f"{name} is {_word(on)} already"
    _store(home, replace(row, choices=replace(row.choices, enabled=on)))
    payload: dict[str, Any] = {"server": name, "enabled": not on}
    home.store.push_undo(f"switch {name} {_word(on)}", KIND, payload)
    return f"{name} is {_word(on)} now"


def switch_tool(home: Home, server: str, tool: str, on: bool) -> str:
    """Switch one tool; returns what was done in words.

    Raises:
        UsageError: no such server or tool.
    """
    row = installed(home, server)
    names = tool_names(home, row)
    if tool not in names and tool not in row.choices.tools_off:
        raise UsageError(
            f"{server} has no tool {visible(tool, limit=80)!r}",
            fix=near(tool, names) or f"`mcptui tools {server}` lists them",
        )
    if (tool not in row.choices.tools_off) == on:
        return f"{server}: {tool} is {_word(on)} already"
    _set_tools(home, row, {tool}, on)
    payload: dict[str, Any] = {"server": server, "tools": [tool], "on": not on}
    home.store.push_undo(f"switch {server} {tool} {_word(on)}", KIND, payload)
    return f"{server}: {tool} is {_word(on)} now"


def take_back(home: Home, payload: dict[str, Any]) -> None:
    """Undo a switch.

    Raises:
        UsageError: the server is gone.
    """
    row = installed(home, payload["server"])
    if "tools" in payload:
        _set_tools(home, row, set(payload["tools"]), payload["on"])
    else:
        _store(home, replace(row, choices=replace(row.choices, enabled=payload["enabled"])))


def _set_tools(home: Home, row: Installed, tools: set[str], on: bool) -> None:
    off = row.choices.tools_off - tools if on else row.choices.tools_off | tools
    _store(home, replace(row, choices=replace(row.choices, tools_off=frozenset(off))))


def _store(home: Home, row: Installed) -> None:
    home.store.put_install(row)
    home.store.wish("switch", row.name)


def _word(on: bool) -> str:
    return "on" if on else "off"
