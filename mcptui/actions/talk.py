"""A short conversation with a server in its locked container: enough to see what it offers.

For maintainers' checks: one question at a time, with a deadline on each, started the same way as
for users. The gateway has its own, faster way to live servers.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from mcptui.errors import McptuiError
from mcptui.runtime.channel import Channel, Death
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.runtime.engine import Engine
    from mcptui.runtime.plan import ContainerPlan

LEGACY = "2025-11-25"
MODERN = "2026-07-28"
DEADLINE = 60.0
"""Seconds one answer may take."""
_PAGES = 100
_CLIENT = {"name": "mcptui-check", "version": "1"}


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


class _Ears:
    """Keeps what a server says until somebody asks for it."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes | Death] = asyncio.Queue()
        self.log: deque[str] = deque(maxlen=20)

    def on_line(self, line: bytes) -> None:
        """Keep a message."""
        self.lines.put_nowait(line)

    def on_overlong(self, size: int, ends: bytes = b"") -> None:
        """Note a message that was dropped."""
        self.log.append(f"a message of more than {size} bytes was dropped")

    def on_stderr(self, text: str) -> None:
        """Keep a line of its log."""
        self.log.append(visible(text, limit=300))

    def on_exit(self, death: Death) -> None:
        """Keep its end."""
        self.lines.put_nowait(death)

    def words(self) -> str:
        """The last it logged."""
        return " | ".join(self.log)[-800:]


@asynccontextmanager
async def talking(engine: Engine, plan: ContainerPlan) -> AsyncGenerator[Talk]:
    """Start a server for the time of the block.

    Raises:
        McptuiError: it cannot be started.
    """
    from mcptui.gateway.upstream_container import started

    ears = _Ears()
    running = await started(engine, plan, ears)
    try:
        yield Talk(running.channel, ears)
    finally:
        await running.stop()


class Talk:
    """One conversation."""

    def __init__(self, channel: Channel, ears: _Ears) -> None:
        self._channel = channel
        self._ears = ears
        self._next = 0
        self._modern = False

    def _send(self, message: Mapping[str, Any]) -> None:
        self._channel.send(json.dumps({"jsonrpc": "2.0", **message}).encode())

    async def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
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
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._answer(method)
        except TimeoutError as error:
            raise McptuiError("The server did not answer in time", self._ears.words()) from error

    async def _answer(self, method: str) -> dict[str, Any]:
        while True:
            message = self._message(await self._ears.lines.get())
            if "method" in message and "id" in message:
                self._serve(message)
            elif message.get("id") == self._next:
                if "error" in message:
                    raise Refused(f"{method} was refused", visible(str(message["error"]))[:300])
                result = message.get("result")
                return cast("dict[str, Any]", result) if isinstance(result, dict) else {}

    def _message(self, line: bytes | Death) -> dict[str, Any]:
        if isinstance(line, Death):
            raise McptuiError(f"The server ended: {line.words}", self._ears.words())
        try:
            message: Any = json.loads(line)
        except (ValueError, RecursionError):
            return {}  # servers print banners
        return cast("dict[str, Any]", message) if isinstance(message, dict) else {}

    def _serve(self, message: Mapping[str, Any]) -> None:
        """Answer what a server asks of its client: we offer nothing."""
        if message["method"] == "ping":
            self._send({"id": message["id"], "result": {}})
        else:
            error = {"code": -32601, "message": "not offered"}
            self._send({"id": message["id"], "error": error})

    async def listing(self) -> Said:
        """Open the conversation in the era the server is of, and list all it offers."""
        hello = await self._open()
        has = cast("dict[str, Any]", hello.get("capabilities") or {})
        meta = cast("dict[str, Any]", hello.get("_meta") or {})
        info: Any = hello.get("serverInfo") or meta.get("io.modelcontextprotocol/serverInfo") or {}
        lists = {
            kind: await self._all(method, key)
            for kind, method, key in (
                ("tools", "tools", "tools"),
                ("prompts", "prompts", "prompts"),
                ("resources", "resources", "resources"),
                ("templates", "resources/templates", "resourceTemplates"),
            )
            if method.partition("/")[0] in has
        }
        return Said(
            era="modern" if self._modern else "legacy",
            protocol_version=MODERN if self._modern else str(hello.get("protocolVersion", "")),
            server_info=cast("dict[str, Any]", info),
            capabilities=has,
            instructions=str(hello.get("instructions") or ""),
            tools=lists.get("tools", ()),
            prompts=lists.get("prompts", ()),
            resources=lists.get("resources", ()),
            templates=lists.get("templates", ()),
        )

    async def _open(self) -> dict[str, Any]:
        try:
            found = await self.ask("server/discover", {"_meta": _meta()})
            if MODERN in found.get("supportedVersions", ()):
                self._modern = True
                return found
        except Refused:
            pass
        given = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": _CLIENT}
        hello = await self.ask("initialize", given)
        self._send({"method": "notifications/initialized"})
        return hello

    async def _all(self, method: str, key: str) -> tuple[dict[str, Any], ...]:
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {}
        for _ in range(_PAGES):
            try:
                page = await self.ask(f"{method}/list", params)
            except Refused:
                break  # some declare what they do not have
            items = cast("list[Any]", page.get(key) or [])
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
