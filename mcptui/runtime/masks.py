"""Secrets and sockets inside a picked folder, which the server is not to see.

A folder is looked through before its server starts: what holds secrets by its name, and every
socket, is covered inside the container by something empty that cannot be written. A cover lies on
its place: it can be neither renamed nor removed nor linked there. But whoever changes the folder
from outside can take it off (a file put in another's place is no longer the covered one), so while
the server runs the folder is looked at again, and the server ended when something shows.

The look is bounded; what it did not reach is told.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field

from mcptui.runtime.secret_names import secret_file, secret_folder

_LATER = frozenset((
    ".git", ".tox", ".venv", "__pycache__", "build", "dist", "node_modules", "site-packages",
    "target", "vendor", "venv",
))  # fmt: skip
"""Large folders in which secrets are rare: looked at when all others have been."""
_OTHERS_SHOWN = 3
_MOMENT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a look goes: folders deep, names, seconds, and covers at most."""

    depth: int = 24
    names: int = 50_000
    seconds: float = 2.0
    covers: int = 256


USUAL = Bounds()


@dataclass(slots=True)
class Look:
    """What was found in one folder.

    Args:
        root: the folder.
        secrets: path → device, inode and time of change of what is to be covered.
        folders: the folders that were looked into → when they were changed, nanoseconds.
        unseen: those that were not.
    """

    root: str
    secrets: dict[str, tuple[int, int, int]] = field(
        default_factory=dict[str, tuple[int, int, int]]
    )
    folders: dict[str, int] = field(default_factory=dict[str, int])
    unseen: list[str] = field(default_factory=list[str])


def look_through(
    root: str,
    shown: frozenset[str] = frozenset(),
    bounds: Bounds = USUAL,
    *,
    sockets_only: bool = False,
) -> Look:
    """Look for secrets and sockets below a folder, the nearest first.

    Args:
        root: an absolute path; a single file is what was picked, and nothing is looked for.
        shown: paths the user wants to be seen.
        bounds: how far to go.
        sockets_only: the folder is given for its secrets.
    """
    found = _Looking(Look(root), shown, bounds, sockets_only)
    if os.path.isdir(root):  # noqa: PTH112  a hot path counts on texts
        found.walk(root)
    return found.look


class _Looking:
    """One look: see `look_through`."""

    def __init__(
        self, look: Look, shown: frozenset[str], bounds: Bounds, sockets_only: bool
    ) -> None:
        self.look = look
        self.shown = shown
        self.bounds = bounds
        self.sockets_only = sockets_only
        self._names = 0
        self._until = time.monotonic() + bounds.seconds
        self._files: dict[int, list[str]] = {}
        self._linked: set[int] = set()

    def walk(self, start: str, known: Container[str] = ()) -> None:
        """Look through a folder and those in it that are not `known`."""
        near: deque[tuple[str, int]] = deque([(start, 0)])
        far: deque[tuple[str, int]] = deque()
        while near or far:
            queue = near or far
            path, depth = queue.popleft()
            if depth > self.bounds.depth or self._names > self.bounds.names or self._late():
                self.look.unseen.append(path)
                continue
            for entry in self._entries(path):
                if (
                    self._is_folder(entry)
                    and entry.path not in known
                    and not self._covered_folder(entry)
                ):
                    below = far if entry.name in _LATER else queue
                    below.append((entry.path, depth + 1))
        for inode in self._linked:
            for path in self._files.get(inode, ()):
                self._cover(path)

    def _late(self) -> bool:
        return time.monotonic() > self._until

    def _entries(self, path: str) -> Iterator[os.DirEntry[str]]:
        try:
            changed = os.stat(path).st_mtime_ns  # noqa: PTH116
            # A change in this very moment could leave the same time: it is looked at again.
            fresh = changed > time.time_ns() - _MOMENT
            self.look.folders[path] = -1 if fresh else changed
            with os.scandir(path) as entries:
                for entry in entries:
                    self._names += 1
                    if self._names > self.bounds.names or (self._names % 512 == 0 and self._late()):
                        self.look.unseen.append(path)
                        return
                    yield entry
        except OSError:
            # Who may not look into it here may not do so inside either.
            return

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        try:
            if entry.is_dir(follow_symlinks=False):
                return True
            self._file(entry)
        except OSError:
            pass
        return False

    def _file(self, entry: os.DirEntry[str]) -> None:
        if entry.is_file(follow_symlinks=False):
            self._files.setdefault(entry.inode(), []).append(entry.path)
            if not self.sockets_only and secret_file(entry.name, entry.path):
                self._cover(entry.path)
        elif entry.is_symlink():
            self._link(entry)
        elif stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode):
            self._cover(entry.path)

    def _link(self, entry: os.DirEntry[str]) -> None:
        """A link with a secret's name leads to the secret."""
        real = os.path.realpath(entry.path)
        inside = real.startswith(self.look.root.rstrip("/") + "/")
        if inside and not self.sockets_only and os.path.isfile(real):  # noqa: PTH113
            if secret_file(entry.name, real) and entry.path not in self.shown:
                self._cover(real)

    def _covered_folder(self, entry: os.DirEntry[str]) -> bool:
        if self.sockets_only or not secret_folder(entry.name) or entry.path in self.shown:
            return False
        self._cover(entry.path)
        return True

    def _cover(self, path: str) -> None:
        if path in self.shown:
            return
        held = os.lstat(path)
        self.look.secrets[path] = (held.st_dev, held.st_ino, held.st_ctime_ns)
        if stat.S_ISREG(held.st_mode) and held.st_nlink > 1:
            self._linked.add(held.st_ino)


class Watch:
    """Looks again at folders that were looked through, and says when something shows.

    Args:
        looks: what was found when the container was made.
        shown: paths the user wants to be seen.
        sockets_only: roots that are given for their secrets.
    """

    def __init__(
        self, looks: Iterable[Look], shown: frozenset[str], sockets_only: frozenset[str]
    ) -> None:
        self._looks = list(looks)
        self._shown = shown
        self._sockets_only = sockets_only

    def look(self) -> str:
        """What shows now and was not covered, in words; "" for nothing. Blocks for a moment."""
        for look in self._looks:
            for path, changed in list(look.folders.items()):
                try:
                    now = os.stat(path).st_mtime_ns  # noqa: PTH116
                except OSError:
                    del look.folders[path]
                    continue
                if now != changed and (shows := self._again(look, path)):
                    return shows
        return ""

    def _again(self, look: Look, path: str) -> str:
        """Look once more at one folder, and at those in it that are new."""
        sockets_only = look.root in self._sockets_only
        fresh = _Looking(Look(look.root), self._shown, Bounds(seconds=0.5), sockets_only)
        fresh.walk(path, look.folders)
        for secret, ident in fresh.look.secrets.items():
            if look.secrets.get(secret) != ident:
                return secret
        look.folders |= fresh.look.folders
        return ""


def words(looks: Iterable[Look]) -> tuple[list[str], list[str]]:
    """What is covered and what was not looked at, for a person: paths, the first few."""
    covered = [path for look in looks for path in sorted(look.secrets)]
    unseen = [path for look in looks for path in look.unseen]
    return covered, unseen[:_OTHERS_SHOWN]
