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
LIMIT_SECONDS = 20.0
"""A contestant that is slow is measured with fewer calls, not for longer."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of single calls, one after the other."""

    p50: float
    p99: float


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
            data = data[os.write(self._in, data) :]

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

    def open(self) -> list[str]:
        """Do the handshake and give the names of the tools."""
        hello = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        }
        self.request("initialize", hello)
        self._write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        listed = cast("dict[str, list[dict[str, str]]]", self.request("tools/list", {})["result"])
        return [tool["name"] for tool in listed["tools"]]

    def _call(self, tool: str, text: str) -> tuple[int, bytes]:
        self._next += 1
        return self._next, (
            b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s","arguments":'
            b'{"text":"%s"}}}\n' % (self._next, tool.encode(), text.encode())
        )

    def latency(self, tool: str, calls: int, text: str = "x" * 100) -> Latency:
        """Time single calls; each answer must hold the text that was sent."""
        times: list[float] = []
        sent = text.encode()
        deadline = time.perf_counter() + LIMIT_SECONDS
        while len(times) < calls and (not times or time.perf_counter() < deadline):
            _number, message = self._call(tool, text)
            begin = time.perf_counter()
            self._write(message)
            while b'"method":' in (line := self._read_line()):
                pass  # a notification is no answer
            times.append((time.perf_counter() - begin) * 1e3)
            if sent not in line:
                raise RuntimeError(f"a wrong answer: {line[:300]!r}")
        times.sort()
        return Latency(statistics.median(times), times[int(len(times) * 0.99)])

    def rate(self, tool: str, calls: int, in_flight: int, text: str = "x" * 100) -> float:
        """Calls a second with `in_flight` of them on the way; every id is answered once."""
        waiting: set[int] = set()
        sent = done = 0
        begin = time.perf_counter()
        while done < calls or waiting:
            batch: list[bytes] = []
            if time.perf_counter() - begin > LIMIT_SECONDS:
                calls = sent
            while sent < calls and len(waiting) < in_flight:
                number, message = self._call(tool, text)
                waiting.add(number)
                batch.append(message)
                sent += 1
            if batch:
                self._write(b"".join(batch))
            self._read_some()
            *lines, self._buffer = self._buffer.split(b"\n")
            for line in lines:
                if b'"isError":true' in line or b'"error":' in line:
                    raise RuntimeError(f"a call failed: {line[:300]!r}")
                if b'"content"' in line and (found := _ID.search(line)) is not None:
                    waiting.remove(int(found.group(1)))
                    done += 1
        return done / (time.perf_counter() - begin)

    def _read_some(self) -> None:
        if not select.select([self._out], [], [], LIMIT_SECONDS)[0]:
            raise RuntimeError(f"no answer for {LIMIT_SECONDS:.0f} s")
        more = os.read(self._out, 1 << 20)
        if not more:
            raise RuntimeError("closed its output")
        self._buffer += more

    def memory(self) -> float:
        """MiB (PSS) of the program and everything it started."""
        return sum(_pss(pid) for pid in _family(self.process.pid)) / 1024

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
