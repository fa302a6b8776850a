"""Removes what no living process of ours owns: containers and socket folders of those that were
killed. Called at each start and each exit, so that nothing outlives its gateway for long.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mcptui.errors import McptuiError
from mcptui.runtime import owner

if TYPE_CHECKING:
    from mcptui.runtime.engine import Engine, Found

_STRANGER = 600.0
"""Seconds after which an ended container of another machine or boot is nobody's."""


def reap(engine: Engine, alive: Callable[[int, str], bool] = owner.is_alive) -> list[str]:
    """Remove the containers whose owner is gone. Blocks; call it in a thread.

    Args:
        engine: where to look.
        alive: tells by number and start whether a process of this machine runs.

    Returns:
        The removed containers' IDs.

    Raises:
        TryAgain: the engine does not answer.
    """
    removed: list[str] = []
    for found in engine.found({owner.PID: ""}):
        if not _orphaned(found, alive):
            continue
        try:
            engine.remove(found.id)
        except McptuiError:
            continue  # in use by the engine itself right now; the next start tries again
        removed.append(found.id)
    sweep_folders(engine.folder, alive)
    return removed


def _orphaned(found: Found, alive: Callable[[int, str], bool]) -> bool:
    if found.labels.get(owner.MACHINE, "") != owner.this_machine():
        # Not ours to judge while it runs: its owner may live on another machine.
        return not found.running and time.time() - found.created > _STRANGER
    pid = found.labels.get(owner.PID, "")
    return not pid.isdecimal() or not alive(int(pid), found.labels.get(owner.START, ""))


def socket_folder_name(pid: int, start: str, token: str) -> str:
    """The name of a socket's folder: whose it is, and a part nobody can guess."""
    return f"{pid}-{start.replace(' ', '_').replace('/', '_')}-{token}"


def sweep_folders(folder: Path, alive: Callable[[int, str], bool] = owner.is_alive) -> None:
    """Remove socket folders whose process is gone."""
    try:
        found = [path for path in folder.iterdir() if path.name[:1].isdecimal() and path.is_dir()]
    except OSError:
        return
    for path in found:
        pid, _, rest = path.name.partition("-")
        start = rest.rpartition("-")[0].replace("_", " ")
        if pid.isdecimal() and not alive(int(pid), start):
            shutil.rmtree(path, ignore_errors=True)
