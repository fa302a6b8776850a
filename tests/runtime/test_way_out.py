"""The table of ways out, tried from inside a real container: every one is closed.

The same probes win from a container that has a network (the lab's guest), so that a closed row is
the lock's work and not a broken probe's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from mcptui.runtime.engine import Engine
from tests.lab import Lab, lab
from tests.lab.probes import Probe, never, outside, table, won
from tests.runtime.conftest import run
from tests.runtime.talk import Talk, planned, talking

pytestmark = pytest.mark.engine
PROBER = "/srv/prober.py"


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab")) as made:
        yield made


@pytest.fixture
def place(shared_lab: Lab) -> Lab:
    """The lab, with nothing heard yet."""
    shared_lab.forget()
    return shared_lab


async def probed(talk: Talk, probes: list[Probe]) -> dict[str, str]:
    """What the probes won inside."""
    return dict(json.loads(await talk.call("probes", wanted=probes)))


def test_the_probes_can_win(place: Lab) -> None:
    with place.guest.do(lambda: socket.socket(socket.AF_UNIX)) as door:
        door.bind("\0mcptui-lab")
        door.listen()
        told = outside(place, [*table(), ["abstract", "abstract", "mcptui-lab"]])
    assert [name for name, gain in told.items() if not gain] == []
    assert place.reached().keys() >= {
        "tls api", "quic api", "tls api6", "quic api6", "tcp api", "metadata", "resolver outside",
        "resolver of guests", "host all", "host udp all", "host all6", "host udp all6",
        "neighbour", "neighbour6", "everybody", "everybody6",
    }  # fmt: skip
    assert won(outside(place, never())) == {}


def addresses() -> list[str]:
    """This machine's own addresses, the engine's bridge among them."""
    words = ["ip", "-4", "-o", "address", "show", "scope", "global"]
    lines = subprocess.run(words, capture_output=True, check=True, text=True).stdout.splitlines()
    return [line.split()[3].partition("/")[0] for line in lines]


@contextlib.contextmanager
def neighbour(engine: Engine, image: str) -> Generator[str]:
    """A real container on the engine's own bridge; gives its address."""
    serving = [
        "-c",
        "import socket\nwith socket.create_server(('', 9000)) as s:\n while s.accept(): 0",
    ]
    body = {"Image": image, "Cmd": serving, "HostConfig": {"NetworkMode": "bridge"}}
    container = engine.create(body)
    try:
        engine.start(container)
        yield str(engine.inspect(container)["NetworkSettings"]["IPAddress"])
    finally:
        engine.remove(container)


def ways(address: str, port: int) -> list[Probe]:
    """TCP and UDP to one place."""
    return [[f"{kind} {address}:{port}", kind, address, port] for kind in ("tcp", "udp")]


def test_every_row_is_closed_without_hosts(engine: Engine, python_image: str, place: Lab) -> None:
    """A server that reaches no hosts: this machine's real services and neighbours besides."""

    async def work(door: str, port: int, beside: str) -> dict[str, str]:
        probes = [*table(), *never(), ["abstract", "abstract", door]]
        probes += [way for one in addresses() for way in ways(one, port)] + ways(beside, 9000)
        async with talking(engine, planned(engine, python_image, PROBER)) as talk:
            told = await probed(talk, probes)
            assert len(told) == len(probes) >= 34
            return told

    with neighbour(engine, python_image) as beside, here() as (door, port, asked):
        assert beside in reachable(beside, 9000)
        assert won(run(work(door, port, beside))) == {}
        assert asked() == 0
    assert place.reached() == {}
    assert place.names.log == place.outside.log == []


@contextlib.contextmanager
def here() -> Generator[tuple[str, int, Any]]:
    """Services of this very machine: an abstract socket and a port on every address."""
    abstract, tcp = socket.socket(socket.AF_UNIX), socket.create_server(("", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name, port = f"mcptui-test-{os.urandom(4).hex()}", int(tcp.getsockname()[1])
    with abstract, tcp, udp:
        abstract.bind("\0" + name)
        abstract.listen()
        udp.bind(("", port))

        def asked() -> int:
            heard = 0
            for one in (abstract, tcp, udp):
                one.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    heard += bool(one.accept() if one is not udp else one.recv(100))
            return heard

        yield name, port, asked


def reachable(address: str, port: int) -> list[str]:
    """Wait until a container beside serves; gives its address."""

    async def work() -> list[str]:
        for _ in range(100):
            with contextlib.suppress(OSError):
                _, line = await asyncio.open_connection(address, port)
                line.close()
                return [address]
            await asyncio.sleep(0.05)
        return []

    return asyncio.run(work())


# With hosts

LISTED = (
    "api.example.com",
    "*.wild.example.com",
    "plain.example.com/http",
    "db.example.com:5432/tcp",
    "rebind.example.com",
    "inside.example.com",
    "private.example.com",
    "both.example.com",
    "metadata.example.com",
)


def fetched(lab: Lab, *hosts: str) -> dict[str, str]:
    """What an honest program says of a page, with the proxy's variables or without."""
    trusted = lab.trusted.read_text()

    async def work() -> dict[str, str]:
        return {}

    return {**run(work()), "trusted": trusted}


def test_an_allowed_host_works_and_every_row_is_closed(
    engine: Engine, python_image: str, place: Lab
) -> None:
    trusted = place.trusted.read_text()

    async def work() -> dict[str, str]:
        made = planned(engine, python_image, PROBER, hosts=LISTED)
        async with talking(engine, made) as talk:
            told = await probed(talk, [*table(), *never()])
            for aware in (True, False):
                for host, text in (("api", "http api"), ("deep.wild", "http other")):
                    url = f"https://{host}.example.com/"
                    page = await talk.call("fetch", url=url, trusted=trusted, aware=aware)
                    assert page == text
                page = await talk.call("fetch", url="http://plain.example.com/", aware=aware)
                assert page == "http api"
            said = await talk.call("banner", host="db.example.com", port=5432)
            assert said == "tcp api\n"
            print(talk.contacts)
            return told

    told = place.host.run(work())
    assert won(told) == {}
    print(place.reached(), place.names.log)
