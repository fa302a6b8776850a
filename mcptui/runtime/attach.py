"""The attach stream: stdio through the engine, for engines whose containers cannot see our socket.

One connection carries stdin up, and stdout and stderr down in frames with an eight-byte head
(stream number, three zero bytes, size as big-endian 32 bits).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from mcptui.errors import McptuiError, TryAgain
from mcptui.runtime.endpoint import Endpoint
from mcptui.visible import visible

_HEAD_LIMIT = 64 << 10


class AttachStream(asyncio.Protocol):
    """One attached container: a `Channel` to it, and its output by callbacks.

    Args:
        on_stdout, on_stderr: get each piece.
        on_end: called once, when nothing more can come.
    """

    def __init__(
        self,
        on_stdout: Callable[[bytes], None],
        on_stderr: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._outputs = {0: on_stdout, 1: on_stdout, 2: on_stderr}
        self._on_end = on_end
        self._transport: asyncio.Transport | None = None
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._answer = b""
        self._head = b""
        self._left = 0
        self._output = on_stdout
        self._paused = False
        self._ending = False
        self._drained: list[asyncio.Future[None]] = []

    async def ask(self, endpoint: Endpoint, api: str, container: str) -> None:
        """Ask the engine for the stream.

        Raises:
            McptuiError: it refused.
            TryAgain: the connection broke.
        """
        host = "docker" if endpoint.path else "{}:{}".format(*endpoint.address)
        self.write(
            f"POST /v{api}/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1 "
            f"HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            "Content-Length: 0\r\n\r\n".encode("ascii")
        )
        await asyncio.wait_for(self._ready, 20)

    # From the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=256 << 10)

    def data_received(self, data: bytes) -> None:
        if self._ready.done():
            self._demultiplex(data)
            return
        self._answer += data
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if end or len(self._answer) > _HEAD_LIMIT:
            self._answer = b""
            words = head.split(b" ", 2)
            if len(words) > 1 and words[1] in (b"101", b"200"):
                self._ready.set_result(None)
                self._demultiplex(rest)
            else:
                why = visible(head.partition(b"\r\n")[0].decode("latin-1"), limit=200)
                self._ready.set_exception(McptuiError("The engine gave no stream", why))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ready.done():
            self._ready.set_exception(TryAgain("The engine closed the stream", str(exc or "")))
        self._transport = None
        self._wake()
        self._on_end()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._wake()

    def _demultiplex(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if not self._left:
                wanted = 8 - len(self._head)
                self._head += data[at : at + wanted]
                at += wanted
                if len(self._head) < 8:
                    return
                self._output = self._outputs.get(self._head[0], self._outputs[2])
                self._left = int.from_bytes(self._head[4:8], "big")
                self._head = b""
                continue
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            self._output(piece)

    # A Channel

    @property
    def waiting(self) -> int:
        """Bytes that were sent and that the engine has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def send(self, line: bytes) -> None:
        """Send one message, given without its newline."""
        self.write(line + b"\n")

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        if self._transport is not None and not self._ending:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the engine has taken most of what was sent."""
        if self._transport is not None and self._paused:
            done = self._loop.create_future()
            self._drained.append(done)
            await done

    def close_input(self) -> None:
        """Give the server end of file; over TLS that is not possible, there it gets a signal."""
        if self._transport is not None and not self._ending and self._transport.can_write_eof():
            self._transport.write_eof()
        self._ending = True

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _wake(self) -> None:
        drained, self._drained = self._drained, []
        for done in drained:
            if not done.done():
                done.set_result(None)


async def attached(
    endpoint: Endpoint,
    api: str,
    container: str,
    on_stdout: Callable[[bytes], None],
    on_stderr: Callable[[bytes], None],
    on_end: Callable[[], None],
) -> AttachStream:
    """Attach to a container that was created and is not started yet.

    Raises:
        McptuiError: the engine refused, or is reached in a way that has no streams.
        TryAgain: it does not answer.
    """
    loop = asyncio.get_running_loop()
    stream = AttachStream(on_stdout, on_stderr, on_end)
    try:
        if endpoint.path:
            await loop.create_unix_connection(lambda: stream, endpoint.path)
        elif endpoint.scheme in ("tcp", "http", "https"):
            host, port = endpoint.address
            context = endpoint.tls.context() if endpoint.tls is not None else None
            await loop.create_connection(lambda: stream, host, port, ssl=context)
        else:
            fix = "Forward its socket with `ssh -L`, and name that in DOCKER_HOST"
            raise McptuiError(f"Servers cannot run on an engine over {endpoint.scheme}", "", fix)
        await stream.ask(endpoint, api, container)
    except OSError as error:
        stream.close()
        raise TryAgain("The container engine does not answer", str(error)) from error
    except BaseException:
        stream.close()
        raise
    return stream
