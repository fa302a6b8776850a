"""The user's interceptors as a running gateway has them: the file, the command line, changes.

A file that cannot be read or is wrong leaves no hooks but a reason, and while there is one no call
is made. A change counts once the file has looked the same twice: an editor that empties a file and
then writes it must not open a gap.
"""

from __future__ import annotations

from pathlib import Path

from mcptui.errors import McptuiError
from mcptui.guard.interceptors import Hooks, Interceptor

Mark = tuple[int, int, int] | None


class HookWatch:
    """See the module.

    Args:
        path: the file; it need not exist.
        more: hooks of this gateway alone, which come after those of the file.
    """

    def __init__(self, path: Path, more: tuple[Interceptor, ...] = ()) -> None:
        self._path = path
        self._more = more
        self._mark: Mark = None
        self._seen: Mark = None

    def load(self) -> Hooks:
        """Read them now."""
        self._mark = self._seen = self._look()
        if self._mark is None:
            return Hooks(self._more)
        from mcptui.guard.hook_file import read_hooks

        try:
            return Hooks((*read_hooks(self._path), *self._more))
        except McptuiError as error:
            return Hooks(self._more, str(error))

    def changed(self) -> Hooks | None:
        """What holds from now on, None when nothing changed; to be asked a few times a second."""
        seen = self._look()
        steady, self._seen = seen == self._seen, seen
        if not steady or seen == self._mark:
            return None
        return self.load()

    def _look(self) -> Mark:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError:
            return (0, 0, 0)  # there, and not to be read: `load` says why
        return (found.st_mtime_ns, found.st_size, found.st_ino)
