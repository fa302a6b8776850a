"""Whose server it is: processes, questions, roots and shared servers of several clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mcptui.gateway.client import Client
from mcptui.gateway.limits import Limits
from mcptui.gateway.serve import Gateway
from mcptui.gateway.session import Session
from mcptui.gateway.wire import Part
from mcptui.home import Home
from mcptui.store import Store
from mcptui.store.rows import Installed
from tests.gateway.bridge import ABLE, FORM, ROOTS, peer
from tests.gateway.local import Launcher
from tests.gateway.talk import META, MODERN_META


class Desk:
    """One of several clients of a gateway in this process."""

    overfull = False
    undelivered = 0

    def __init__(self, gateway: Gateway, name: str) -> None:
        self.answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self.told: list[dict[str, Any]] = []
        self.roots: list[Any] = [{"uri": f"file:///home/{name}"}]
        self.session = Session(gateway.hub, self, Client(name, 0))
        gateway.hub.sessions.append(self.session)

    def answer(self, identity: bytes, result: Part, error: Part = b"") -> None:
        body = json.loads(bytes(result or error))
        self.answers[json.loads(identity)].set_result({"result" if result else "error": body})

    def send(self, line: bytes, about: bytes = b"") -> None:
        message = json.loads(line)
        self.told.append({**message, "about": about})
        if message.get("method") == "roots/list":
            reply = {"jsonrpc": "2.0", "id": message["id"], "result": {"roots": self.roots}}
            self.session.on_line(json.dumps(reply).encode())

    def shown_id(self, identity: bytes) -> bytes:
        return identity

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = f"{method}-{len(self.answers)}"
        self.answers[number] = asyncio.get_running_loop().create_future()
        line = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.session.on_line(json.dumps(line).encode())
        return await asyncio.wait_for(self.answers[number], 60)

    async def hello(self, **able: Any) -> None:
        info = {"name": self.session.client.name, "version": "1"}
        opening = {"protocolVersion": "2025-11-25", "capabilities": able, "clientInfo": info}
        await self.ask("initialize", opening)

    async def call(self, name: str, arguments: Any = None, **more: Any) -> str:
        params: dict[str, Any] = {"name": f"one__{name}", "arguments": arguments or {}, **more}
        answer = await self.ask("tools/call", params)
        text: str = answer["result"]["content"][0]["text"]
        return text


Play = Callable[[Gateway, Launcher], Any]


@pytest.fixture
def play(home: Home, store: Store) -> Callable[[Installed, Play], None]:
    """Runs a scene in a gateway of this process with one server."""

    def go(server: Installed, scene: Play) -> None:
        store.put_install(server)

        async def run() -> None:
            gateway = Gateway(home, Limits())
            launcher = Launcher()
            gateway.launch_with(launcher)
            gateway.load()
            gateway.begin()
            gateway.hub.shares = True
            try:
                await scene(gateway, launcher)
            finally:
                await gateway.hub.close("the test is over")
                await asyncio.to_thread(gateway.scribe.close, 5.0)

        asyncio.run(run())

    return go


def stateless(server: Installed) -> Installed:
    return replace(server, entry=replace(server.entry, stateless=True))


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_roots_and_questions_reach_the_client_whose_server_asks(play: Any, era: str) -> None:
    async def scene(gateway: Gateway, launcher: Launcher) -> None:
        ann, bob = Desk(gateway, "ann"), Desk(gateway, "bob")
        await ann.hello(roots={})
        await bob.hello(roots={})
        for _ in range(2):
            texts = await asyncio.gather(
                ann.call("questions", {"asks": [ROOTS]}), bob.call("questions", {"asks": [ROOTS]})
            )
            for text, own, other in zip(texts, ("ann", "bob"), ("bob", "ann"), strict=True):
                assert f"file:///home/{own}" in text and other not in text
        assert len(launcher.running) == 2
        said = json.loads(await bob.call("told"))
        assert "ann" not in json.dumps(said)
        calls = [one for one in ann.told if one.get("method") == "roots/list"]
        assert all(one["about"].startswith(b'"tools/call') for one in calls)

    play(peer("one", era), scene)


def test_a_stateless_server_is_shared_and_asks_nobody(play: Any) -> None:
    async def scene(gateway: Gateway, launcher: Launcher) -> None:
        ann, bob = Desk(gateway, "ann"), Desk(gateway, "bob")
        await ann.hello(**ABLE)
        await bob.hello(**ABLE)
        token = {"_meta": {"progressToken": "t"}}
        slow = {"steps": 3, "pause": 0.1}
        texts = await asyncio.gather(
            ann.call("slow", slow, **token), bob.call("echo", {"text": "b"}), ann.call("echo")
        )
        assert texts == ["slept", "b", ""]
        assert len(launcher.running) == 1
        assert [one["method"] for one in ann.told].count("notifications/progress") == 3
        assert "notifications/progress" not in [one["method"] for one in bob.told]
        said = json.loads(await bob.call("told"))
        assert said["client"]["capabilities"] == {}
        assert "shared by several clients" in await bob.call("questions", {"asks": [FORM]})
        await gateway.hub.drop(ann.session, "she left")
        assert await bob.call("echo", {"text": "still"}) == "still"
        assert len(launcher.running) == 1
        first = asyncio.ensure_future(bob.call("hang"))
        assert "ended in the middle" in await bob.call("die")
        assert "ended in the middle" in await first
        assert await bob.call("echo", {"text": "again"}) == "again"
        assert len(launcher.running) == 2

    play(stateless(peer("one", "legacy")), scene)


def test_a_shared_server_tells_each_client_what_it_watches(play: Any) -> None:
    async def scene(gateway: Gateway, launcher: Launcher) -> None:
        ann, bob = Desk(gateway, "ann"), Desk(gateway, "bob")
        await ann.hello()
        await bob.hello()
        for desk, uris in ((ann, ["test://one"]), (bob, ["test://one", "test://by/1/data"])):
            await desk.call("echo")
            for uri in uris:
                await desk.ask("resources/subscribe", {"uri": uri})
        said = json.loads(await bob.call("told"))
        assert sorted(said["subscribed"]) == ["test://by/1/data", "test://one"]
        await ann.ask("resources/unsubscribe", {"uri": "test://one"})
        params = {"method": "notifications/resources/updated"}
        uris = ("test://one", "test://by/1/data")
        messages = [{**params, "params": {"uri": uri}} for uri in uris]
        await bob.call("say", {"messages": messages})
        heard = [m["params"]["uri"] for m in bob.told if m["method"] == params["method"]]
        assert heard == list(uris)
        assert params["method"] not in [m["method"] for m in ann.told]

    play(stateless(peer("one", "legacy")), scene)


def test_clients_nobody_can_tell_apart_give_no_roots_to_a_server_that_keeps_them(
    play: Any,
) -> None:
    async def scene(gateway: Gateway, launcher: Launcher) -> None:
        crowd = Desk(gateway, "crowd")
        crowd.session.client.several = True
        meta = {**MODERN_META, META + "clientCapabilities": ABLE}
        said = json.loads(await crowd.call("told", _meta=meta))
        assert said["client"]["capabilities"] == {
            "sampling": {},
            "elicitation": ABLE["elicitation"],
        }

    play(peer("one", "legacy"), scene)
