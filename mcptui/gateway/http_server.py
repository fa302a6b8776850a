"""The listener of the HTTP front: an address of this machine, its connections and their bounds.

Loopback or a unix socket of its user's; another address only where that was asked for in so many
words. Connections above the limit push out the one that has been idle for longest.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import ipaddress
import os
import socket
import stat
import struct
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from mcptui.errors import McptuiError, UsageError
from mcptui.gateway.http_limits import HttpLimits
from mcptui.gateway.http_request import Handler
from mcptui.gateway.http_wire import Connection

BACKLOG = 256
_LONGEST_SOCKET = 100


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a socket's path, or a host and a port."""

    path: Path | None = None
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str, *, remote: bool = False) -> Address:
        """Read `HOST:PORT`, `PORT` or `unix:PATH`.

        Args:
            text: as a person wrote it.
            remote: other machines may connect.

        Raises:
            UsageError: it is none, or not of this machine alone.
        """
        if text.startswith("unix:"):
            path = Path(text.removeprefix("unix:")).expanduser().absolute()
            if len(os.fsencode(path)) > _LONGEST_SOCKET or not path.name:
                raise UsageError("This is no path for a socket", fix="Choose a shorter path")
            return cls(path=path)
        host, _, port = text.rpartition(":")
        host = host.strip("[]") or "127.0.0.1"
        if host == "localhost":
            host = "127.0.0.1"
        try:
            number, address = int(port), ipaddress.ip_address(host)
        except ValueError:
            number, address = -1, ipaddress.ip_address("127.0.0.1")
        if not 0 <= number < 65536:
            raise UsageError(
                f"{text[:100]!r} is no address to listen at", fix="Say 127.0.0.1:8080 or unix:PATH"
            )
        if not address.is_loopback and not remote:
            raise UsageError(
                f"{host} can be reached from other machines",
                "whoever reaches the gateway can use your servers",
                "Listen at 127.0.0.1, or say --allow-remote if you mean it",
            )
        return cls(host=str(address), port=number)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.path is not None or ipaddress.ip_address(self.host).is_loopback

    def url(self) -> str:
        """The endpoint's address for clients."""
        if self.path is not None:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/mcp"


class HttpServer:
    """All connections at one address.

    Args:
        limits: bounds.
        handler: answers requests.
    """

    def __init__(self, limits: HttpLimits, handler: Handler) -> None:
        self.limits = limits
        self.handler = handler
        self.connections: set[Connection] = set()
        self._bytes = 0
        self._server: asyncio.Server | None = None
        self._unix = False
        self._made: tuple[Path, int] | None = None

    async def listen(self, address: Address) -> Address:
        """Begin to accept; returns the address with the port that was chosen.

        Raises:
            McptuiError: somebody else listens there, or the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        listening = open_socket(address)
        if address.path is not None:
            self._unix = True
            self._made = (address.path, address.path.stat().st_ino)
            self._server = await loop.create_unix_server(self._connection, sock=listening)
            return address
        self._server = await loop.create_server(self._connection, sock=listening, backlog=BACKLOG)
        return Address(None, address.host, listening.getsockname()[1])

    def _connection(self) -> Connection:
        return Connection(self)

    def room_for(self, connection: Connection) -> bool:
        """A connection was made; whether it may stay."""
        self.connections.add(connection)
        if self._unix:
            connection.pid = _peer(connection)
        if len(self.connections) <= self.limits.connections:
            return True
        idle = [other for other in self.connections if other.idle and other is not connection]
        if not idle:
            return False
        min(idle, key=lambda other: other.since).drop()
        return True

    def left(self, connection: Connection) -> None:
        """A connection is no more."""
        self.connections.discard(connection)

    def take(self, size: int) -> bool:
        """Count bytes of bodies that are kept; False when there are too many."""
        if size > 0 and self._bytes + size > self.limits.bodies:
            return False
        self._bytes += size
        return True

    def sweep(self) -> None:
        """End what takes too long."""
        now = time.monotonic()
        for connection in list(self.connections):
            connection.sweep(now)

    async def close(self, seconds: float) -> None:
        """Accept no more, let what is written leave, and end."""
        if self._server is not None:
            self._server.close()
        if self._made is not None:
            with contextlib.suppress(OSError):
                if self._made[0].lstat().st_ino == self._made[1]:
                    self._made[0].unlink()
        for connection in list(self.connections):
            connection.close()
        until = time.monotonic() + seconds
        while self.connections and time.monotonic() < until:
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.drop()
        await asyncio.sleep(0)


def _peer(connection: Connection) -> int:
    """The process at the other end of a unix socket, 0 where the system does not tell."""
    found = connection.transport.get_extra_info("socket") if connection.transport else None
    option = getattr(socket, "SO_PEERCRED", None)
    if found is None or option is None:
        return 0
    try:
        with socket.socket(fileno=os.dup(found.fileno())) as own:
            raw = own.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    except OSError:
        return 0
    pid: int = struct.unpack("3i", raw)[0]
    return pid


def open_socket(address: Address) -> socket.socket:
    """A socket that listens at an address.

    Raises:
        McptuiError: somebody else listens there, or the address cannot be had.
    """
    if address.path is not None:
        return _unix_at(address.path)
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address.host, address.port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise McptuiError(
            f"The gateway cannot listen at {address.host}:{address.port}",
            str(error.strerror or error),
            "Choose another port; 0 takes a free one",
        ) from error
    made.setblocking(False)
    return made


def _unix_at(path: Path) -> socket.socket:
    """A socket that only its user can reach; one that nobody answers at is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = path.parent.stat()
    if folder.st_uid != os.getuid() or folder.st_mode & 0o077:
        raise McptuiError(
            f"The folder {path.parent} is open to others",
            "whoever can reach the socket could put another in its place",
            f"chmod 700 {path.parent}, or choose another folder",
        )
    with _alone(path.parent):
        _clear(path)
        return _bound(path)


@contextlib.contextmanager
def _alone(folder: Path) -> Generator[None]:
    """One gateway at a time: another's new socket that does not listen yet looks like a stale one.

    The kernel lets go of the lock when its holder dies.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _bound(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise McptuiError(
            f"The gateway cannot listen at {path}", str(error.strerror or error)
        ) from error
    finally:
        os.umask(before)
    made.setblocking(False)
    return made


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise McptuiError(f"{path} is no socket", "it is not replaced", "Choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError:
            pass
    raise McptuiError(
        f"Another gateway listens at {path}", "one answered there", "Choose another path"
    )
