"""What many actions ask first: the installed server of a name, and which gateways live."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from mcptui.errors import UsageError
from mcptui.runtime.owner import is_alive
from mcptui.store.rows import GatewayRow, Installed
from mcptui.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcptui.home import Home


def near(name: str, names: Iterable[str]) -> str:
    """Words that offer what somebody may have meant, "" when nothing is like it."""
    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else ""


def installed(home: Home, name: str) -> Installed:
    """The installed server of that name.

    Raises:
        UsageError: there is none; offers the nearest names.
    """
    row = home.store.installed(name)
    if row is None:
        names = [one.name for one in home.store.installs()]
        raise UsageError(
            f"No server {visible(name, limit=80)!r} is installed",
            f"installed: {', '.join(names)}" if names else "none is",
            near(name, names) or "`mcptui catalog` lists what can be installed",
        )
    return row


def alive(row: GatewayRow) -> bool:
    """Whether a gateway's process still runs; a reused pid does not count."""
    return row.stopped_at is None and is_alive(row.pid, row.pid_start)


def live_gateways(home: Home) -> list[GatewayRow]:
    """The gateways that run now."""
    return [row for row in home.store.gateways(live=True) if alive(row)]
