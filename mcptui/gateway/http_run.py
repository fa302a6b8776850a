"""A gateway for many clients over HTTP: the listener beside the process and its servers."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import Callable

from mcptui.gateway.http_checks import Admission
from mcptui.gateway.http_front import HttpFront
from mcptui.gateway.http_limits import HttpLimits
from mcptui.gateway.http_request import Request
from mcptui.gateway.http_server import Address, HttpServer
from mcptui.gateway.http_words import Refusal, plain
from mcptui.gateway.serve import LAST_WORDS, Gateway, run_on_loop

SECOND = 1.0
_FILES = 4096


def serve_http(
    gateway: Gateway,
    address: Address,
    matches: Callable[[str], bool] | None,
    limits: HttpLimits,
    told: Callable[[Address], object],
) -> int:
    """Serve until the system ends it.

    Args:
        gateway: loaded.
        address: where to listen.
        matches: whether a bearer token is the right one; None asks for none.
        limits: bounds of the front.
        told: called with the address once clients may come; its port is the one that was chosen.

    Returns:
        The exit code.

    Raises:
        McptuiError: the address cannot be had.
    """
    return run_on_loop(_run(gateway, address, matches, limits, told))


async def _run(
    gateway: Gateway,
    address: Address,
    matches: Callable[[str], bool] | None,
    limits: HttpLimits,
    told: Callable[[Address], object],
) -> int:
    _raise_files()
    gateway.hub.shares = True
    gateway.hub.rebind()
    late = _Late()
    server = HttpServer(limits, late)
    listening = await server.listen(address)
    principal = b"unix" if address.path is not None else b"token" if matches else b"anyone"

    def credential(pid: int) -> bytes:
        return b"%b:%d" % (principal, pid) if pid else principal

    front = HttpFront(gateway.hub, limits, Admission(listening, matches), credential)
    late.front = front
    gateway.client.name = gateway.client.name or f"HTTP {listening.url()}"
    gateway.begin()
    # After the signals are ours: whoever reads the address may end us in the same moment.
    asyncio.get_running_loop().call_soon(told, listening)
    next_sweep = time.monotonic() + SECOND

    def turn() -> None:
        nonlocal next_sweep
        now = time.monotonic()
        if now >= next_sweep:
            next_sweep = now + SECOND
            server.sweep()
            front.sweep()

    reasons: list[str] = []
    await gateway.keep_step(reasons, asyncio.Event(), turn)
    front.end()

    async def last_words() -> None:
        front.close()
        await server.close(LAST_WORDS)

    await gateway.end(reasons[0], last_words)
    return 0


class _Late:
    """Stands at the listener until the front, which must know the port, is made."""

    front: HttpFront | None = None

    def admit(self, request: Request) -> Refusal | None:
        """Judge a request by its head."""
        return plain(503, "Not yet") if self.front is None else self.front.admit(request)

    def serve(self, request: Request) -> None:
        """Answer a request that came whole."""
        if self.front is not None:
            self.front.serve(request)

    def gone(self, request: Request) -> None:
        """A client left before its answer was complete."""
        if self.front is not None:
            self.front.gone(request)


def _raise_files() -> None:
    """Each connection and each server takes descriptors, and the usual bound is low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
