"""The client of `talk` over HTTP: raw requests on kept connections, one for each call in flight.

A client library would be the slowest of all that is measured. Answers may be JSON or events, with
a length or in chunks; both eras of the protocol are spoken.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import TypeVar

import uvloop

from tests.bench.talk import (
    HELLO,
    LIMIT_SECONDS,
    Latency,
    Load,
    call_of,
    check,
    echo_in,
    memory_of,
)

_T = TypeVar("_T")
MODERN = "2026-07-28"
_META = (
    b',"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    b'"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},'
    b'"io.modelcontextprotocol/clientCapabilities":{}}'
)


def free_port() -> int:
    """A port of this machine that nobody has at the moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Line:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, head: bytes, body: bytes) -> tuple[int, bytes, bytes]:
        """Send a request; gives status, head and body of its answer."""
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 21)
        reader, writer = self.streams
        writer.write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        answer = await reader.readuntil(b"\r\n\r\n")
        lower = answer.lower()
        if b"transfer-encoding: chunked" in lower:
            text = await _chunks(reader)
        elif b"content-length:" in lower:
            size = int(lower.partition(b"content-length:")[2].split(b"\r\n")[0])
            text = await reader.readexactly(size)
        else:
            text = b""
        if b"connection: close" in lower:
            self.close()
        return int(answer[9:12]), answer, text

    def close(self) -> None:
        """Leave."""
        if self.streams is not None:
            self.streams[1].close()
        self.streams = None


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readuntil(b"\r\n")
    return b"".join(parts)


class HttpProgram:
    """A running contestant that serves HTTP.

    Args:
        argv: what starts it.
        environ: its whole environment.
        port: where it listens.
        token: a bearer token that it asks for.
        modern: speak 2026-07-28 instead of 2025-06-18.
    """

    def __init__(
        self, argv: Sequence[str], environ: Mapping[str, str], port: int,
        token: str = "", *, modern: bool = False,
    ) -> None:  # fmt: skip
        self.started = time.perf_counter()
        self.port, self.modern = port, modern
        self.process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=dict(environ), cwd="/",
        )  # fmt: skip
        self._head = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\n"
            f"MCP-Protocol-Version: {MODERN if modern else '2025-06-18'}\r\n"
            + (f"Authorization: Bearer {token}\r\n" if token else "")
        ).encode()
        self._next = 0
        self._loop = uvloop.new_event_loop()
        self._lines = [Line(port) for _ in range(32)]

    def _run(self, work: Coroutine[object, object, _T], seconds: float) -> _T:
        async def bounded() -> _T:
            async with asyncio.timeout(seconds):
                return await work

        try:
            return self._loop.run_until_complete(bounded())
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            words = "no answer in time" if isinstance(error, TimeoutError) else str(error)
            raise RuntimeError(words) from error

    def open(self) -> str:
        """Wait until it listens, do the handshake and give the tool's name once it is listed."""
        return self._run(self._open(), LIMIT_SECONDS * 2)

    async def _open(self) -> str:
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"it ended with {self.process.returncode}")
            try:
                if not self.modern:
                    await self._begin_session()
                if found := echo_in(await self._list()):
                    return found
            except (OSError, EOFError, ValueError):
                self._lines[0].close()
            await asyncio.sleep(0.02)

    async def _begin_session(self) -> None:
        if b"Mcp-Session-Id" in self._head:
            return
        hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
        status, head, body = await self._lines[0].post(self._head, json.dumps(hello).encode())
        if status != 200:
            raise OSError(f"HTTP {status}: {body[:200]!r}")
        for line in head.decode().split("\r\n"):
            if line.lower().startswith("mcp-session-id:"):
                self._head += f"Mcp-Session-Id: {line.partition(':')[2].strip()}\r\n".encode()
        told = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
        await self._lines[0].post(self._head, told)

    async def _list(self) -> dict[str, object]:
        self._next += 1
        params = b"{%b}" % _META[1:] if self.modern else b"{}"
        message = b'{"jsonrpc":"2.0","id":%d,"method":"tools/list","params":%b}'
        head = self._head + (b"Mcp-Method: tools/list\r\n" if self.modern else b"")
        status, _, body = await self._lines[0].post(head, message % (self._next, params))
        if status != 200:
            raise OSError(f"HTTP {status}: {body[:200]!r}")
        if body.startswith(b"{"):
            return json.loads(body)
        for line in body.splitlines():
            if line.startswith(b"data:") and b'"result"' in line:
                return json.loads(line[5:])
        return {}

    async def _call(self, line: Line, head: bytes, tool: str, load: Load) -> None:
        self._next += 1
        number = self._next
        body = call_of(number, tool, load, _META if self.modern else b"")
        status, _, answer = await line.post(head, body)
        if status != 200:
            raise RuntimeError(f"HTTP {status}: {answer[:200]!r}")
        if b'"id":%d' % number not in answer.replace(b'"id": ', b'"id":'):
            raise RuntimeError(f"the answer to another call: {answer[:200]!r}")
        check(answer, load)

    def _call_head(self, tool: str) -> bytes:
        more = f"Mcp-Method: tools/call\r\nMcp-Name: {tool}\r\n" if self.modern else ""
        return self._head + more.encode()

    def latency(self, tool: str, load: Load, calls: int, seconds: float) -> Latency:
        """Time single calls, as many as the seconds allow; each answer must be the right one."""
        times: list[float] = []
        head = self._call_head(tool)

        async def work() -> None:
            deadline = time.perf_counter() + seconds
            while len(times) < calls and (not times or time.perf_counter() < deadline):
                begin = time.perf_counter()
                await self._call(self._lines[0], head, tool, load)
                times.append((time.perf_counter() - begin) * 1e3)

        self._run(work(), LIMIT_SECONDS + seconds)
        return Latency.of(times)

    def rate(self, tool: str, load: Load, seconds: float, in_flight: int) -> float:
        """Calls a second with `in_flight` of them on the way, each on a connection of its own."""
        done = 0
        head = self._call_head(tool)
        begin = time.perf_counter()

        async def worker(line: Line) -> None:
            nonlocal done
            while time.perf_counter() - begin < seconds:
                await self._call(line, head, tool, load)
                done += 1

        async def work() -> None:
            async with asyncio.TaskGroup() as group:
                for line in self._lines[:in_flight]:
                    group.create_task(worker(line))

        try:
            self._run(work(), LIMIT_SECONDS + seconds)
        except* (RuntimeError, OSError, EOFError, ValueError) as errors:
            raise RuntimeError(str(errors.exceptions[0])) from errors
        return done / (time.perf_counter() - begin)

    def memory(self) -> float:
        """MiB (PSS) of the program and everything it started."""
        return memory_of(self.process.pid)

    def close(self) -> None:
        """End the program as a service manager does, then insist."""
        for line in self._lines:
            line.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
