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
from pathlib import Path
from typing import Any

import pytest

from mcptui.runtime.egress.limits import Contact
from mcptui.runtime.egress.rules import Policy, rule_from_text
from mcptui.runtime.engine import Engine
from tests.lab import RESOLVER, Lab, lab
from tests.lab.probes import Probe, disguised, lies, never, outside, table, won
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
    "nat64.example.com",
)


@pytest.fixture(scope="module")
def answers(shared_lab: Lab) -> dict[str, list[list[str]]]:
    """The lab's names, to which a test may add."""
    shared_lab.names.table["nat64.example.com"] = [["64:ff9b::7f00:1"]]
    return shared_lab.names.table


@pytest.mark.parametrize("network", ["listed", "any"])
def test_every_row_is_closed_with_hosts(
    engine: Engine, python_image: str, place: Lab, answers: dict[str, list[list[str]]], network: str
) -> None:
    """The same table, and every disguise, from a server that reaches some hosts, or any."""

    async def work(door: str, port: int, beside: str) -> dict[str, str]:
        made = planned(engine, python_image, PROBER, hosts=LISTED, network=network)
        probes = [*table(), *never(), ["abstract", "abstract", door], *disguised()]
        probes += [way for one in addresses() for way in ways(one, port)] + ways(beside, 9000)
        if network == "any":  # what is a public host's name over TLS is no disguise then
            public = ("evil.example.net:443", "other.example.com:443", "db.example.com:443",
                      "plain.example.com:443", "wild.example.com:443", "evilapi.example.com:443",
                      "names as programs", "names by the")  # fmt: skip
            probes = [one for one in probes if not any(word in one[0] for word in public)]
        async with talking(engine, made) as talk:
            told = await probed(talk, probes)
            assert len(told) >= 65
            # Each wish of a kind that names a host is told, with the reason.
            refused = {(one.host, one.port) for one in talk.contacts if not one.allowed}
            assert {("metadata.example.com", 443), ("both.example.com", 443)} <= refused
            assert not [one for one in talk.contacts if one.allowed]
            assert all(one.reason for one in talk.contacts)
            return told

    with neighbour(engine, python_image) as beside, here() as (door, port, asked):
        assert won(place.host.run(work(door, port, beside))) == {}
        assert asked() == 0
    # Nothing was reached, and the only names looked up are those of the list.
    assert place.reached().keys() <= {"resolver"}
    listed = {one.partition("/")[0].partition(":")[0] for one in LISTED}
    assert {line.partition(" ")[0] for line in place.names.log} <= listed
    assert place.outside.log == []


def test_nothing_can_be_smuggled_out_in_questions_for_names(
    engine: Engine, python_image: str, place: Lab
) -> None:
    async def work() -> None:
        made = planned(engine, python_image, PROBER, hosts=LISTED)
        async with talking(engine, made) as talk:
            secret = "c2VjcmV0"
            names = [f"{secret}.{one}" for one in ("evil.example.net", "api.example.com")]
            probes = [
                [f"{kind} {server} {name}", kind, server, name]
                for kind in ("dns", "dns_tcp")
                for server in ("127.0.0.1", "127.0.0.11", RESOLVER)
                for name in names
            ]
            assert won(await probed(talk, probes)) == {}
            # Below a wildcard a name may be asked for; even that question goes nowhere.
            below = await probed(talk, [["wild", "dns", "127.0.0.1", f"{secret}.wild.example.com"]])
            assert below["wild"].startswith("127.77.")

    place.host.run(work())
    assert place.names.log == place.outside.log == []
    assert place.reached() == {}


def test_an_allowed_host_works_for_programs_of_every_kind(
    engine: Engine, python_image: str, place: Lab, tmp_path: Path
) -> None:
    trusted = place.trusted.read_text()
    static = static_client(tmp_path)

    async def work() -> list[Contact]:
        picked = {"tools": ((str(static.parent), False),)}
        made = planned(engine, python_image, PROBER, hosts=LISTED, mounts=picked)
        async with talking(engine, made) as talk:
            for aware in (True, False):
                for host, text in (("api", "http api"), ("deep.wild", "http other")):
                    url = f"https://{host}.example.com/"
                    page = await talk.call("fetch", url=url, trusted=trusted, aware=aware)
                    assert page == text
                page = await talk.call("fetch", url="http://plain.example.com/", aware=aware)
                assert page == "http api"
                url = "https://evil.example.net/"
                page = await talk.call("fetch", url=url, trusted=trusted, aware=aware)
                assert page.startswith("refused: ")
            said = await talk.call("banner", host="db.example.com", port=5432, say="ping\n")
            assert said.startswith("tcp api\n")
            words = ["/picked/tools/client", "plain.example.com", "80"]
            assert "http api" in await talk.call("run", words=words)
            words = ["/picked/tools/client", "evil.example.net", "80"]
            assert "no such name" in await talk.call("run", words=words)
            settings = json.loads(await talk.call("settings"))
            assert settings["resolv.conf"].split() == ["nameserver", "127.0.0.1"]
        return talk.contacts

    seen = place.host.run(work())
    assert {(one.host, one.port, one.how) for one in seen if one.allowed} == {
        ("api.example.com", 443, "proxy"), ("api.example.com", 443, "direct"),
        ("deep.wild.example.com", 443, "proxy"), ("deep.wild.example.com", 443, "direct"),
        ("plain.example.com", 80, "proxy"), ("plain.example.com", 80, "direct"),
        ("db.example.com", 5432, "direct"),
    }  # fmt: skip
    assert {(one.host, one.port, one.how) for one in seen if not one.allowed} == {
        ("evil.example.net", 443, "proxy"), ("evil.example.net", 0, "name"),
    }  # fmt: skip
    assert sum(one.bytes_in for one in seen if one.host == "api.example.com") > 1_000
    assert place.reached().keys() == {"tls api", "tls other", "http api", "tcp api", "resolver"}


