"""Network namespaces that end with the test: each is held by a thread, so nothing has a name on
this machine and nothing is left when the process dies, however it dies.

A namespace belongs to a thread, what the thread starts inherits it, and a socket stays in the
namespace it was made in, whoever uses it. So a loop, a program or a gateway is put into a
namespace by starting it from that thread.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import queue
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from tests.tools import programs

Result = TypeVar("Result")
_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_MOUNTS, _NEW_NETWORK = 0x00020000, 0x40000000
_BIND, _PRIVATE, _ALL = 0x1000, 1 << 18, 0x4000
_SECONDS = 120.0
"""A piece of work in a namespace may take."""


class Namespace:
    """A network of its own, with nothing but `lo` until cables are laid.

    Args:
        name: for messages.
        resolv_conf: what programs in it find as /etc/resolv.conf; the machine's own without.
    """

    def __init__(self, name: str, resolv_conf: Path | None = None) -> None:
        programs()
        self.name = name
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        made: Future[int] = Future()
        self._thread = threading.Thread(
            target=self._live, args=(made, resolv_conf), name=f"namespace {name}", daemon=True
        )
        self._thread.start()
        self.path = f"/proc/{os.getpid()}/task/{made.result(_SECONDS)}/ns/net"
        self.ip("link", "set", "lo", "up")
        for devices in ("all", "default"):
            # Else an address of IPv6 is of no use for the seconds in which others might object.
            self.setting(f"ipv6/conf/{devices}/accept_dad", "0")

    def _live(self, made: Future[int], resolv_conf: Path | None) -> None:
        try:
            _must(_LIBC.unshare(_NEW_NETWORK), "unshare")
            if resolv_conf is not None:
                _must(_LIBC.unshare(_NEW_MOUNTS), "unshare")
                _must(_LIBC.mount(None, b"/", None, _PRIVATE | _ALL, None), "mount")
                source = os.fsencode(resolv_conf)
                target = os.fsencode(Path("/etc/resolv.conf").resolve())
                _must(_LIBC.mount(source, target, None, _BIND, None), "mount")
            made.set_result(threading.get_native_id())
        except BaseException as error:
            made.set_exception(error)
            return
        while (work := self._work.get()) is not None:
            work()

    def do(self, call: Callable[[], Result]) -> Result:
        """Run something in this network; other threads and programs it starts are in it too."""
        done: Future[Result] = Future()

        def work() -> None:
            try:
                done.set_result(call())
            except BaseException as error:
                done.set_exception(error)

        self._work.put(work)
        return done.result(_SECONDS)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on a loop of its own, in this network."""
        return self.do(lambda: asyncio.run(work))

    def ip(self, *words: str) -> None:
        """Run iproute2's `ip` in it."""
        self.do(lambda: subprocess.run(["ip", *words], check=True, capture_output=True))

    def setting(self, name: str, value: str) -> None:
        """Set one of the kernel's settings below /proc/sys/net, of this network alone."""
        self.do(lambda: Path("/proc/sys/net", name).write_text(value))

    def listen(self, address: str, port: int) -> socket.socket:
        """A listening TCP socket in it."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return self.do(lambda: socket.create_server((address, port), family=family))

    def datagrams(self, address: str, port: int) -> socket.socket:
        """A bound UDP socket in it."""

        def make() -> socket.socket:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            made = socket.socket(family, socket.SOCK_DGRAM)
            made.bind((address, port))
            return made

        return self.do(make)

    def cable(self, mine: str, other: Namespace, theirs: str) -> None:
        """Lay a cable to another network, an interface at each end."""
        ends = ("type", "veth", "peer", "name", theirs, "netns", other.path)
        self.ip("link", "add", mine, *ends)
        self.ip("link", "set", mine, "up")
        other.ip("link", "set", theirs, "up")

    def close(self) -> None:
        """End it; what still runs in it keeps it."""
        self._work.put(None)
        self._thread.join(5)


def _must(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}; tests of networks run as root")
