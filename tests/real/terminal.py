"""A terminal that a test can press keys on and read: the real program on a real pty.

pyte keeps the screen as a terminal would; the raw bytes are kept too, for tests that look for
what must never be sent.
"""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pexpect
import pyte

KEYS = {
    "enter": "\r", "esc": "\x1b", "tab": "\t", "space": " ", "backspace": "\x7f",
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
    "pgup": "\x1b[5~", "pgdn": "\x1b[6~", "ctrl+c": "\x03",
}  # fmt: skip


class Terminal:
    """The program on a pty.

    Args:
        argv: absolute argument list.
        environ: its whole environment; TERM is set here.
        columns, rows: the size of the screen.
    """

    def __init__(
        self, argv: Sequence[str], environ: Mapping[str, str], columns: int = 120, rows: int = 35
    ) -> None:
        self.raw = bytearray()
        self._screen: Any = pyte.Screen(columns, rows)
        self._stream: Any = pyte.ByteStream(self._screen)
        # A test runner's own COLUMNS would win over the size of this terminal.
        inside = {key: value for key, value in environ.items() if key not in ("COLUMNS", "LINES")}
        self._child: Any = pexpect.spawn(
            argv[0],
            list(argv[1:]),
            env=inside | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
            dimensions=(rows, columns),
            timeout=30,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.close(force=True)

    def _pump(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._child.child_fd], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._child.child_fd, 1 << 16)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(_without_private_modes(data))
        return bool(data)

    def text(self) -> str:
        """What is on the screen now."""
        while self._pump(0.02):
            pass
        return "\n".join(line.rstrip() for line in self._screen.display)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other; words of KEYS are keys, anything else is typed."""
        for key in keys:
            self._child.send(KEYS.get(key, key))
            self._pump(0.05)

    @property
    def pid(self) -> int:
        """The program's process."""
        return int(self._child.pid)

    def send(self, key: str) -> None:
        """Press one key and do not look."""
        self._child.send(KEYS.get(key, key))

    def settle(self, quiet: float) -> float:
        """Read until nothing comes for `quiet` seconds; gives the time of the last byte."""
        last = time.perf_counter()
        while self._pump(quiet):
            last = time.perf_counter()
        return last

    def settle_until(self, deadline: float) -> None:
        """Read what comes until a time of `time.perf_counter`."""
        while (left := deadline - time.perf_counter()) > 0:
            self._pump(left)

    def wait_for_bytes(self, wanted: bytes, seconds: float = 30) -> None:
        """Wait until the program has sent certain bytes."""
        deadline = time.monotonic() + seconds
        while wanted not in self.raw:
            if time.monotonic() > deadline:
                raise AssertionError(f"{wanted!r} was not sent within {seconds} s")
            self._pump(0.05)

    def wait_for(self, pattern: str, seconds: float = 30) -> str:
        """Wait until the screen matches a regular expression; gives the screen.

        Raises:
            AssertionError: it did not in time; holds the screen.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._pump(0.05)
            shown = self.text()
            if re.search(pattern, shown):
                return shown
            if not self._child.isalive():
                break
        raise AssertionError(f"{pattern!r} did not appear within {seconds} s:\n{self.text()}")

    def wait_gone(self, pattern: str, seconds: float = 30) -> str:
        """Wait until the screen no longer matches a regular expression."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._pump(0.05)
            shown = self.text()
            if not re.search(pattern, shown):
                return shown
        raise AssertionError(f"{pattern!r} stayed for {seconds} s:\n{self.text()}")

    def wait_end(self, seconds: float = 15) -> int:
        """Wait until the program ends; gives its exit code."""
        deadline = time.monotonic() + seconds
        while self._child.isalive() and time.monotonic() < deadline:
            self._pump(0.05)
        assert not self._child.isalive(), f"it still runs:\n{self.text()}"
        return int(self._child.exitstatus if self._child.exitstatus is not None else -1)


def _without_private_modes(data: bytes) -> bytes:
    # pyte takes the Kitty keyboard and mode queries for text: they draw nothing on a terminal.
    return re.sub(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p", b"", data)
