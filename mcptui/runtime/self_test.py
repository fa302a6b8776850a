"""Before anything runs on an engine, a container of ours tries to get out of it, and has to fail.

That a container without a network has none is the engine's promise, and everything else stands on
it. Options of engines have been ignored in silence before, and plugins and policies can give every
container a network. So the promise is tried once for each engine and each version of it, with the
very container a server would get: our start program in it looks for devices and for ways to this
machine, to the engine's bridges, to a resolver and to the Internet. Whatever is not plainly closed
is open, and then no server is started.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.errors import NotTrusted, TryAgain
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.runtime.channel import Death
    from mcptui.runtime.engine import Engine
    from mcptui.runtime.plan import ContainerPlan

SERVER = "mcptui-self-test"
"""The test container's name, where a server's would be."""
WHAT = "This engine's containers are not cut off from the network"
FIX = (
    "Servers stay off until a test passes; each start tries anew. Look for a plugin, policy or "
    "patch of the engine that gives containers a network, or use another engine"
)
_OPEN = "open: "
_SECONDS = 20.0
"""The test may take, once its container runs."""
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_NOBODY_THERE = _NO_WAY | {errno.ECONNREFUSED}
_PASSED: dict[str, str] = {}
"""What this process itself has seen pass: endpoint → the engine's identity."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One thing to try.

    Args:
        code: as the start program takes it.
        words: for a person.
        closed: the errors that mean closed.
    """

    code: str
    words: str
    closed: frozenset[int] = _NO_WAY


class _Ears:
    """Hears the test container."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.death = ""
        self.ended = asyncio.Event()

    def on_line(self, line: bytes) -> None:
        self.lines.append(line.decode("utf-8", "replace"))

    def on_overlong(self, size: int, ends: bytes = b"") -> None:
        self.lines.append("devices unknown")

    def on_stderr(self, text: str) -> None:
        self.lines.append(text)

    def on_exit(self, death: Death) -> None:
        self.death = death.words
        self.ended.set()


def last_word(engine: Engine) -> str | None:
    """What the last test of this engine and version said; nothing is started.

    Returns:
        "" when it passed, what was open when it did not, None before any test.

    Raises:
        TryAgain: the engine does not answer.
    """
    known, identity = engine.tested.get(engine.endpoint.url, ""), engine.identity()
    if known == identity:
        return ""
    tested, _, found = known.partition(_OPEN)
    return found if found and tested == identity else None


async def must_be_cut_off(engine: Engine, plan: ContainerPlan) -> None:
    """Test the engine, unless this version of it has passed already.

    Args:
        engine: where a server is to be started.
        plan: that server's container: the test uses its image.

    Raises:
        NotTrusted: something could be reached; says what.
        McptuiError: the test could not be made.
    """
    url, identity = engine.endpoint.url, await asyncio.to_thread(engine.identity)
    if identity in (_PASSED.get(url), engine.tested.get(url)):
        return
    found = await _open_ways(engine, plan)
    if found:
        engine.tested[url] = f"{identity}{_OPEN}{found}"
        raise NotTrusted(WHAT, f"a test container found {found}", FIX)
    _PASSED[url] = engine.tested[url] = identity


async def _open_ways(engine: Engine, plan: ContainerPlan) -> str:
    """What a test container found, in words; "" when it is cut off."""
    from mcptui.runtime.launch import launch

    gateways = await asyncio.to_thread(engine.gateways)
    with _doors() as doors:
        ways = [*_inside(*doors), *_outside(gateways)]
        ears = _Ears()
        # Its own program has a name in every container, wherever it was mounted.
        command = ("/proc/self/exe", "look", *(way.code for way in ways))
        made = _test_plan(plan, command)
        running = await launch(engine, made, ears, tested=True)
        try:
            async with asyncio.timeout(_SECONDS):
                await ears.ended.wait()
        except TimeoutError as error:
            raise TryAgain("The engine's isolation could not be tested", "it took long") from error
        finally:
            await running.stop(0.2)
    return ", ".join(dict.fromkeys(_judged(ears, ways)))


def _test_plan(plan: ContainerPlan, command: tuple[str, ...]) -> ContainerPlan:
    from mcptui.runtime.owner import INSTALL
    from mcptui.runtime.owner import SERVER as LABEL
    from mcptui.runtime.plan import ContainerPlan

    labels = {**plan.labels, LABEL: SERVER, INSTALL: SERVER}
    return ContainerPlan(SERVER, plan.image, command, {}, labels=labels)


def _judged(ears: _Ears, ways: list[_Way]) -> Iterator[str]:
    """What is open; what was not told is open as well."""
    told = dict(line.rsplit(" ", 1) for line in ears.lines if " " in line)
    devices = {name.removeprefix("device "): how for name, how in told.items()
               if name.startswith("device ")}  # fmt: skip
    # The kernel may give every network idle tunnel devices; without rights nobody wakes them.
    awake = [name for name, how in devices.items() if how == "up" and name != "lo"]
    for name in awake:
        yield f"the network device {visible(name, limit=20)}"
    if "lo" not in devices or "devices" in told:
        last = visible(ears.lines[-1], limit=120) if ears.lines else ears.death
        yield f"no list of network devices ({last})"
        return
    for way in ways:
        answer = told.get(way.code, "")
        if not answer.isdecimal() or int(answer) not in way.closed:
            yield f"a way to {way.words}"


@contextlib.contextmanager
def _doors() -> Generator[tuple[int, str]]:
    """Services of this process that a container in our own network would find; port and name."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=1) as tcp,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        name = f"mcptui-self-test-{os.urandom(8).hex()}"
        with contextlib.suppress(OSError):  # only Linux has abstract ones
            abstract.bind(f"\0{name}")
            abstract.listen(1)
        yield int(tcp.getsockname()[1]), name


def _inside(port: int, name: str) -> list[_Way]:
    """What seems to be inside the container and could be somebody else's."""
    resolver = ("127.0.0.11", "the engine's resolver")
    return [
        _Way(_code("t", "127.0.0.1", port), "this machine's loopback", _NOBODY_THERE),
        _Way(f"x{name}", "this machine's abstract unix sockets", _NOBODY_THERE),
        _Way(_code("t", resolver[0], 53), resolver[1], _NOBODY_THERE),
        _Way(_code("u", resolver[0], 53), resolver[1], _NOBODY_THERE),
    ]


def _outside(gateways: list[str]) -> list[_Way]:
    """Places beyond the container; the documentation's addresses stand for the Internet, so that
    no stranger gets a packet when the test fails."""
    places = {address: f"the engine's bridge {address}" for address in gateways}
    places |= {address: f"this machine at {address}" for address in _own_addresses()}
    places |= {
        "169.254.169.254": "the cloud's metadata service",
        "192.0.2.1": "the Internet",
        "2001:db8::1": "the Internet over IPv6",
    }
    found: list[_Way] = []
    for address, words in places.items():
        with contextlib.suppress(OSError):
            found.append(_Way(_code("t", address, 443), words))
            found.append(_Way(_code("u", address, 53), words))
    return found


def _own_addresses() -> list[str]:
    """The addresses from which this machine would speak to others."""
    found: list[str] = []
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as line:
            line.connect((far, 9))  # a datagram socket sends nothing for that
            found.append(str(line.getsockname()[0]))
    return found


def _code(letter: str, address: str, port: int) -> str:
    """A way as the start program takes it.

    Raises:
        OSError: no address.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return f"{letter}{socket.inet_pton(family, address).hex()}{port:04x}"
