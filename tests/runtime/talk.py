"""A small MCP client over a launched container, for the tests of this room."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcptui.entry import Checked, Choices, Entry, Image, Kind, Mount, Relaxation, Resources, Secret
from mcptui.runtime.channel import LINE_LIMIT, Death
from mcptui.runtime.launch import launch
from mcptui.runtime.owner import Owner
from mcptui.runtime.plan import ContainerPlan, plan

if TYPE_CHECKING:
    from mcptui.runtime.container import Container
    from mcptui.runtime.egress.limits import Contact
    from mcptui.runtime.engine import Engine

SERVERS = {"python": "/srv/echo_server.py", "node": "/srv/echo_server.mjs"}


def entry(*command: str, name: str = "", **parts: Any) -> Entry:
    """An own entry that runs `command` after its image's entrypoint."""
    return Entry(
        id=name or f"test-{uuid.uuid4().hex[:12]}",
        title="Test",
        description="a server for tests",
        publisher="",
        category="utilities",
        licence="",
        homepage="",
        source="",
        kind=Kind.IMAGE,
        checked=Checked(""),
        image=Image("", "", local=True),
        command=command,
        **parts,
    )


def planned(
    engine: Engine,
    image: str,
    *command: str,
    resources: Resources | None = None,
    relaxes: tuple[Relaxation, ...] = (),
    mounts: Mapping[str, tuple[tuple[str, bool], ...]] | None = None,
    secrets: Mapping[str, str] | None = None,
    network: str = "listed",
    hosts: tuple[str, ...] = (),
    as_files: bool = False,
) -> ContainerPlan:
    """The container of such an entry, owned by this process."""
    picked = dict(mounts or {})
    made = entry(
        *command,
        resources=resources or Resources(),
        relaxes=relaxes,
        mounts=tuple(Mount(name, f"/picked/{name}", "test", many=True) for name in picked),
        secrets=tuple(Secret(name, name, file=as_files) for name in secrets or {}),
    )
    choices = Choices(mounts=picked, network=network, hosts=hosts)
    facts = engine.image_facts(image)
    return plan(made, choices, facts, Owner.current("test"), secrets or {})


class Talk:
    """A listener that keeps what it hears, and a client that asks."""

    def __init__(self) -> None:
        self.running: Container | None = None
        self.log: list[str] = []
        self.others: list[dict[str, Any]] = []
        self.overlong: list[int] = []
        self.deaths: list[Death] = []
        self.contacts: list[Contact] = []
        self.died = asyncio.Event()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last = 0

    def on_line(self, line: bytes) -> None:
        message = json.loads(line)
        waiting = self._answers.pop(message.get("id", -1), None)
        if waiting is None:
            self.others.append(message)
        elif not waiting.done():
            waiting.set_result(message)

    def on_overlong(self, size: int, ends: bytes = b"") -> None:
        self.overlong.append(size)

    def on_stderr(self, text: str) -> None:
        self.log.append(text)

    def on_exit(self, death: Death) -> None:
        self.deaths.append(death)
        self.died.set()
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError(death.words))

    @property
    def container(self) -> Container:
        assert self.running is not None
        return self.running

    def post(self, method: str, **params: Any) -> asyncio.Future[dict[str, Any]]:
        """Send one request; the answer comes later."""
        self._last += 1
        waiting = asyncio.get_running_loop().create_future()
        self._answers[self._last] = waiting
        message = {"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}
        self.container.channel.send(json.dumps(message).encode())
        return waiting

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one request and wait for its result."""
        answer = await asyncio.wait_for(self.post(method, **params), 60)
        return dict(answer["result"])

    async def call(self, tool: str, **arguments: Any) -> str:
        """Call a tool and return its text."""
        result = await self.ask("tools/call", name=tool, arguments=arguments)
        return str(result["content"][0]["text"])

    async def death(self) -> Death:
        """Wait for the end."""
        await asyncio.wait_for(self.died.wait(), 30)
        return self.deaths[0]


async def start(
    engine: Engine,
    made: ContainerPlan,
    route: str = "socket",
    line_limit: int = LINE_LIMIT,
) -> Talk:
    """Launch by one route, and by no other."""
    talk = Talk()
    routes = {engine.endpoint.url: route}
    talk.running = await launch(
        engine, made, talk, line_limit=line_limit, routes=routes, report=talk.contacts.append
    )
    assert routes == {engine.endpoint.url: route}, "another route was taken"
    return talk


@asynccontextmanager
async def talking(
    engine: Engine, made: ContainerPlan, route: str = "socket", line_limit: int = LINE_LIMIT
) -> AsyncGenerator[Talk, None]:
    """Launch, and leave no container behind."""
    talk = await start(engine, made, route, line_limit)
    try:
        yield talk
    finally:
        await talk.container.stop(0.2)
        assert not engine.inspect(talk.container.container_id), "a container was left behind"


def limited(made: ContainerPlan, **changes: Any) -> ContainerPlan:
    """The same plan with some of its fields changed."""
    return replace(made, **changes)
