"""Bytes into lines, in linear time and bounded memory, whatever a server sends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

_log = logging.getLogger("mcptui.runtime")
_END = 512
"""Bytes kept of each end of a message that is dropped."""


class LineSplitter:
    """Puts messages together from the pieces in which they arrive.

    A message of n bytes costs n steps and at most 2n bytes of memory; one over the limit is
    counted and dropped while it arrives. Empty lines are left out, and so is a \\r at the end.

    Args:
        on_line: gets each message without its line end.
        on_overlong: told the size of each message that was dropped, and its first and last bytes.
        limit: bytes a message may have.
    """

    def __init__(
        self,
        on_line: Callable[[bytes], None],
        on_overlong: Callable[[int, bytes], None],
        limit: int,
    ) -> None:
        self._on_line = on_line
        self._on_overlong = on_overlong
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._head = self._tail = b""

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        end = data.find(b"\n")
        if end < 0:
            self._keep(data)
            return
        start = 0
        while end >= 0:
            piece = data[start:end]
            if self._size:
                self._keep(piece)
                self._give()
            elif len(piece) > self._limit:
                self._call(self._on_overlong, len(piece), piece[:_END] + piece[-_END:])
            else:
                self._line(piece)
            start = end + 1
            end = data.find(b"\n", start)
        if start < len(data):
            self._keep(data[start:])

    def end(self) -> None:
        """No more will come; a last message without line end counts."""
        if self._size:
            self._give()

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._limit:
            self._parts.append(piece)
            return
        if self._parts:
            self._head = self._head or b"".join(self._parts[:8])[:_END]
            self._tail = b"".join(self._parts[-8:])[-_END:]
            self._parts.clear()
        self._head = self._head or piece[:_END]
        self._tail = (self._tail + piece[-_END:])[-_END:]

    def _give(self) -> None:
        size, self._size = self._size, 0
        if size > self._limit:
            ends, self._head, self._tail = self._head + self._tail, b"", b""
            self._call(self._on_overlong, size, ends)
            return
        parts, self._parts = self._parts, []
        line = b"".join(parts)
        parts.clear()  # or pieces and whole would both live while the message is handled
        self._line(line)

    def _line(self, line: bytes) -> None:
        if line.endswith(b"\r"):
            line = line[:-1]
        if line:
            self._call(self._on_line, line)

    def _call(self, told: Callable[..., None], *what: Any) -> None:
        try:
            told(*what)
        except Exception:
            # One message that its receiver cannot bear must not cost the ones behind it.
            _log.exception("a message could not be handled")


class LogLines:
    """A server's stderr as lines of text, bounded in length and in rate.

    Args:
        on_text: gets each line, undecodable bytes replaced.
        per_second: bytes of log let through in a second; what goes over is counted and said.
        longest: bytes of one line; a longer one is cut.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        on_text: Callable[[str], None],
        *,
        per_second: int = 256 << 10,
        longest: int = 8 << 10,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_text = on_text
        self._per_second = per_second
        self._longest = longest
        self._clock = clock
        self._window = clock()
        self._left = per_second
        self._dropped = 0
        self._line = bytearray()
        self._cut = 0
        self.last = ""

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        now = self._clock()
        if now - self._window >= 1:
            self._window, self._left = now, self._per_second
            self._say_dropped()
        if len(data) > self._left:
            self._dropped += len(data) - self._left
            data = data[: self._left]
        self._left -= len(data)
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._keep(data[start:end])
            self._give()
            start = end + 1
        self._keep(data[start:])

    def end(self) -> None:
        """No more will come."""
        if self._line:
            self._give()
        self._say_dropped()

    def _keep(self, piece: bytes) -> None:
        room = self._longest - len(self._line)
        self._line += piece[:room]
        self._cut += max(0, len(piece) - room)

    def _give(self) -> None:
        text = self._line.decode("utf-8", "replace").rstrip("\r")
        if self._cut:
            text += f"… ({self._cut} bytes more)"
        self._line.clear()
        self._cut = 0
        self._tell(text)

    def _say_dropped(self) -> None:
        if self._dropped:
            count, self._dropped = self._dropped, 0
            self._tell(f"mcptui: {count} bytes of log dropped, the server writes too much")

    def _tell(self, text: str) -> None:
        if text.strip():
            self.last = text
        try:
            self._on_text(text)
        except Exception:
            _log.exception("a line of a server's log could not be handled")
