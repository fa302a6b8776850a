"""Take the last change back: switches, hosts, removals, installs, profiles, configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcptui.errors import McptuiError

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.store.rows import UndoRow


def undo(home: Home) -> str | None:
    """Take the newest change back that can be.

    Returns:
        What was taken back in words, None when there is nothing.

    Raises:
        McptuiError: it cannot be taken back any more; it is forgotten then, so that the next
            undo reaches the change before it.
    """
    row = home.store.last_undo()
    if row is None:
        return None
    try:
        _take_back(home, row)
    finally:
        home.store.undone(row.id)
    return f"taken back: {row.label}"


def _take_back(home: Home, row: UndoRow) -> None:
    if row.kind == "switch":
        from mcptui.actions.switch import take_back as back
    elif row.kind == "remove":
        from mcptui.actions.remove import take_back as back
    elif row.kind == "install":
        from mcptui.actions.install import take_back as back
    elif row.kind in ("connect", "disconnect"):
        from mcptui.actions.connect import take_back as back
    elif row.kind == "network":
        from mcptui.actions.network import take_back as back
    elif row.kind == "profile":
        from mcptui.actions.profile import take_back as back
    elif row.kind == "folders":
        from mcptui.actions.folders import take_back as back
    elif row.kind == "limits":
        from mcptui.actions.limits import take_back as back
    else:
        raise McptuiError(f"{row.label}: this version cannot take it back")
    back(home, row.payload)
