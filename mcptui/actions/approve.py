"""Look at what changed in a tool since it was approved, and take the new text or leave it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mcptui.actions.found import installed, near
from mcptui.errors import UsageError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.store.rows import Installed, ToolState


@dataclass(frozen=True, slots=True)
class Change:
    """One tool whose text differs from what was approved.

    Args:
        approved: the approved definition, None when the tool is new or was known by name only.
        seen: what the server shows now.
        lines: the difference for a person, outside text as it is.
    """

    server: str
    tool: str
    approved: dict[str, Any] | None
    seen: dict[str, Any] | None
    lines: tuple[str, ...]


def changes(home: Home, server: str) -> list[Change]:
    """The changed and new tools of a server that wait for a decision.

    Raises:
        UsageError: no such server.
    """
    row = installed(home, server)
    return [
        _change(home, row, state) for state in home.store.tool_states(server) if state.quarantined
    ]


def change(home: Home, server: str, tool: str) -> Change:
    """One waiting change.

    Raises:
        UsageError: no such server, or nothing waits for that tool.
    """
    waiting = {one.tool: one for one in changes(home, server)}
    if tool not in waiting:
        raise UsageError(
            f"{server}: nothing has changed in {visible(tool, limit=80)!r}",
            fix=near(tool, waiting) or (f"Waiting: {', '.join(waiting)}" if waiting else ""),
        )
    return waiting[tool]


def approve(home: Home, server: str, tool: str) -> str:
    """Take the text a server shows now as the approved one; returns what was done in words.

    Raises:
        UsageError: no such server, or nothing waits for that tool.
    """
    taken = change(home, server, tool)
    home.store.approve_tool(server, tool)
    _keep_text(home, taken)
    home.store.wish("reload", server)
    return f"{server}: the new text of {tool} is approved"


def _keep_text(home: Home, taken: Change) -> None:
    """Remember the approved text, so that the next change can be shown beside it."""
    said = home.store.definitions(taken.server)
    if said is None or taken.seen is None:
        return
    tools = [taken.seen if one.get("name") == taken.tool else one for one in said.tools]
    if taken.seen not in tools:
        tools.append(taken.seen)
    home.store.put_definitions(replace(said, tools=tools))


def _change(home: Home, row: Installed, state: ToolState) -> Change:
    from mcptui.trust.pins import diff

    approved = approved_definition(home, row, state)
    seen = state.seen_definition
    lines = diff(approved, seen) if approved is not None and seen is not None else []
    if approved is None:
        lines = ["a new tool: nobody has approved it yet"]
    return Change(row.name, state.tool, approved, seen, tuple(lines))


def approved_definition(home: Home, row: Installed, state: ToolState) -> dict[str, Any] | None:
    """The text that was approved: the pinned one, or what the server said before it changed."""
    from mcptui.trust.pins import tool_hash

    if not state.approved_hash:
        return None
    said = home.store.definitions(row.name)
    known = [pin.definition for pin in row.entry.tools if pin.name == state.tool]
    known += [one for one in (said.tools if said else []) if one.get("name") == state.tool]
    for definition in known:
        if definition is not None and tool_hash(definition) == state.approved_hash:
            return definition
    return None
