"""What a server wrote while it ran: names and sizes, for the person who let it write.

Folders of the host are looked through when it has ended, for files changed since it began, whoever
changed them. Its own places (/tmp, what its image wants to write, its volumes) are nobody's but its
own: our start program tells of them, once the server has ended, on lines of the log that begin
with a word the server does not know. What it changed of its image, the engine tells.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcptui.runtime.plan import ContainerPlan

MOST = 200
"""Files of one run that are told of, in each kind of place."""
_NAMES, _SECONDS = 20_000, 0.5
"""How far the host's folders are looked through."""
_SLACK = 0.02
"""Seconds by which a file system's clock is behind."""
_OURS = ("/run/mcptui", "/run/mcptui-shim", "/run")


@dataclass(frozen=True, slots=True)
class Wrote:
    """One file.

    Args:
        path: on the host where it is in a folder of the host, else inside the container.
        size: bytes, -1 where nobody knows.
        where: "folder", "volume", "memory" (gone with the run) or "image" (gone as well).
    """

    path: str
    size: int
    where: str


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a server left.

    Args:
        began, ended: unix seconds.
        files: what was written, bounded.
        more: there was more than that, or not everything was looked at.
    """

    began: float
    ended: float
    files: tuple[Wrote, ...]
    more: bool


class Writings:
    """Gathers what one container writes.

    Args:
        plan: the container.
    """

    def __init__(self, plan: ContainerPlan) -> None:
        self._plan = plan
        self._word = secrets.token_hex(16)
        self._began = time.time()
        self._files: list[Wrote] = []
        self._more = False
        self._volumes = tuple(mount.target for mount in plan.mounts if mount.volume)

    def places(self) -> list[tuple[str, str]]:
        """The word and each place inside that our start program is to tell of."""
        inside = ("/tmp", "/dev/shm", *self._plan.scratch, *self._volumes)  # noqa: S108
        return [(self._word, place) for place in dict.fromkeys(inside)]

    def heard(self, text: str) -> str:
        """Take our part out of a line of the log; what is left is the server's."""
        before, found, told = text.partition(f"{self._word} ")
        if not found:
            return text
        size, _, path = told.partition(" ")
        if not path:
            self._more = True
        elif size.isdecimal() and len(self._files) < MOST:
            kept = any(path.startswith(f"{volume}/") for volume in self._volumes)
            self._files.append(Wrote(path[:1000], int(size), "volume" if kept else "memory"))
        return before

    def run(self, changes: list[tuple[str, bool]]) -> Run:
        """Everything, after the end of the server. Blocks for a moment.

        Args:
            changes: what the engine says was changed of the image: path, and whether it is gone.
        """
        files = [*self._files, *self._in_folders()]
        files += [
            Wrote(path[:1000], -1, "image")
            for path, gone in changes[:MOST]
            if not gone and path not in _OURS
        ]
        more = self._more or len(changes) > MOST
        return Run(self._began, time.time(), tuple(files), more)

    def _in_folders(self) -> Iterator[Wrote]:
        until, names, found = time.monotonic() + _SECONDS, 0, 0
        since = self._began - _SLACK
        for mount in self._plan.mounts:
            if mount.volume or not mount.writable:
                continue
            waiting = deque([mount.source])
            if not os.path.isdir(mount.source):  # noqa: PTH112
                waiting, held = deque[str](), os.stat(mount.source)  # noqa: PTH116
                if max(held.st_mtime, held.st_ctime) >= since:
                    yield Wrote(mount.source, held.st_size, "folder")
            while waiting:
                for entry in _entries(waiting.popleft()):
                    names += 1
                    if names > _NAMES or found >= MOST or time.monotonic() > until:
                        self._more = True
                        return
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                        continue
                    try:
                        held = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if max(held.st_mtime, held.st_ctime) >= since:
                        found += 1
                        yield Wrote(entry.path[:1000], held.st_size, "folder")


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry, _ in zip(entries, range(_NAMES), strict=False)]
    except OSError:
        return []
