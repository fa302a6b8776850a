"""Sockets of a container's own loopback in our hands, without giving the container a network.

A socket belongs to the network it was made in. The shim makes one in the container and hands it
over the control line. One that is connected to a server that listens inside lets the gateway speak
with it as if it sat inside; one that listens lets the server's wishes for the network arrive at our
proxy. No port is opened anywhere, no byte is copied on the way, and the container has nothing but
`lo`, as before.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable

CONNECT, LISTEN = 128, 129
"""The shim's orders to connect and to listen; those below are signal numbers."""
ANSWER = 4
"""Bytes of one answer of the shim's."""
SECONDS = 10.0
"""A connection may take; inside one machine it takes none, unless the server takes no more."""

Dial = Callable[[], Awaitable[socket.socket]]
"""Gives a connected socket; raises OSError when the server does not listen or is gone."""


class Dialler:
    """The orders for sockets of one container and the shim's answers, which come in order.

    Args:
        order: writes to the control line; raises OSError when the line is gone.
    """

    def __init__(self, order: Callable[[bytes], int]) -> None:
        self._order = order
        self._waiting: deque[asyncio.Future[socket.socket]] = deque()
        self._gone = False

    async def dial(self, port: int, family: int) -> socket.socket:
        """A socket of the container's that connects to its own loopback.

        Args:
            port: where the server listens.
            family: 4 or 6.

        Raises:
            OSError: nobody listens there, or the container is gone.
        """
        found = await self._ordered(bytes((CONNECT, family)) + port.to_bytes(2, "big"))
        try:
            await _connected(found)
        except BaseException:
            found.close()
            raise
        return found

    async def listen(self, address: str, port: int) -> socket.socket:
        """A socket of the container's that listens on its loopback.

        Args:
            address: IPv4, of 127.0.0.0/8.
            port: where.

        Raises:
            OSError: it cannot listen there, or the container is gone.
        """
        place = socket.inet_aton(address) + port.to_bytes(2, "big")
        return await self._ordered(bytes((LISTEN,)) + place)

    def expect(self, count: int) -> list[asyncio.Future[socket.socket]]:
        """Sockets that the shim hands out by itself, as the frame told it; before any order."""
        loop = asyncio.get_running_loop()
        expected = [loop.create_future() for _ in range(count)]
        self._waiting.extend(expected)
        return expected

    async def _ordered(self, order: bytes) -> socket.socket:
        if self._gone:
            raise ConnectionError("its container is gone")
        came: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        self._waiting.append(came)
        try:
            self._order(order)
        except OSError:
            self._waiting.remove(came)
            raise
        return await came

    def answered(self, error: int, descriptors: list[int]) -> None:
        """One answer of the shim's."""
        came = self._waiting.popleft() if self._waiting else None
        if came is None or came.done() or not descriptors:
            for descriptor in descriptors:
                os.close(descriptor)
            if came is not None and not came.done():
                number = error or errno.EIO
                came.set_exception(OSError(number, os.strerror(number)))
            return
        came.set_result(socket.socket(fileno=descriptors[0]))

    def end(self) -> None:
        """The container is gone."""
        self._gone = True
        waiting, self._waiting = self._waiting, deque()
        for came in waiting:
            if not came.done():
                came.set_exception(ConnectionError("its container is gone"))
                came.exception()  # whoever waited may have stopped


async def _connected(made: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    made.setblocking(False)
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(made, lambda: ready.done() or ready.set_result(None))
    try:
        async with asyncio.timeout(SECONDS):
            await ready
    finally:
        loop.remove_writer(made)
    number = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))
    with contextlib.suppress(OSError):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def receive(control: socket.socket) -> tuple[bytes, list[int]]:
    """Read one answer of the shim's with the descriptors that came along.

    Raises:
        OSError: the line is gone, or nothing is there yet.
    """
    size = array.array("i").itemsize
    flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
    told, ancillary, _, _ = control.recvmsg(ANSWER, socket.CMSG_SPACE(4 * size), flags)
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % size])
    return told, list(found)


class Inside:
    """One port of a container, found on whichever loopback address the server listens.

    Args:
        dialler: of the container.
        port: where the server listens.
    """

    def __init__(self, dialler: Dialler, port: int) -> None:
        self._dialler = dialler
        self._port = port
        self._families = (4, 6)

    async def dial(self) -> socket.socket:
        """A connected socket.

        Raises:
            OSError: nobody listens there, or the container is gone.
        """
        first: OSError | None = None
        for family in self._families:
            try:
                found = await self._dialler.dial(self._port, family)
            except OSError as error:  # nobody there, or a container without IPv6
                first = first or error
            else:
                self._families = (family, *(one for one in self._families if one != family))
                return found
        raise first or OSError(errno.ECONNREFUSED, "nobody listens")
