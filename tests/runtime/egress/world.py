"""A proxy whose "container" is this machine's loopback, and hosts that it may reach there."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from mcptui.runtime.egress.limits import Contact, EgressLimits
from mcptui.runtime.egress.proxy import Egress
from mcptui.runtime.egress.rules import Policy, rule_from_text
from tests.runtime.egress.test_parsers import question
from tests.runtime.egress.tls import certificate

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def bound(
    kind: socket.SocketKind = socket.SOCK_STREAM, at: tuple[str, int] = ("127.0.0.1", 0)
) -> socket.socket:  # noqa: E501
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(at)
    if kind == socket.SOCK_STREAM:
        made.listen(64)
    return made


class World:
    """One proxy, what it told, and the hosts behind it."""

    def __init__(self, folder: Path, limits: EgressLimits) -> None:
        self.cert, self.key = certificate(folder, "api.example.com", "other.example.com")
        self.told: list[Contact] = []
        self.answers: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.came: list[bytes] = []
        self.listened: list[tuple[str, int]] = []
        self.servers: list[asyncio.Server] = []
        self.egress = Egress(
            Policy(), self.told.append, self.listen, resolve=self.resolve, limits=limits
        )
        self.proxy = bound()
        self.udp = bound(socket.SOCK_DGRAM)
        self.tcp = bound()
        self.port = int(self.proxy.getsockname()[1])
        self.names = self.udp.getsockname(), self.tcp.getsockname()
        self.egress.start(self.proxy, self.udp, self.tcp)

    def allow(self, *rules: str) -> None:
        self.egress.change(Policy(tuple(rule_from_text(one) for one in rules)))

    async def listen(self, address: str, port: int) -> socket.socket:
        self.listened.append((address, port))
        return bound(at=(address, port))

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("no such name")
        return self.answers[host]

    async def host(self, handler: Handler, *, tls: bool = False) -> int:
        """A host of the internet; gives its port."""
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.cert, self.key)
        server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=context)
        self.servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def sink(self) -> int:
        """A host that keeps what comes and says nothing; gives its port."""

        async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.came.append(b"")
            at = len(self.came) - 1
            while part := await reader.read(65536):
                self.came[at] += part
            writer.close()

        return await self.host(keep)

    async def echo(self, *, tls: bool = False) -> int:
        """A host that says what it hears; gives its port."""

        async def again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
            writer.close()

        return await self.host(again, tls=tls)

    async def through(
        self, host: str, port: int
    ) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:  # noqa: E501
        """CONNECT; gives the answer's head and the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        except asyncio.IncompleteReadError as error:
            head = error.partial
        return head, reader, writer

    async def ask(self, name: str, kind: int = 1, *, tcp: bool = False) -> tuple[int, str]:
        """Ask for a name; gives RCODE and address."""
        data = question(name, kind)
        if tcp:
            reader, writer = await asyncio.open_connection(*self.names[1])
            writer.write(len(data).to_bytes(2, "big") + data)
            size = int.from_bytes(await reader.readexactly(2), "big")
            said = await reader.readexactly(size)
            writer.close()
        else:
            said = await asyncio.to_thread(self._by_datagram, data)
        address = socket.inet_ntoa(said[-4:]) if said[7] else ""
        return said[3] & 15, address

    def _by_datagram(self, data: bytes) -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            made.settimeout(5)
            made.sendto(data, self.names[0])
            return made.recv(4096)

    async def until(self, true: Callable[[], object]) -> None:
        for _ in range(500):
            if true():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"it did not come: {self.told}")

    def refusals(self) -> list[str]:
        return [one.reason for one in self.told if not one.allowed]


@asynccontextmanager
async def world(folder: Path, **limits: float) -> AsyncGenerator[World]:
    made = World(folder, EgressLimits(**limits))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    try:
        yield made
    finally:
        await made.egress.close()
        for server in made.servers:
            server.close()


def run(story: Awaitable[None]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(story, 60)

    asyncio.run(bounded())
