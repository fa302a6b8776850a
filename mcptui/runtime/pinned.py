"""What was picked is held until the container has it, and the container is asked whether it does.

An engine takes a path, and looks it up itself, later and with root's rights: in between, whoever
may write above it can put a link to something else in its place. So each picked path is opened
here, part by part and through no link, and held; what was opened is judged. When the container has
its mounts, our start program inside it tells device and inode of each before the server's first
instruction: what is not the very thing we hold ends the container there and then.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mcptui.errors import McptuiError, UsageError
from mcptui.runtime.deny import Deny
from mcptui.runtime.mounts import PlannedMount
from mcptui.visible import visible

# Where a descriptor can stand for a name alone, no right to read is needed and no pipe waits.
_LOOK = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Check:
    """What the container must have at a place.

    Args:
        target: absolute path inside.
        device, inode: as the kernel numbers what we hold.
    """

    target: str
    device: int
    inode: int

    @property
    def ident(self) -> str:
        """Device and inode as the start program takes them."""
        return f"{os.major(self.device)}:{os.minor(self.device)}:{self.inode}"


@dataclass(slots=True)
class Pinned:
    """Opened mounts; close it when the container has them."""

    mounts: tuple[PlannedMount, ...] = ()
    checks: tuple[Check, ...] = ()
    _held: list[int] = field(default_factory=list[int])

    def hold(self, descriptor: int) -> None:
        """Keep a descriptor open until `close()`."""
        self._held.append(descriptor)

    def close(self) -> None:
        """Let go of what is held; may be called more than once."""
        while self._held:
            os.close(self._held.pop())


def pin(
    mounts: Iterable[PlannedMount], deny: Deny, exposed: frozenset[str] = frozenset()
) -> Pinned:
    """Open each source on this machine, judge what it really is, and hold it.

    Args:
        mounts: as planned.
        deny: what no server may have.
        exposed: credentials which the user said a server may read, as exact paths.

    Raises:
        UsageError: a source is gone, or a link stands where a folder was picked.
        McptuiError: a source is something no server may have.
    """
    pinned, checks, mounts = Pinned(), list[Check](), tuple(mounts)
    try:
        for mount in mounts:
            if mount.volume:
                continue  # the engine's own: it has no path that could be swapped
            held = _opened(mount, deny, exposed)
            pinned.hold(held)
            found = os.fstat(held)
            if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
                raise _refused(mount.source, "is neither a folder nor a file")
            checks.append(Check(mount.target, found.st_dev, found.st_ino))
    except BaseException:
        pinned.close()
        raise
    pinned.mounts, pinned.checks = mounts, tuple(checks)
    return pinned


def real_path(path: str) -> str:
    """A path as a person writes it, made absolute and without the links in it.

    What is agreed to and kept is where a link led when it was picked; a link that comes later
    is a surprise, and refused.
    """
    with contextlib.suppress(RuntimeError):  # somebody's home who is not on this machine
        path = str(Path(path).expanduser())
    return os.path.realpath(path)


def _opened(mount: PlannedMount, deny: Deny, exposed: frozenset[str]) -> int:
    """A descriptor of the source, reached through no link and through nothing that is denied."""
    if problem := deny.problem(mount.source, exposed, writable=mount.writable):
        raise _refused(mount.source, problem)
    forbidden = deny.forbidden(mount.source, exposed)
    at = os.open("/", _LOOK)
    try:
        for part in PurePosixPath(mount.source).parts[1:]:
            below = os.open(part, _LOOK, dir_fd=at)
            os.close(at)
            at = below
            found = os.fstat(at)
            if stat.S_ISLNK(found.st_mode):
                raise OSError(f"{visible(part, limit=80)} is a link now")
            if why := forbidden.get((found.st_dev, found.st_ino)):
                raise _refused(mount.source, why, ", it is another name of that")
    except OSError as error:
        os.close(at)
        shown = visible(mount.source, limit=200)
        real = real_path(mount.source)
        fix = "Pick a folder that exists"
        if real != mount.source and Path(real).exists():
            fix = f"Pick where it leads: {visible(real, limit=200)}"
        raise UsageError(f"{shown} cannot be given to the server", str(error), fix) from error
    except BaseException:
        os.close(at)
        raise
    return at


def _refused(source: str, problem: str, more: str = "") -> McptuiError:
    shown = visible(source, limit=200)
    return McptuiError(f"{shown} {problem}{more}", "no server may have that", "Pick another folder")
