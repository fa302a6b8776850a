"""What many actions ask first: the installed server of a name, and which gateways live."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mcptui.errors import UsageError
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


def started_at(pid: int) -> str:
    """When a process began, as the kernel counts; "" when it is gone or nobody can tell."""
    try:
        # The name in the second field may hold spaces and brackets, so count from its end.
        return (
            Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19]
        )
    except (OSError, IndexError):
        return ""


def alive(row: GatewayRow) -> bool:
    """Whether a gateway's process still runs; a reused pid does not count."""
    if row.stopped_at is not None:
        return False
    if row.pid_start and Path("/proc/self/stat").exists():
        return started_at(row.pid) == row.pid_start
    try:
        os.kill(row.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def live_gateways(home: Home) -> list[GatewayRow]:
    """The gateways that run now."""
    return [row for row in home.store.gateways(live=True) if alive(row)]
