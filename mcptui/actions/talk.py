"""A short conversation with a server in a container: enough to see what it offers.

For maintainers' checks only: one question at a time over the engine's attach stream, with a
deadline on each. The gateway has its own, faster way to live servers.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, cast

from mcptui.errors import McptuiError
from mcptui.visible import visible

LEGACY = "2025-11-25"
MODERN = "2026-07-28"
_DEADLINE = 60.0
_LONGEST = 64 << 20
_PAGES = 100
_CLIENT = {"name": "mcptui-check", "version": "1"}
_LABEL = "mcptui.check"


@dataclass(frozen=True, slots=True)
class Said:
    """What a server says of itself and offers."""

    era: str
    protocol_version: str
    server_info: dict[str, Any]
    capabilities: dict[str, Any]
    instructions: str
    tools: tuple[dict[str, Any], ...]
    prompts: tuple[dict[str, Any], ...]
    resources: tuple[dict[str, Any], ...]
    templates: tuple[dict[str, Any], ...]


class Refused(McptuiError):
    """The server answered with an error."""


class Talk:
    """A running container and the two ends of its stdio."""

    def __init__(self, client: Any, container: str, stream: socket.socket) -> None:
        self._client = client
        self._container = container
        self._stream = stream
        self._raw = b""
        self._lines = b""
        self._errors = b""
        self._next = 0
        self._modern = False

    @classmethod
    def start(cls, client: Any, body: Mapping[str, Any]) -> Talk:
        """Create and start a container.

        Args:
            client: a `docker.DockerClient`.
            body: the Engine API's request, as a plan gives it.
        """
        api = client.api
        given = {**body, "OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
        given["HostConfig"] = {**body["HostConfig"], "Init": True}
        given["Labels"] = {**body.get("Labels", {}), _LABEL: "1"}
        made = api.create_container_from_config(given)["Id"]
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        stream: Any = api.attach_socket(made, params=wanted)
        api.start(made)
        return cls(client, made, stream._sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        from docker.errors import APIError

        self._stream.close()
        with suppress(APIError):
            self._client.api.remove_container(self._container, force=True, v=True)

    # ---- messages

    def _send(self, message: Mapping[str, Any]) -> None:
        self._stream.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask and return the result.

        Raises:
            Refused: the answer is an error.
            McptuiError: no answer in time, or the server ended; says its last words.
        """
        self._next += 1
        given = dict(params or {})
        if self._modern:
            given["_meta"] = _meta()
        self._send({"id": self._next, "method": method, "params": given})
        until = time.monotonic() + _DEADLINE
        while True:
            message = self._receive(until)
            if message.get("id") == self._next and "method" not in message:
                if "error" in message:
                    raise Refused(f"{method} was refused", visible(str(message["error"]))[:300])
                result = message.get("result")
                return cast("dict[str, Any]", result) if isinstance(result, dict) else {}
            if "method" in message and "id" in message:
                self._answer(message)

    def _answer(self, message: Mapping[str, Any]) -> None:
        if message["method"] == "ping":
            self._send({"id": message["id"], "result": {}})
        else:
            error = {"code": -32601, "message": "not offered"}
            self._send({"id": message["id"], "error": error})

    def _receive(self, until: float) -> dict[str, Any]:
        while b"\n" not in self._lines:
            self._read(until)
        line, _, self._lines = self._lines.partition(b"\n")
        try:
            message: Any = json.loads(line)
        except (ValueError, RecursionError):
            return {}  # servers print banners
        return cast("dict[str, Any]", message) if isinstance(message, dict) else {}

    def _read(self, until: float) -> None:
        """Take one frame of the attach stream: kind, three zeros, length, bytes."""
        head = self._bytes(8, until)
        kind, size = head[0], struct.unpack(">I", head[4:])[0]
        data = self._bytes(size, until)
        if kind == 1:
            self._lines += data
            if len(self._lines) > _LONGEST:
                raise McptuiError("The server sent a message of more than 64 MiB")
        else:
            self._errors = (self._errors + data)[-4000:]

    def _bytes(self, count: int, until: float) -> bytes:
        while len(self._raw) < count:
            left = until - time.monotonic()
            if left <= 0:
                raise McptuiError("The server did not answer in time", self._last_words())
            self._stream.settimeout(left)
            try:
                part = self._stream.recv(1 << 20)
            except TimeoutError:
                continue
            if not part:
                raise McptuiError("The server ended", self._last_words())
            self._raw += part
        taken, self._raw = self._raw[:count], self._raw[count:]
        return taken

    def _last_words(self) -> str:
        return visible(self._errors.decode("utf-8", "replace").strip())[-800:]

    # ---- what it offers

    def listing(self) -> Said:
        """Open the conversation in the era the server is of, and list all it offers."""
        hello = self._open()
        has = cast("dict[str, Any]", hello.get("capabilities") or {})
        meta = cast("dict[str, Any]", hello.get("_meta") or {})
        info: Any = hello.get("serverInfo") or meta.get("io.modelcontextprotocol/serverInfo") or {}
        resources = "resources" in has
        return Said(
            era="modern" if self._modern else "legacy",
            protocol_version=MODERN if self._modern else str(hello.get("protocolVersion", "")),
            server_info=cast("dict[str, Any]", info),
            capabilities=has,
            instructions=str(hello.get("instructions") or ""),
            tools=self._all("tools") if "tools" in has else (),
            prompts=self._all("prompts") if "prompts" in has else (),
            resources=self._all("resources") if resources else (),
            templates=self._all("resources/templates", "resourceTemplates") if resources else (),
        )

    def _open(self) -> dict[str, Any]:
        try:
            found = self.ask("server/discover", {"_meta": _meta()})
            if MODERN in found.get("supportedVersions", ()):
                self._modern = True
                return found
        except Refused:
            pass
        given = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": _CLIENT}
        hello = self.ask("initialize", given)
        self._send({"method": "notifications/initialized"})
        return hello

    def _all(self, kind: str, key: str = "") -> tuple[dict[str, Any], ...]:
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {}
        for _ in range(_PAGES):
            try:
                page = self.ask(f"{kind}/list", params)
            except Refused:
                return tuple(found)  # some declare what they do not have
            items = cast("list[Any]", page.get(key or kind) or [])
            found.extend(cast("dict[str, Any]", one) for one in items if isinstance(one, dict))
            if not isinstance(page.get("nextCursor"), str):
                break
            params = {"cursor": page["nextCursor"]}
        return tuple(found)


def _meta() -> dict[str, Any]:
    prefix = "io.modelcontextprotocol/"
    return {
        f"{prefix}protocolVersion": MODERN,
        f"{prefix}clientCapabilities": {},
        f"{prefix}clientInfo": _CLIENT,
    }
