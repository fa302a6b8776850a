"""A client for tests: sends what it is told, byte for byte, and keeps everything that comes."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

META = "io.modelcontextprotocol/"
MODERN_META: dict[str, Any] = {
    META + "protocolVersion": "2026-07-28",
    META + "clientInfo": {"name": "modern-client", "version": "9"},
    META + "clientCapabilities": {"elicitation": {}},
}


class Talk:
    """One client process's side of a gateway's pipes."""

    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=-1, stdout=-1, stderr=-1, env=dict(environ), bufsize=0
        )
        self.numbers = itertools.count(1)
        self.lines: queue.Queue[bytes] = queue.Queue()
        self.raw: list[bytes] = []
        self.kept: list[dict[str, Any]] = []
        self.errors: list[bytes] = []
        self.answer: Callable[[dict[str, Any]], Any] | None = None
        self.reads = threading.Event()
        self.reads.set()
        self.threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        parts: list[bytes] = []
        while self.reads.wait() and (chunk := self.process.stdout.read(1 << 20)):
            first, *rest = chunk.split(b"\n")
            parts.append(first)
            for piece in rest:
                self._keep(b"".join(parts))
                parts = [piece]
        if any(parts):
            self.raw.append(b"".join(parts))

    @contextlib.contextmanager
    def unread(self) -> Generator[None]:
        """Read nothing for a while; what came before may still be read."""
        self.reads.clear()
        try:
            yield
        finally:
            self.reads.set()

    def _keep(self, line: bytes) -> None:
        self.raw.append(line)
        self.lines.put(line)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(iter(self.process.stderr.readline, b""))

    def write(self, line: bytes) -> None:
        """Send one line as it is."""
        assert self.process.stdin is not None
        view = memoryview(line + b"\n")
        while view:
            view = view[self.process.stdin.write(view) or 0 :]

    def send(self, **message: Any) -> None:
        """Send one message."""
        self.write(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def start(self, method: str, params: Any = None, *, modern: bool = False) -> int:
        """Send a request; returns its id."""
        number = next(self.numbers)
        params = dict(params or {})
        if modern:
            params["_meta"] = {**MODERN_META, **params.get("_meta", {})}
        self.send(id=number, method=method, params=params)
        return number

    def next(self, want: Callable[[dict[str, Any]], bool], seconds: float = 60) -> dict[str, Any]:
        """The first message, kept or to come, that `want` says yes to."""
        for message in self.kept:
            if want(message):
                self.kept.remove(message)
                return message
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no such message; {self.kept=} {self.errors=}") from None
            message = json.loads(line)
            if "method" in message and "id" in message and self.answer is not None:
                self.send(id=message["id"], result=self.answer(message))
            if want(message):
                return message
            self.kept.append(message)

    def wait(self, number: int | str, seconds: float = 60) -> dict[str, Any]:
        """The answer to a request."""
        return self.next(lambda m: m.get("id") == number and "method" not in m, seconds)

    def ask(self, method: str, params: Any = None, *, modern: bool = False) -> dict[str, Any]:
        """Send a request and give its answer."""
        return self.wait(self.start(method, params, modern=modern))

    def notification(self, method: str, seconds: float = 60) -> dict[str, Any]:
        """The next notification of a kind."""
        return self.next(lambda m: m.get("method") == method and "id" not in m, seconds)

    def call(self, name: str, arguments: Any = None, *, modern: bool = False) -> dict[str, Any]:
        """Call a tool; gives its result."""
        params: dict[str, Any] = {"name": name, "arguments": arguments or {}}
        answer = self.ask("tools/call", params, modern=modern)
        assert "result" in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def text(self, name: str, arguments: Any = None, *, modern: bool = False) -> str:
        """Call a tool; gives the text of its result."""
        text: str = self.call(name, arguments, modern=modern)["content"][0]["text"]
        return text

    def hello(self, version: str = "2025-11-25", **capabilities: Any) -> dict[str, Any]:
        """Open the older way; gives the result of initialize."""
        answer = self.ask(
            "initialize",
            {
                "protocolVersion": version,
                "capabilities": capabilities,
                "clientInfo": {"name": "legacy-client", "version": "3"},
            },
        )
        self.send(method="notifications/initialized")
        result: dict[str, Any] = answer["result"]
        return result

    def silent(self, seconds: float = 0.4) -> None:
        """Assert that nothing more comes for a while, but that lists changed."""
        time.sleep(seconds)
        left = [line for line in list(self.lines.queue) if b"list_changed" not in line]
        assert left == []

    def close(self) -> int:
        """Close the gateway's input and wait for its end; gives its exit code."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        for thread in self.threads:
            thread.join(5)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code
