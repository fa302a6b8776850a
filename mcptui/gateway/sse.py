"""Server-sent events, read as they come: the framing of MCP's streams over HTTP.

Follows the HTML standard's event stream format: line ends of all three kinds, a byte order mark,
several `data` lines, comments, `id` and `retry`. Each byte is looked at a fixed number of times
and no event may be larger than the limit, however its bytes arrive.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_ENDS = re.compile(rb"\r\n?|\n")
_BOM = b"\xef\xbb\xbf"
_PER_LINE = 64
"""What a line of an event costs in memory besides its bytes."""
_ID_LIMIT = 4096
_NAME_LIMIT = 128


class TooLarge(Exception):
    """A message is larger than the limit; `size` bytes of it were seen."""

    def __init__(self, size: int) -> None:
        super().__init__(f"a message of {size} bytes or more")
        self.size = size


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Args:
        kind: its `event` field, "message" when it has none.
        data: its `data` lines, joined by line feeds.
    """

    kind: str
    data: bytes


class EventParser:
    """Turns chunks of bytes into events.

    Args:
        take: told each event that has data.
        limit: bytes one event may have.
    """

    def __init__(self, take: Callable[[Event], None], limit: int) -> None:
        self.last_id = ""
        self.retry: float | None = None
        """Seconds the server asks to wait before the stream is opened again."""
        self._take = take
        self._limit = limit
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._kind = ""
        self._id = ""
        self._first = True
        self._after_cr = False

    def go_on(self, before: EventParser | None) -> None:
        """Read on what a stream that broke had begun; nothing to go on with is fine."""
        if before is not None:
            self.last_id = self._id = before.last_id
            self.retry = before.retry

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream.

        Raises:
            TooLarge: an event or a line is over the limit; the stream cannot be read on.
        """
        start = 1 if self._after_cr and chunk[:1] == b"\n" else 0
        if chunk:
            self._after_cr = chunk[-1:] == b"\r"
        for end in _ENDS.finditer(chunk, start):
            self._end_line(chunk[start : end.start()])
            start = end.end()
        self._line += memoryview(chunk)[start:]
        self._bound(len(self._line))

    def _bound(self, more: int) -> None:
        if self._size + more > self._limit + _PER_LINE:
            raise TooLarge(self._size + more)

    def _end_line(self, piece: bytes) -> None:
        line = piece
        if self._line:
            self._line += piece
            line = bytes(self._line)
            self._line = bytearray()
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if line:
            self._field(line)
        else:
            self._dispatch()

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":") if line[:6] != b"data: " else (b"data", b"", b"")
        if name == b"data":
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._bound(len(value))
            self._size += len(value) + _PER_LINE
            self._data.append(value)
            return
        value = value.removeprefix(b" ")
        if name == b"event":
            self._kind = value[:_NAME_LIMIT].decode("utf-8", "replace")
        elif name == b"id":
            if b"\0" not in value and len(value) <= _ID_LIMIT:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit() and len(value) < 10:
            self.retry = int(value) / 1000

    def _dispatch(self) -> None:
        self.last_id = self._id
        data, kind = self._data, self._kind
        self._data, self._size, self._kind = [], 0, ""
        if data:
            self._take(Event(kind or "message", data[0] if len(data) == 1 else b"\n".join(data)))
