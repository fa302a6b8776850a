"""Sockets that are made inside a container: the orders, the answers, and what goes wrong."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mcptui.entry import Http
from mcptui.errors import McptuiError
from mcptui.gateway.inward import open_inward
from mcptui.runtime.channel import LINE_LIMIT
from mcptui.runtime.engine import Engine
from mcptui.runtime.inward import CONNECT, Dialler, Inside
from mcptui.runtime.launch import launch
from tests.runtime.conftest import run
from tests.runtime.talk import Talk, planned, talking

if TYPE_CHECKING:
    from mcptui.runtime.container import Container

SERVER = "/srv/inward_server.py"
engine_test = pytest.mark.engine


class Shim:
    """Orders are kept; the test answers them."""

    def __init__(self) -> None:
        self.orders: list[bytes] = []
        self.dialler = Dialler(self.order)

    def order(self, order: bytes) -> int:
        self.orders.append(order)
        return len(order)


def listener() -> tuple[socket.socket, int]:
    """Somebody who listens on this machine."""
    made = socket.create_server(("127.0.0.1", 0))
    return made, made.getsockname()[1]


def test_the_other_family_is_tried_and_what_worked_comes_first() -> None:
    async def work() -> None:
        shim = Shim()
        inside = Inside(shim.dialler, 258)
        there, port = listener()
        with there:
            for _ in range(2):
                dialling = asyncio.ensure_future(inside.dial())
                await asyncio.sleep(0)
                if len(shim.orders) == 1:
                    shim.dialler.answered(errno.EADDRNOTAVAIL, [])
                    await asyncio.sleep(0.01)
                made = socket.create_connection(("127.0.0.1", port))
                shim.dialler.answered(0, [made.detach()])
                (await dialling).close()
        assert shim.orders == [bytes([CONNECT, family, 1, 2]) for family in (4, 6, 6)]

    run(work())


def test_a_refused_connection_is_an_error_and_nothing_stays_open() -> None:
    async def work() -> None:
        shim = Shim()
        there, port = listener()
        there.close()
        before = len(list(Path("/proc/self/fd").iterdir()))
        dialling = asyncio.ensure_future(shim.dialler.dial(1, 4))
        await asyncio.sleep(0)
        late = socket.socket()
        late.setblocking(False)
        late.connect_ex(("127.0.0.1", port))
        shim.dialler.answered(0, [late.detach()])
        with pytest.raises(ConnectionRefusedError):
            await dialling
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    run(work())


def test_an_answer_nobody_waits_for_is_closed() -> None:
    async def work() -> None:
        shim = Shim()
        dialling = asyncio.ensure_future(shim.dialler.dial(1, 4))
        await asyncio.sleep(0)
        dialling.cancel()
        read_end, write_end = os.pipe()
        await asyncio.sleep(0)
        shim.dialler.answered(0, [write_end])
        shim.dialler.answered(0, [])  # and one that was never asked for
        assert os.read(read_end, 1) == b"", "the other end is closed"
        os.close(read_end)

    run(work())


def test_the_end_of_the_container_ends_all_waiting() -> None:
    async def work() -> None:
        shim = Shim()
        waiting = [asyncio.ensure_future(shim.dialler.dial(1, 4)) for _ in range(3)]
        await asyncio.sleep(0)
        shim.dialler.end()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(one, ConnectionError) for one in results)
        with pytest.raises(ConnectionError):
            await shim.dialler.dial(1, 4)

    run(work())


async def ready(container: Container, port: int = 8080) -> socket.socket:
    """A socket to the server, once it listens."""
    inside = Inside(container.dialler, port)
    async with asyncio.timeout(60):
        while True:
            try:
                return await inside.dial()
            except OSError:
                await asyncio.sleep(0.05)


@engine_test
def test_the_socket_is_of_the_containers_network(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        async with talking(engine, planned(engine, python_image, SERVER)) as talk:
            for _ in range(300):  # no descriptor of the shim's is left behind
                (await ready(talk.container)).close()
            made = await ready(talk.container)
            made.setblocking(True)
            # SIOCGIFCONF lists the interfaces of the network a socket belongs to.
            assert [name for _, name in interfaces(made)] == ["lo"]
            pid = engine.inspect(talk.container.container_id)["State"]["Pid"]
            assert len(list(Path(f"/proc/{pid}/fd").iterdir())) < 12
            made.close()
            for port, family in ((1, 4), (8080, 9), (0, 4)):
                with pytest.raises(OSError):
                    (await talk.container.dialler.dial(port, family)).close()
                    raise OSError
            (await ready(talk.container)).close()

    run(work())


def interfaces(made: socket.socket) -> list[tuple[int, str]]:
    """The interfaces that have an address in a socket's network."""
    import array
    import fcntl
    import struct

    room = array.array("B", b"\0" * 4096)
    asked = struct.pack("iL", 4096, room.buffer_info()[0])
    size = struct.unpack("iL", fcntl.ioctl(made.fileno(), 0x8912, asked))[0]
    return [
        (at, room[at : at + 16].tobytes().split(b"\0")[0].decode()) for at in range(0, size, 40)
    ]


@engine_test
def test_signals_and_orders_mix(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        async with talking(engine, planned(engine, python_image, SERVER)) as talk:
            (await ready(talk.container)).close()
            dials = [asyncio.ensure_future(ready(talk.container)) for _ in range(50)]
            for made in await asyncio.gather(*dials):
                made.close()
            await talk.container.stop(1)
            assert talk.deaths[0].code == 128 + 15

    run(work())


@engine_test
def test_an_attach_stream_brings_no_sockets_and_that_is_said(
    engine: Engine, python_image: str
) -> None:
    async def work() -> None:
        talk = Talk()
        plan = planned(engine, python_image, SERVER)
        routes = {engine.endpoint.url: "stdin"}
        ids: list[str] = []

        async def go(ears: object) -> Container:
            made = await launch(engine, plan, ears, routes=routes)  # type: ignore[arg-type]
            ids.append(made.container_id)
            return made

        with pytest.raises(McptuiError, match="cannot be reached there"):
            await open_inward("one", Http(8080), talk, go, LINE_LIMIT)
        assert talk.deaths == [], "who starts it is told, not its listener"
        assert ids and not engine.inspect(ids[0])

    run(work())


@engine_test
def test_the_whole_conversation_on_both_loops(engine: Engine, python_image: str) -> None:
    async def work() -> None:
        talk = Talk()
        plan = planned(engine, python_image, SERVER, "--bind", "0.0.0.0")  # noqa: S104
        server = await open_inward(
            "one", Http(8080), talk, lambda ears: launch(engine, plan, ears), LINE_LIMIT
        )
        try:
            talk.running = server  # type: ignore[assignment]
            await talk.ask("initialize", protocolVersion="2025-11-25", capabilities={})
            assert await talk.call("echo", text="x" * 2_000_000) == "x" * 2_000_000
            assert json.loads(await talk.call("head"))["Host"] == "localhost:8080"
        finally:
            await server.stop(0.5)
        assert len(talk.deaths) == 1
        assert not engine.inspect(server.container_id)

    for fast in (False, True):
        run(work(), fast=fast)
