"""The proxy of one running server: what arrives on its loopback is judged, passed on or refused.

A connection comes to the proxy's own port with a CONNECT or a plain request, or to an address that
we gave for a name; both are the same wish, a host and a port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable

from mcptui.runtime.egress.limits import Contact, EgressLimits
from mcptui.runtime.egress.names import Names
from mcptui.runtime.egress.passage import Passage, Refused
from mcptui.runtime.egress.rules import PORTS, Policy, normal_host
from mcptui.runtime.egress.targets import Resolve, system_resolve
from mcptui.runtime.egress.tunnel import Peer
from mcptui.tasks import spawn

PROXY_PORT = 3128
NAMES_PORT = 53
Listen = Callable[[str, int], Awaitable[socket.socket]]
"""Makes one more listening socket inside the container: loopback address and port."""
_FIRST = int.from_bytes(socket.inet_aton("127.77.0.0"), "big")
_LAST_BYTES = 30.0
"""Seconds in which a host has to take what was sent before the other end closed."""


class Egress:
    """The network of one running server.

    Args:
        policy: what it may reach.
        report: told of each contact, on the loop's thread.
        listen: makes listening sockets inside its container.
        resolve: looks up allowed names.
        limits: what it may take.
    """

    def __init__(
        self,
        policy: Policy,
        report: Callable[[Contact], None],
        listen: Listen,
        *,
        resolve: Resolve = system_resolve,
        limits: EgressLimits | None = None,
    ) -> None:
        self._policy = policy
        self._report = report
        self._listen = listen
        self._resolve = resolve
        self._limits = limits or EgressLimits()
        self._loop = asyncio.get_running_loop()
        self._passages: set[Passage] = set()
        self._accepted = 0
        self._doors: dict[str, str] = {}
        self._open: dict[tuple[str, int], asyncio.Future[None]] = {}
        self._sockets: list[socket.socket] = []
        self._names: tuple[socket.socket, ...] = ()
        self._minute, self._count = 0.0, 0
        self._closed = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(
        self, proxy: socket.socket, names_udp: socket.socket, names_tcp: socket.socket
    ) -> None:
        """Begin to serve; the three sockets are ours from now on."""
        names = Names(self._lookup)
        self._names = (names_udp, names_tcp)
        self._accept_on(proxy, "", 0)
        self._tasks.append(spawn(self._serve_names(names, names_udp, names_tcp), "names"))
        self._tasks.append(spawn(self._look_after(), "egress"))

    def change(self, policy: Policy) -> None:
        """Keep to other rules from now on; tunnels that are not allowed any more are cut."""
        self._policy = policy
        for passage in list(self._passages):
            if passage.far is not None and not passage.allowed:
                passage.abort()

    async def close(self) -> None:
        """Serve nobody any more; every connection ends."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for made in self._sockets:
            with contextlib.suppress(OSError, ValueError):
                self._loop.remove_reader(made.fileno())
            made.close()
        for passage in list(self._passages):
            passage.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for made in self._names:  # a task that was cancelled before its first turn closed none
            made.close()

    # Names

    async def _serve_names(self, names: Names, udp: socket.socket, tcp: socket.socket) -> None:
        for made in (udp, tcp):
            made.setblocking(False)
        transport, _ = await self._loop.create_datagram_endpoint(lambda: names, sock=udp)
        server = await asyncio.start_server(names.serve, sock=tcp)
        try:
            await self._loop.create_future()
        finally:
            transport.close()
            server.close()

    async def _lookup(self, asked: str) -> str:
        """The address for a name, behind which we listen at every port the rules have for it."""
        host = normal_host(asked)
        ports = self._policy.ports(host) if host else ()
        if not ports:
            if host and "." in host and self._policy.match(host, PORTS["tls"]) is None:
                self._report(Contact(host, 0, False, "it is not on the list", "name"))
            return ""
        if not self._within_budget():
            raise OSError("too many questions")
        address = self._doors.get(host, "")
        if not address:
            if len(self._doors) >= self._limits.names:
                raise OSError("too many names")
            address = socket.inet_ntoa((_FIRST + len(self._doors) + 1).to_bytes(4, "big"))
            self._doors[host] = address
        for port in ports:
            await self._door(host, address, port)
        return address

    async def _door(self, host: str, address: str, port: int) -> None:
        """Have a socket that listens there; two questions at once make one."""
        key = (address, port)
        if key not in self._open:
            made = self._open[key] = self._loop.create_future()
            try:
                self._accept_on(await self._listen(address, port), host, port)
            except BaseException as error:
                del self._open[key]
                made.set_exception(OSError(f"nothing listens at {address}: {error!r}"))
                made.exception()  # perhaps nobody else waits
                raise
            made.set_result(None)
        await asyncio.shield(self._open[key])

    # Connections

    def _accept_on(self, listening: socket.socket, host: str, port: int) -> None:
        if self._closed:
            listening.close()
            return
        if listening not in self._sockets:
            listening.setblocking(False)
            self._sockets.append(listening)
        self._loop.add_reader(listening.fileno(), self._accept, listening, host, port)

    def _accept(self, listening: socket.socket, host: str, port: int) -> None:
        for _ in range(16):
            try:
                connection, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # No descriptor is left, as a rule; asked at once again, it would turn for ever.
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(1.0, self._accept_on, listening, host, port)
                return
            if self._accepted >= self._limits.connections or not self._within_budget():
                connection.close()
                why = "it has too many connections"
                self._report(Contact(host, port, False, why, "direct" if host else "proxy"))
                continue
            connection.setblocking(False)
            # Counted here and not where it is served: many may wait before one is.
            self._accepted += 1
            task = spawn(self._serve(connection, host, port), "connection")
            task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        del task
        self._accepted -= 1

    def _within_budget(self) -> bool:
        now = time.monotonic()
        if now - self._minute >= 60:
            self._minute, self._count = now, 0
        self._count += 1
        return self._count <= self._limits.per_minute

    async def _serve(self, connection: socket.socket, host: str, port: int) -> None:
        try:
            _, peer = await self._loop.connect_accepted_socket(Peer, connection)
        except OSError:
            connection.close()
            return
        how = "direct" if host else "proxy"
        passage = Passage(peer, how, host, port, lambda: self._policy, self._resolve, self._limits)
        self._passages.add(passage)
        try:
            await passage.open()
            await self._run(passage)
        except Refused as refused:
            self._report(Contact(passage.host, passage.port, False, str(refused), how))
            passage.refuse(refused)
        except (OSError, TimeoutError):
            passage.abort()
        finally:
            self._passages.discard(passage)
            if passage.far is not None:
                passage.far.abort()

    async def _run(self, passage: Passage) -> None:
        """Let it be a tunnel until both ends are closed."""
        far = passage.far
        if far is None or self._closed:
            passage.abort()
            return
        self._report(Contact(passage.host, passage.port, True, "", passage.how))
        passage.peer.join(far)
        try:
            await passage.peer.lost
            async with asyncio.timeout(_LAST_BYTES):
                await far.lost
        finally:
            self._tell_bytes(passage)

    # What is told

    def _tell_bytes(self, passage: Passage) -> None:
        peer, far = passage.peer, passage.far
        if far is None:
            return
        out, into = peer.passed - passage.told_out, far.passed - passage.told_in
        if out or into:
            passage.told_out, passage.told_in = peer.passed, far.passed
            self._report(
                Contact(
                    passage.host, passage.port, True, "", passage.how, times=0,
                    bytes_out=out, bytes_in=into,
                )
            )  # fmt: skip

    async def _look_after(self) -> None:
        """Tell of tunnels that live, and close those that are forgotten."""
        while True:
            await asyncio.sleep(self._limits.report)
            now = time.monotonic()
            for passage in list(self._passages):
                if passage.far is None:
                    continue
                self._tell_bytes(passage)
                touched = max(passage.peer.touched, passage.far.touched)
                if now - touched > self._limits.idle:
                    passage.abort()
