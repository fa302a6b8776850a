"""Who a container belongs to, so that whoever starts next can tell the orphans.

A process is told by its number and its start time, because numbers are used again, and by the
machine it runs on, because an engine may serve more than one.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Label names, as `docker inspect` shows them.
PID = "mcptui.owner.pid"
START = "mcptui.owner.start"
MACHINE = "mcptui.owner.machine"
SESSION = "mcptui.session"
HOME = "mcptui.home"
SERVER = "mcptui.server"
INSTALL = "mcptui.install"


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that starts containers and answers for them.

    Args:
        pid: its number.
        pid_start: its start as `process_start()` tells it.
        session: the gateway session, "" outside one.
        machine: as `this_machine()` tells it.
        home: the state folder it works for, which tells one user's containers from another's.
        account: its user and group number, for folders the user picked; None where the
            container's user has nothing to do with ours.
    """

    pid: int
    pid_start: str
    session: str = ""
    machine: str = ""
    home: str = ""
    account: tuple[int, int] | None = None

    @classmethod
    def current(cls, session: str = "", home: str = "") -> Owner:
        """This very process, in a session of its own or none, for a state folder."""
        pid = os.getpid()
        account = (os.getuid(), os.getgid()) if sys.platform == "linux" else None
        return cls(pid, process_start(pid), session, this_machine(), home, account)

    def labels(self) -> dict[str, str]:
        """What the engine keeps of it."""
        return {
            PID: str(self.pid),
            START: self.pid_start,
            MACHINE: self.machine,
            SESSION: self.session,
            HOME: self.home,
        }


def process_start(pid: int) -> str:
    """When a process began: unique together with its number while the machine runs.

    Returns:
        The kernel's clock ticks on Linux, `ps`'s words elsewhere, "" for a process that is gone.
    """
    if sys.platform == "linux":
        try:
            text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
            # The name in the second field may hold spaces and brackets, so count from its end.
            return text.rpartition(")")[2].split()[19]
        except (OSError, IndexError):
            return ""
    try:
        told = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return " ".join(told.stdout.split())


@functools.cache
def this_machine() -> str:
    """A short name for this boot of this machine and its process numbers.

    Two containers that share one engine have process numbers of their own, so the namespace is
    part of it.
    """
    parts = [platform.node()]
    for read in (
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip(),
        lambda: str(Path("/proc/self/ns/pid").readlink()),
    ):
        try:
            parts.append(read())
        except OSError:
            parts.append("")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def is_alive(pid: int, start: str) -> bool:
    """Whether the process with that number and start still runs on this machine."""
    now = process_start(pid)
    if not now or not start:
        return bool(now)
    return now == start