def test_node_reaches_an_allowed_host(engine: Engine, images: dict[str, str], place: Lab) -> None:
    """Its own fetch follows the proxy's variables; an agent of one's own knows nothing of them."""
    trusted = place.trusted.read_text()

    async def work() -> list[Contact]:
        made = planned(engine, images["node"], "/srv/prober.mjs", hosts=LISTED)
        async with talking(engine, made) as talk:
            for how in ("fetch", "https"):
                page = await talk.call(how, host="api.example.com", ca=trusted)
                assert page == "http api"
                page = await talk.call(how, host="evil.example.net", ca=trusted)
                assert page.startswith("refused: ")
            return talk.contacts

    seen = place.host.run(work())
    assert {one.how for one in seen if one.allowed} == {"proxy", "direct"}
    assert place.reached().keys() == {"tls api", "resolver"}


def test_a_lie_in_a_tunnel_reaches_nobody(engine: Engine, python_image: str, place: Lab) -> None:
    """Not one byte: neither for the allowed host nor for the other one."""

    async def work() -> None:
        made = planned(engine, python_image, PROBER, hosts=LISTED)
        async with talking(engine, made) as talk:
            assert won(await probed(talk, lies())) == {}
            true = [["truth", "tunnelled", "api.example.com:443", "api.example.com"]]
            assert place.heard["tls api"].heard == b""
            assert won(await probed(talk, true)) == {"truth": "TLSv1.3"}
            reasons = [one.reason for one in talk.contacts if not one.allowed]
            assert len(reasons) == len(lies())

    place.host.run(work())
    assert place.heard["tls evil"].connections == 0


def test_a_list_is_one_servers_own(engine: Engine, python_image: str, place: Lab) -> None:
    """Two servers at once: what one may reach, the other may not."""

    async def work() -> None:
        first = planned(engine, python_image, PROBER, hosts=("api.example.com",))
        second = planned(engine, python_image, PROBER, hosts=("other.example.com",))
        async with talking(engine, first) as one, talking(engine, second) as two:
            for talk, mine, theirs in ((one, "api", "other"), (two, "other", "api")):
                told = await probed(talk, [
                    ["mine", "tunnelled", f"{mine}.example.com:443", f"{mine}.example.com"],
                    ["theirs", "tunnelled", f"{theirs}.example.com:443", f"{theirs}.example.com"],
                    ["its name", "name", f"{theirs}.example.com"],
                ])  # fmt: skip
                assert told == {"mine": "TLSv1.3", "theirs": "", "its name": ""}

    place.host.run(work())


def test_other_hosts_at_once(engine: Engine, python_image: str, place: Lab) -> None:
    """A running server follows a change: what is taken away is cut, what is given works."""
    trusted = place.trusted.read_text()

    async def work() -> None:
        made = planned(engine, python_image, PROBER, hosts=("api.example.com",))
        async with talking(engine, made) as talk:

            async def page(host: str, aware: bool) -> str:
                url = f"https://{host}.example.com/"
                return await talk.call("fetch", url=url, trusted=trusted, aware=aware)

            for aware in (True, False):
                assert await page("api", aware) == "http api"
                assert (await page("other", aware)).startswith("refused: ")
            talk.container.keep_to(Policy((rule_from_text("other.example.com"),)))
            for aware in (True, False):
                assert (await page("api", aware)).startswith("refused: ")
                assert await page("other", aware) == "http other"

    place.host.run(work())


def test_a_dead_gateway_leaves_no_way(engine: Engine, python_image: str, place: Lab) -> None:
    """The sockets are ours: without us nobody answers, though the container still runs."""

    async def work() -> None:
        made = planned(engine, python_image, PROBER, hosts=("api.example.com",))
        async with talking(engine, made) as talk:
            egress = talk.container._egress  # pyright: ignore[reportPrivateUsage]
            assert egress is not None
            await egress.close()
            told = await probed(talk, [
                ["proxy", "tunnelled", "api.example.com:443", "api.example.com"],
                ["port", "tcp", "127.0.0.1", 3128],
                ["name", "name", "api.example.com"],
                ["names", "dns", "127.0.0.1", "api.example.com"],
                *table(),
            ])  # fmt: skip
            assert won(told) == {}

    place.host.run(work())
    assert place.reached() == {}


def static_client(folder: Path) -> Path:
    """A program with no library of the image's, as Go's and Rust's are; knows no proxy."""
    from hatch_build import compile_static

    tools = folder / "tools"
    tools.mkdir()
    source = Path(__file__).parents[1] / "fixtures" / "static_client.c"
    compile_static(os.uname().machine, tools / "client", source)
    for one in (folder, tools, tools / "client"):
        one.chmod(0o755)
    return tools / "client"
