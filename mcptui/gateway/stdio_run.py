"""A gateway for one client at two descriptors, its stdin and stdout as a rule."""

from __future__ import annotations

import asyncio

from mcptui.gateway.serve import LAST_WORDS, Gateway, run_on_loop
from mcptui.gateway.session import Session
from mcptui.gateway.stdio_front import StdioFront
from mcptui.gateway.torn import whose
from mcptui.gateway.wire import INVALID_REQUEST, canonical_id, error_body

LINGER_TURNS = 10
"""Tenths of a second in which open calls may still be answered after the client's last word."""


def serve(gateway: Gateway, source: int, sink: int) -> int:
    """Serve one client until it or the system ends it.

    Args:
        gateway: loaded.
        source, sink: descriptors to read from and to write to.

    Returns:
        The exit code.
    """
    return run_on_loop(_run(gateway, source, sink))


async def _run(gateway: Gateway, source: int, sink: int) -> int:
    ended = asyncio.Event()
    reasons: list[str] = []
    hub = gateway.hub

    def gone() -> None:
        reasons.append("the client closed the connection")
        ended.set()

    def overlong(size: int, ends: bytes) -> None:
        limit = f"{hub.limits.line >> 20} MiB"
        words = f"A message of {size} bytes is over the limit of {limit}"
        identity = canonical_id(whose(ends)) or b"null"
        if identity in session.ledger.calls:
            identity = b"null"
        front.answer(identity, b"", error_body(INVALID_REQUEST, words))

    def take(line: bytes) -> None:
        session.on_line(line)

    def turn() -> None:
        front.hold("held", session.ledger.held > hub.limits.held)

    front = StdioFront(source, sink, hub.limits.line, take, overlong, gone)
    session = Session(hub, front, gateway.client)
    hub.sessions.append(session)
    gateway.begin()
    front.start()
    await gateway.keep_step(reasons, ended, turn)
    front.stop()
    if not front.broken and reasons[0].startswith("the client"):
        await _finish_open(session)

    async def last_words() -> None:
        front.finish(LAST_WORDS)

    await gateway.end(reasons[0], last_words)
    return 0


async def _finish_open(session: Session) -> None:
    """A client that sent its questions and closed still gets its answers, for a moment."""
    for _ in range(LINGER_TURNS):
        if not session.ledger.calls:
            return
        await asyncio.sleep(0.1)
