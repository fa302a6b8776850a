"""The client's side of stdio: bytes of two file descriptors in, lines out, and back.

Reads and writes straight from the event loop, without a thread or a transport in between. Answers
that come up in one turn of the loop leave in one write. A client that does not read is no longer
read either, so that it cannot make us keep ever more for it. Descriptor 1 is taken out of reach
first: whatever in this process prints, prints to stderr.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable

from mcptui.gateway.surrogates import show
from mcptui.gateway.wire import Part, fault_line, result_line
from mcptui.runtime.lines import LineSplitter

CHUNK = 256 << 10
HIGH_WATER = 8 << 20
"""Unwritten bytes after which the client is not read."""
_NEWLINE = memoryview(b"\n")


def guard_stdout() -> int:
    """Move the protocol's stdout to a descriptor of its own and let 1 be stderr; returns it."""
    own = os.dup(1)
    os.set_inheritable(own, False)
    os.dup2(2, 1)
    return own


class StdioFront:
    """A client at two descriptors.

    Args:
        source: descriptor to read from.
        sink: descriptor to write to.
        limit: bytes of the longest line.
        on_line: takes each message.
        on_overlong: told the size, and the first and last bytes, of a message over the limit.
        on_end: called once when the client closed its side.
    """

    def __init__(
        self,
        source: int,
        sink: int,
        limit: int,
        on_line: Callable[[bytes], None],
        on_overlong: Callable[[int, bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._source = source
        self._sink = sink
        self._lines = LineSplitter(on_line, on_overlong, limit)
        self._on_end = on_end
        self._out: list[bytes] = []
        self._unwritten = 0
        self._rest: deque[memoryview] = deque()
        self._flushing = False
        self._writing = False
        self._reading = False
        self._paused: set[str] = set()
        self._ended = False
        self._polled = {source: True, sink: True}
        self.broken = False

    def start(self) -> None:
        """Begin to read."""
        for descriptor in (self._source, self._sink):
            try:
                self._loop.add_reader(descriptor, _nothing)
                self._loop.remove_reader(descriptor)
                os.set_blocking(descriptor, False)
            except OSError:
                self._polled[descriptor] = False  # a file: always ready, and epoll refuses it
        self._resume()

    def _resume(self) -> None:
        if self._reading or self._ended or self._paused:
            return
        self._reading = True
        if self._polled[self._source]:
            self._loop.add_reader(self._source, self._readable)
        else:
            threading.Thread(target=self._read_file, name="mcptui-stdin", daemon=True).start()

    def hold(self, why: str, on: bool) -> None:
        """Stop reading the client, or go on when no other reason is left."""
        if on:
            self._paused.add(why)
            if self._reading and self._polled[self._source]:
                self._loop.remove_reader(self._source)
                self._reading = False
        elif why in self._paused:
            self._paused.discard(why)
            self._resume()

    def _readable(self) -> None:
        try:
            chunk = os.read(self._source, CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            chunk = b""
        self._take(chunk)

    def _read_file(self) -> None:
        while chunk := os.read(self._source, CHUNK):
            self._loop.call_soon_threadsafe(self._lines.feed, chunk)
        self._loop.call_soon_threadsafe(self._take, b"")

    def _take(self, chunk: bytes) -> None:
        if chunk:
            self._lines.feed(chunk)
            return
        self.stop()
        self._lines.end()
        self._on_end()

    def stop(self) -> None:
        """Read no more."""
        if self._reading and self._polled[self._source]:
            self._loop.remove_reader(self._source)
        self._reading = False
        self._ended = True

    def answer(self, identity: bytes, result: Part, error: Part = b"") -> None:
        """The answer to a request; one of the two is empty."""
        self.send(result_line(identity, result) if result else fault_line(identity, error))

    def shown_id(self, identity: bytes) -> bytes:
        """A request's id as the client wrote it."""
        return identity

    def send(self, line: bytes, about: bytes = b"") -> None:
        """Send one message, given without its newline; leaves with others of this turn."""
        if self.broken:
            return
        line = show(line)
        self._out.append(line)
        self._unwritten += len(line) + 1
        if not self._flushing and not self._writing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        lines, self._out = self._out, []
        if self._unwritten < CHUNK:
            lines.append(b"")
            self._rest.append(memoryview(b"\n".join(lines)))
        else:  # large ones are not copied once more
            for line in lines:
                self._rest.append(memoryview(line))
                self._rest.append(_NEWLINE)
        self._pump()

    def _pump(self) -> None:
        while self._rest:
            piece = self._rest[0]
            try:
                written = os.write(self._sink, piece)
            except (BlockingIOError, InterruptedError):
                self._wait_for_sink()
                return
            except OSError:
                self._break()
                return
            self._unwritten -= written
            if written == len(piece):
                self._rest.popleft()
            else:
                self._rest[0] = piece[written:]
        if self._writing:
            self._loop.remove_writer(self._sink)
            self._writing = False
        if self._paused:
            self.hold("unread", False)
        if self._out:
            self._flush()

    def _wait_for_sink(self) -> None:
        if not self._writing:
            self._writing = True
            self._loop.add_writer(self._sink, self._pump)
        if self._unwritten > HIGH_WATER:
            self.hold("unread", True)

    @property
    def overfull(self) -> bool:
        """The client does not read: what it can do without need not be sent."""
        return self._unwritten > HIGH_WATER

    @property
    def undelivered(self) -> int:
        """Bytes the client has not taken yet."""
        return self._unwritten

    def _break(self) -> None:
        """The client is gone: nothing can be written any more."""
        self.broken = True
        self._out.clear()
        self._rest.clear()
        self._unwritten = 0
        if self._writing:
            self._loop.remove_writer(self._sink)
            self._writing = False
        if not self._ended:
            self.stop()
            self._on_end()

    def finish(self, seconds: float) -> None:
        """Write what is left, blocking up to `seconds` in all: the last thing before the end."""
        if self._writing:
            self._loop.remove_writer(self._sink)
        left = [*self._rest]
        for line in self._out:
            left.extend((memoryview(line), _NEWLINE))
        self._rest.clear()
        self._out.clear()
        writer = threading.Thread(target=_write_all, args=(self._sink, left), daemon=True)
        writer.start()
        writer.join(seconds)


def _write_all(sink: int, pieces: list[memoryview]) -> None:
    try:
        os.set_blocking(sink, True)
        for view in pieces:
            while view:
                view = view[os.write(sink, view) :]
    except OSError:
        return


def _nothing() -> None:
    return
