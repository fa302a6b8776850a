"""Thousands of broken lines from either side, in this process: each request is answered once.

Seeded and bounded in time. No exception escapes, and nothing that a message opened stays open.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mcptui.gateway.client import Client
from mcptui.gateway.hub import Hub
from mcptui.gateway.limits import Limits
from mcptui.gateway.record import Scribe
from mcptui.gateway.session import Session
from mcptui.gateway.wire import Part, canonical_id, decode_envelope
from mcptui.runtime.channel import Listener
from mcptui.store import Store
from mcptui.store.rows import Definitions, Installed
from tests.gateway.local import installed
from tests.gateway.talk import MODERN_META

SECONDS = 6.0
LINES = 4000
METHODS = ["tools/call", "prompts/get", "resources/read", "completion/complete", "initialize",
           "server/discover", "ping", "logging/setLevel", "resources/subscribe", "tools/list",
           "resources/unsubscribe", "subscriptions/listen", "tasks/get", "tasks/result",
           "notifications/cancelled", "notifications/initialized", "x/unknown"]  # fmt: skip
TOLD = ["notifications/progress", "notifications/message", "notifications/cancelled",
        "notifications/tools/list_changed", "notifications/resources/updated",
        "notifications/tasks", "notifications/tasks/status", "ping", "elicitation/create",
        "sampling/createMessage", "roots/list",
        "notifications/subscriptions/acknowledged"]  # fmt: skip


class Wire:
    """A front that counts answers."""

    overfull = False
    undelivered = 0

    def __init__(self) -> None:
        self.answers: Counter[bytes] = Counter()
        self.asked: list[bytes] = []

    def answer(self, identity: bytes, result: Part, error: Part = b"") -> None:
        """Count an answer; it must be JSON of the right shape."""
        assert isinstance(json.loads(bytes(result or error)), dict)
        self.answers[identity] += 1

    def send(self, line: bytes, about: bytes = b"") -> None:
        """A notice or a question; it must be JSON on one line."""
        message = json.loads(line)
        assert b"\n" not in line and b"\r" not in line
        if "id" in message:
            self.asked.append(json.dumps(message["id"]).encode())

    def shown_id(self, identity: bytes) -> bytes:
        """The same."""
        return identity


class Server:
    """A server in this process: opens rightly, then keeps the numbers of what it is asked."""

    waiting = 0
    container_id = "fuzz"
    started_at = 0.0

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.open: list[Any] = []
        self.loop = asyncio.get_running_loop()

    @property
    def channel(self) -> Server:
        return self

    def send(self, line: bytes) -> None:
        """Take messages; each must be JSON on a line of its own."""
        for part in line.split(b"\n"):
            message = json.loads(part)
            if "id" in message and "method" in message:
                self._asked(message)

    def _asked(self, message: Any) -> None:
        results: dict[str, Any] = {
            "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}},
            "tools/list": {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]},
        }
        found = results.get(message["method"])
        if found is None:
            self.open.append(message["id"])
            return
        line = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": found}).encode()
        self.loop.call_soon(self.listener.on_line, line)

    async def drain(self) -> None:
        """Nothing waits."""

    def close_input(self) -> None:
        """Nothing to close."""

    async def stop(self, grace: float = 2.0) -> None:
        """It is gone."""

    def kill_now(self) -> None:
        """It is gone."""


class Fuzz:
    """A gateway's session and one server of it, and lines for both."""

    def __init__(self, store: Store, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 repeatable, not secret
        scribe = Scribe(lambda: store, "fuzz")
        self.hub = Hub(scribe, "fuzz", Limits())
        self.front = Wire()
        self.session = Session(self.hub, self.front, Client("fuzz", 1))
        self.hub.sessions.append(self.session)
        self.servers: list[Server] = []
        said = Definitions("one", "legacy", "2025-11-25", {"tools": {}}, tools=[
            {"name": "echo", "inputSchema": {"type": "object"}}])  # fmt: skip
        self.hub.load([(installed("one"), said, {})])
        self.hub.launcher = self.launch
        self.expected: Counter[bytes] = Counter()
        self.numbers = 0

    async def launch(self, installed: Installed, listener: Listener) -> Server:
        self.servers.append(Server(listener))
        return self.servers[-1]

    def value(self, depth: int = 0) -> Any:
        """Any value at all."""
        chance = self.chance
        simple: list[Any] = [
            None,
            True,
            -1,
            1.5,
            2**70,
            "",
            "x",
            "test://one",
            "\ud83d",
            "one__echo",
            {},
            [],
        ]
        if depth > 2 or chance.random() < 0.6:
            return chance.choice(simple)
        if chance.random() < 0.5:
            return [self.value(depth + 1) for _ in range(chance.randrange(4))]
        keys = ["name", "uri", "arguments", "_meta", "taskId", "ref", "type", "requestState",
                "inputResponses", "progressToken", "level", "notifications", "task"]  # fmt: skip
        return {chance.choice(keys): self.value(depth + 1) for _ in range(chance.randrange(5))}

    def broken(self, line: bytes) -> bytes:
        """The line with a few bytes changed, doubled or left out, or as it was."""
        data = bytearray(line)
        for _ in range(self.chance.choice((0, 0, 1, 2, 5))):
            at = self.chance.randrange(len(data))
            kind = self.chance.random()
            if kind < 0.4:
                data[at] = self.chance.randrange(256)
            elif kind < 0.7:
                del data[at : at + self.chance.randrange(1, 9)]
            else:
                data[at:at] = self.chance.choice(
                    (b"\\ud83d", b"\xff", b'"', b"{", b"[" * 2000, b"\r", b',"id":1', b"NaN", b"\0")
                )
            if not data:
                return b"x"
        return bytes(data).replace(b"\n", b" ")

    def clients_line(self) -> bytes:
        """One line of the client's, whose answer is expected where its id can be read."""
        self.numbers += 1
        params = self.value()
        if self.chance.random() < 0.5:
            params = {"name": "one__echo", "arguments": self.value(), **(
                {"_meta": MODERN_META} if self.chance.random() < 0.4 else {})}  # fmt: skip
        message = {"jsonrpc": "2.0", "id": f"f{self.numbers}", "params": params,
                   "method": self.chance.choice(METHODS)}  # fmt: skip
        if self.chance.random() < 0.1 and self.front.asked:
            known = json.loads(self.chance.choice(self.front.asked))
            message = {"jsonrpc": "2.0", "id": known, "result": self.value()}
        line = self.broken(json.dumps(message).encode())
        try:
            read = decode_envelope(line)
        except Exception:
            return line
        identity = canonical_id(read.id)
        if read.method and identity is not None:
            self.expected[identity] += 1
        return line

    def servers_line(self) -> bytes:
        """One line of a server's."""
        chance = self.chance
        server = self.servers[-1]
        if chance.random() < 0.5 and server.open:
            key = chance.choice(("result", "error", "x"))
            message: dict[str, Any] = {"id": server.open.pop(), key: self.value()}
        elif chance.random() < 0.5:
            message = {"method": chance.choice(TOLD), "params": self.value()}
            if chance.random() < 0.5:
                message["id"] = chance.choice((1, "q", None, 1.5, self.numbers))
        else:
            message = {"id": chance.randrange(1000), "result": self.value()}
        return self.broken(json.dumps({"jsonrpc": "2.0", **message}).encode())


async def _run(fuzz: Fuzz, each: Callable[[], Awaitable[None]]) -> None:
    session = fuzz.session
    hello: dict[str, Any] = {"protocolVersion": "2025-11-25",
             "capabilities": {"elicitation": {}, "sampling": {}},
             "clientInfo": {"name": "fuzz", "version": "1"}}  # fmt: skip
    opening = {"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": hello}
    session.on_line(json.dumps(opening).encode())
    fuzz.expected[b'"hello"'] += 1
    link = fuzz.hub.open(session, "one")
    await fuzz.hub.opened(link)  # type: ignore[arg-type]
    until = time.monotonic() + SECONDS
    for _ in range(LINES):
        await each()
        if time.monotonic() > until:
            break
    await asyncio.sleep(0.05)
    await fuzz.hub.close("the test ends")
    await asyncio.sleep(0.05)
    session.sweep(time.monotonic() + 10**6)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("side", ["client", "server"])
def test_no_line_breaks_a_session(store: Store, side: str, seed: int) -> None:
    async def work() -> Fuzz:
        fuzz = Fuzz(store, seed)
        call = json.dumps({"name": "one__echo", "arguments": {}})

        async def each() -> None:
            if side == "client":
                fuzz.session.on_line(fuzz.clients_line())
            else:
                fuzz.numbers += 1
                identity = f'"c{fuzz.numbers}"'
                fuzz.session.on_line(
                    f'{{"jsonrpc":"2.0","id":{identity},"method":"tools/call",'
                    f'"params":{call}}}'.encode()
                )
                fuzz.expected[identity.encode()] += 1
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                for link in list(fuzz.session.links.values()):
                    if link.ready:
                        for _ in range(3):
                            link.on_line(fuzz.servers_line())
            if fuzz.numbers % 50 == 0:
                await asyncio.sleep(0)
                fuzz.front.asked.clear()

        await _run(fuzz, each)
        return fuzz

    fuzz = asyncio.run(work())
    session = fuzz.session
    twice = {key: count for key, count in fuzz.front.answers.items()
             if key != b"null" and count > fuzz.expected[key]}  # fmt: skip
    assert not twice
    # A client that cancels a call gets no answer to it: those it names so may be missing.
    missing = set(fuzz.expected) - set(fuzz.front.answers)
    assert side == "client" or not missing, missing
    assert len(missing) < 5
    assert not session.ledger.calls and session.ledger.held == 0
    assert not session.client.listens and fuzz.hub.ending
    assert all(not link.pending and not link.waiting for link in session.links.values())
    assert len(session.client.subscribed) <= 1000
