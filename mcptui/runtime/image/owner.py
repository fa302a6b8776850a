"""Who builds: a mark on temporary folders, containers and images, so that the next start can
tell what a killed builder left behind."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

LABEL = "mcptui.builder"


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks; "" where that cannot be told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def mine() -> str:
    """The mark of this process: host, process ID and its start."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def dead(mark: str) -> bool:
    """Whether `mark` belongs to a process of this host that is gone."""
    host, _, rest = mark.partition(":")
    pid, _, started = rest.partition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return bool(started) and _started(int(pid)) != started


def sweep(folder: Path) -> None:
    """Remove temporary folders in `folder` whose builder is gone."""
    for left in folder.iterdir() if folder.is_dir() else ():
        if dead(left.name.partition("+")[0]):
            shutil.rmtree(left, ignore_errors=True)
