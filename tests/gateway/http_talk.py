"""A client over HTTP for tests: real sockets, raw requests, events as they come."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.gateway.talk import META, MODERN_META

ROOT = Path(__file__).parents[2]
BOTH = "application/json, text/event-stream"
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
HELLO: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "legacy-client", "version": "3"},
}


class HttpGateway:
    """A gateway process that serves HTTP; knows its port. With `real` it is the command itself."""

    def __init__(
        self, environ: Mapping[str, str], *words: str, address: str = "127.0.0.1:0",
        real: bool = False, out: int = subprocess.DEVNULL,
    ) -> None:  # fmt: skip
        script = str(Path(__file__).parent / "gateway_process.py")
        ours = [sys.executable, script, f"http={address}", *words]
        command = [sys.executable, "-m", "mcptui", "gateway", "run", "--http", address, *words]
        self.process = subprocess.Popen(
            command if real else ours,
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
            env={**environ, "PYTHONPATH": str(ROOT)}, text=True,
        )  # fmt: skip
        self.errors: list[str] = []
        self.talks: list[HttpTalk] = []
        self.ready = threading.Event()
        self.url = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        assert self.ready.wait(60), self.errors
        assert self.url, self.errors
        self.port = int(found[1]) if (found := re.search(r":(\d+)/", self.url)) else 0
        self.host = f"127.0.0.1:{self.port}"

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line)
            if found := re.search(r"serving MCP at (\S+)", line):
                self.url = found[1]
                self.ready.set()
        self.ready.set()

    def close(self, seconds: float = 20) -> int:
        """End it as a service manager does; gives its exit code."""
        for talk in self.talks:
            talk.close()
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join(5)
            if self.process.stderr is not None:
                self.process.stderr.close()


class Answer:
    """One response: its head at once, its events as they come."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.response = response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.ids: list[str] = []
        self.stream = self.headers.get("content-type", "") == "text/event-stream"
        self._body: bytes | None = None

    @property
    def body(self) -> bytes:
        if self._body is None:
            self._body = self.response.read()
        return self._body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> Iterator[dict[str, Any]]:
        """The messages of a stream, until it ends."""
        data: list[str] = []
        while raw := self.response.readline():
            line = raw.decode().rstrip("\r\n")
            if line.startswith("id: "):
                self.ids.append(line[4:])
            elif line.startswith("data:"):
                data.append(line[5:].strip())
            elif not line:
                text, data = "\n".join(data), []
                if text:
                    yield json.loads(text)

    def messages(self) -> list[dict[str, Any]]:
        """Everything that was answered, by either form."""
        return list(self.events()) if self.stream else [self.json]

    @property
    def answer(self) -> dict[str, Any]:
        """The answer to the request, whatever came before it."""
        return self.messages()[-1]


class HttpTalk:
    """A client of an HTTP gateway; keeps one connection where it can."""

    def __init__(self, gateway: HttpGateway, token: str = "") -> None:
        self.gateway = gateway
        gateway.talks.append(self)
        self.token = token
        self.session = ""
        self.version = ""
        self.numbers = itertools.count(1)
        self.sockets: list[socket.socket] = []
        self.answers: list[Answer] = []

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        made = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=60)
        made.connect()
        made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets.append(made.sock)
        return made

    def request(
        self, method: str, path: str = "/mcp", body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> Answer:  # fmt: skip
        """Send one request; what is given counts more than what clients usually send."""
        connection = connection or self.connect()
        usual = {"Accept": BOTH}
        if body is not None:
            usual["Content-Type"] = "application/json"
        if self.token:
            usual["Authorization"] = f"Bearer {self.token}"
        if self.session:
            usual |= {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": self.version}
        for name, value in (headers or {}).items():
            usual.pop(name, None)
            if value:
                usual[name] = value
        connection.request(method, path, body, usual)
        self.answers.append(Answer(connection.getresponse()))
        return self.answers[-1]

    def post(self, message: Any, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
        """POST one message as it is."""
        return self.request("POST", body=json.dumps(message).encode(), headers=headers, **more)

    def modern(
        self, method: str, params: Any = None, headers: Mapping[str, str] | None = None,
        meta: Mapping[str, Any] | None = None, **more: Any,
    ) -> Answer:  # fmt: skip
        """A request of 2026-07-28."""
        said: dict[str, Any] = dict(params or {})
        params = {**said, "_meta": {**MODERN_META, **(meta or {})}}
        usual = {"MCP-Protocol-Version": params["_meta"][META + "protocolVersion"]}
        usual["Mcp-Method"] = method
        if method in NAMED and NAMED[method] in params:
            usual["Mcp-Name"] = params[NAMED[method]]
        message = {"jsonrpc": "2.0", "id": next(self.numbers), "method": method, "params": params}
        return self.post(message, {**usual, **(headers or {})}, **more)

    def hello(self, version: str = "2025-11-25", **capabilities: Any) -> dict[str, Any]:
        """Open a session; gives the result of initialize."""
        params = {**HELLO, "protocolVersion": version, "capabilities": capabilities}
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        answer = self.post(message)
        assert answer.status == 200, answer.body
        self.session = answer.headers["mcp-session-id"]
        result: dict[str, Any] = answer.answer["result"]
        self.version = result["protocolVersion"]
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert self.post(note).status == 202
        return result

    def legacy(self, method: str, params: Any = None, **more: Any) -> Answer:
        """A request of the open session."""
        number = next(self.numbers)
        message: dict[str, Any] = {
            "jsonrpc": "2.0",
            "id": number,
            "method": method,
            "params": params or {},
        }
        return self.post(message, **more)

    def text(self, name: str, arguments: Any = None, *, modern: bool = False) -> str:
        """Call a tool; gives the text of its result."""
        params: dict[str, Any] = {"name": name, "arguments": arguments or {}}
        ask = self.modern if modern else self.legacy
        answer = ask("tools/call", params).answer
        assert "result" in answer, answer
        text: str = answer["result"]["content"][0]["text"]
        return text

    def close(self) -> None:
        """Close all connections."""
        for made in self.sockets:
            with contextlib.suppress(OSError):
                made.shutdown(socket.SHUT_RDWR)  # wakes whoever still reads
            made.close()
        for answer in self.answers:
            answer.response.close()


@contextlib.contextmanager
def raw(gateway: HttpGateway) -> Generator[socket.socket]:
    """A bare connection."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as made:
        yield made


def all_of(made: socket.socket, seconds: float = 20) -> bytes:
    """Everything the gateway sends until it closes."""
    parts: list[bytes] = []
    deadline = time.monotonic() + seconds
    made.settimeout(seconds)
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < deadline and (part := made.recv(1 << 16)):
            parts.append(part)
    return b"".join(parts)
