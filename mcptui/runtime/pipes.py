"""Pipe ends on the event loop: stdin, stdout and stderr of a server without anybody between.

Reading and writing happen on the loop's thread, straight to and from the descriptor: what the
kernel takes at once is never copied, only what it does not take waits in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Callable

_LEAST_READ, _MOST_READ = 64 << 10, 1 << 20
_SLOW_READ = 4 << 10
_TURN_SECONDS = 0.002
"""How long what was read at once may keep the loop; then less is read at once."""
_PIPE_SIZE = 1 << 20
_DRAINED = 256 << 10
"""Bytes that may still wait when `drain()` returns."""


def wide_pipe() -> tuple[int, int]:
    """Make a pipe, as wide as the kernel allows up to 1 MiB; returns its read and write ends.

    A wide pipe lets a large message pass in few turns between reader and writer.
    """
    read_end, write_end = os.pipe()
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        # The kernel refuses when this user's pipes hold too much already; then it stays narrow.
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    return read_end, write_end


class PipeReader:
    """Reads a descriptor until its end.

    Args:
        loop: the loop of this thread.
        fd: a read end; closed here.
        on_data: gets each piece.
        on_end: called once, when nothing more can come.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        fd: int,
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._fd = fd
        self._on_data = on_data
        self._on_end = on_end
        self._size = _LEAST_READ
        os.set_blocking(fd, False)
        loop.add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, self._size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        # A long message is taken in large pieces; many short ones are not: what is made of them
        # would keep everybody else waiting.
        if b"\n" in data:
            began = time.monotonic()
            self._on_data(data)
            slow = time.monotonic() - began > _TURN_SECONDS
            if slow:
                self._size = max(self._size // 2, _SLOW_READ)
            else:
                self._size = min(self._size * 2, _LEAST_READ)
            return
        if len(data) == self._size:
            self._size = min(self._size * 2, _MOST_READ)
        self._on_data(data)

    def close(self) -> None:
        """Stop reading; what was not read is lost."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
            self._on_end()


class PipeChannel:
    """A `Channel` over the write end of a server's stdin.

    Args:
        loop: the loop of this thread.
        fd: the write end; closed here.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self._loop = loop
        self._fd = fd
        self._waiting: deque[memoryview] = deque()
        self._size = 0
        self._ending = False
        self._drained: list[asyncio.Future[None]] = []
        os.set_blocking(fd, False)

    @property
    def waiting(self) -> int:
        """Bytes that were sent and that the server has not taken yet."""
        return self._size

    def send(self, line: bytes) -> None:
        """Send one message, given without its newline."""
        if self._fd < 0 or self._ending:
            return
        if self._waiting:
            self._keep(line, 0)
            return
        try:
            written = os.writev(self._fd, (line, b"\n"))
        except (BlockingIOError, InterruptedError):
            written = 0
        except OSError:
            self.close()
            return
        if written <= len(line):
            self._keep(line, written)
            self._loop.add_writer(self._fd, self._write)

    def _keep(self, line: bytes, written: int) -> None:
        if written < len(line):
            self._waiting.append(memoryview(line)[written:])
        self._waiting.append(memoryview(b"\n"))
        self._size += len(line) - written + 1

    def _write(self) -> None:
        try:
            written = os.writev(self._fd, [self._waiting[i] for i in range(self._batch())])
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        self._size -= written
        while self._waiting and written >= len(self._waiting[0]):
            written -= len(self._waiting.popleft())
        if written:
            self._waiting[0] = self._waiting[0][written:]
        if self._size <= _DRAINED:
            self._wake()
        if not self._waiting:
            self._loop.remove_writer(self._fd)
            if self._ending:
                self.close()

    def _batch(self) -> int:
        return min(len(self._waiting), 256)

    async def drain(self) -> None:
        """Wait until little waits to be taken, or nothing will be any more."""
        if self._fd >= 0 and self._size > _DRAINED:
            done = self._loop.create_future()
            self._drained.append(done)
            await done

    def close_input(self) -> None:
        """Give the server end of file after what was sent."""
        self._ending = True
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """Close at once; what waits is dropped."""
        if self._fd < 0:
            return
        if self._waiting:
            self._loop.remove_writer(self._fd)
        os.close(self._fd)
        self._fd = -1
        self._waiting.clear()
        self._size = 0
        self._wake()

    def _wake(self) -> None:
        drained, self._drained = self._drained, []
        for done in drained:
            if not done.done():
                done.set_result(None)
