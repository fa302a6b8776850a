"""A client that costs as little as possible: it talks MCP to a program over two pipes.

The same client measures every contestant, so what differs is what stands between.
"""

from __future__ import annotations

import json
import os
import re
import select
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

_ID = re.compile(rb'"id":(\d+)')
LIMIT_SECONDS = 30.0
"""A contestant that says nothing for so long has failed."""
SMALL = (100, b'{"text":"' + b"x" * 100 + b'"}')
LARGE = (102_400, b'{"text":"x","bytes":102400}')
"""Arguments for the server of the benchmarks: bytes that come back, and the words that ask."""
Load = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of single calls, one after the other."""

    p50: float
    p99: float

    @staticmethod
    def of(times: list[float]) -> Latency:
        """The middle and the slow end of some times."""
        times.sort()
        return Latency(statistics.median(times), times[int(len(times) * 0.99)])


def call_of(number: int, tool: str, load: Load, more: bytes = b"") -> bytes:
    """The request for one call; `more` are further members of params."""
    return (
        b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%b","arguments":%b%b}}'
        % (number, tool.encode(), load[1], more)
    )


def check(answer: bytes, load: Load) -> None:
    """Raise RuntimeError when it is not the right answer to a call."""
    if b'"isError":true' in answer or b'"x' not in answer or answer.count(b"x") < load[0]:
        raise RuntimeError(f"a wrong answer: {answer[:300]!r}")


def names_in(listed: dict[str, object]) -> list[str]:
    """The names of tools in an answer to tools/list."""
    result = cast("dict[str, list[dict[str, str]]]", listed.get("result", {}))
    return [tool["name"] for tool in result.get("tools", [])]


def echo_in(listed: dict[str, object]) -> str:
    """The name of the tool among those listed; empty when it is not there (yet)."""
    return next((name for name in names_in(listed) if "echo" in name), "")


HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


class Program:
    """A running contestant.

    Args:
        argv: how a client would start it.
        environ: its whole environment.
    """

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            bufsize=0,
            cwd="/",
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("no pipes")
        self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._buffer = b""
        self._next = 0

    def _read_line(self) -> bytes:
        while b"\n" not in self._buffer:
            self._read_some()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._in, data) :]
            except OSError as error:
                raise RuntimeError(f"it ended: {error}") from error

    def request(self, method: str, params: object) -> dict[str, object]:
        """Send one request and wait for its answer."""
        self._next += 1
        number = self._next
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self._write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        while True:
            answer = json.loads(self._read_line())
            if answer.get("id") == number and "method" not in answer:
                return answer

    def tools(self) -> list[str]:
        """Do the handshake and give the names of what is listed at once."""
        self.request("initialize", HELLO)
        self._write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        return names_in(self.request("tools/list", {}))

    def open(self) -> str:
        """Do the handshake and give the name of the tool, once it is listed."""
        if found := next((name for name in self.tools() if "echo" in name), ""):
            return found
        deadline = time.perf_counter() + LIMIT_SECONDS
        while not (found := echo_in(self.request("tools/list", {}))):
            if time.perf_counter() > deadline:
                raise RuntimeError("it lists no tool")
            time.sleep(0.02)
        return found

    def latency(self, tool: str, load: Load, calls: int, seconds: float) -> Latency:
        """Time single calls, as many as the seconds allow; each answer must be the right one."""
        times: list[float] = []
        deadline = time.perf_counter() + seconds
        while len(times) < calls and (not times or time.perf_counter() < deadline):
            self._next += 1
            message = call_of(self._next, tool, load)
            begin = time.perf_counter()
            self._write(message + b"\n")
            while b'"method":' in (line := self._read_line()):
                pass  # a notification is no answer
            times.append((time.perf_counter() - begin) * 1e3)
            check(line, load)
        return Latency.of(times)

    def rate(self, tool: str, load: Load, seconds: float, in_flight: int) -> float:
        """Calls a second with `in_flight` of them on the way; every id is answered once."""
        waiting: set[int] = set()
        done = 0
        begin = now = time.perf_counter()
        while now - begin < seconds or waiting:
            batch: list[bytes] = []
            while now - begin < seconds and len(waiting) < in_flight:
                self._next += 1
                waiting.add(self._next)
                batch.append(call_of(self._next, tool, load) + b"\n")
            if batch:
                self._write(b"".join(batch))
            self._read_some()
            *lines, self._buffer = self._buffer.split(b"\n")
            for line in lines:
                if b'"method":' in line:
                    continue
                check(line, load)
                if (found := _ID.search(line[:200]) or _ID.search(line)) is not None:
                    waiting.remove(int(found.group(1)))
                    done += 1
            now = time.perf_counter()
        return done / (now - begin)

    def _read_some(self) -> None:
        if not select.select([self._out], [], [], LIMIT_SECONDS)[0]:
            raise RuntimeError(f"no answer for {LIMIT_SECONDS:.0f} s")
        try:
            more = os.read(self._out, 1 << 20)
        except OSError as error:
            raise RuntimeError(str(error)) from error
        if not more:
            raise RuntimeError("closed its output")
        self._buffer += more

    def memory(self) -> float:
        """MiB (PSS) of the program and everything it started."""
        return memory_of(self.process.pid)

    def close(self) -> None:
        """End the program as a client does: close its input, then insist."""
        os.close(self._in)
        if self.process.stdin is not None:
            self.process.stdin = None
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def memory_of(pid: int) -> float:
    """MiB (PSS) of a process and all that it started on this machine."""
    return sum(_pss(one) for one in _family(pid)) / 1024


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += _family(int(child))
    return found


def _pss(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
