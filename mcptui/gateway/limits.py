"""How long and how much: every bound of the gateway in one place. Seconds, bytes and counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one gateway.

    Args:
        line: bytes of one message, from either side.
        in_flight: calls one client may have open.
        held: bytes of open requests after which the client is not read until some are answered.
        unread: bytes a server may leave unread; then it gets no further calls, until it reads.
        undelivered: bytes of answers a client may leave unread; then it gets short errors instead.
        lists: bytes of one list, all pages.
        tools: tools of one server that are remembered, those it has no longer included.
        probe: seconds an unknown server may take for `server/discover` before `initialize` is
            tried as well.
        start: seconds from the start of a container to the end of the handshake.
        question: seconds for each of our own questions to a server (lists, subscriptions).
        call: seconds a call may take without progress.
        call_at_most: seconds a call may take in all.
        asked: seconds a client may take to answer what a server asks it.
        rounds: times a server may ask back during one call.
        pages, items: of one list.
        definition: bytes of one tool, prompt or resource in a list.
        quick_death: a server that lives shorter than this counts as one that cannot run.
        deaths: quick deaths in a row after which a server is not started again.
        backoff: seconds before the second start; doubled for each one after.
        stop: seconds a server gets to end politely.
        end: seconds from the end of the client to the end of the gateway, servers included.
        kept: seconds a call stays in the record.
        idle: seconds after which a server that nobody used is stopped, 0 for never.
        idle_stateless: the same for servers that lose nothing by it.
        containers: servers one gateway may run at once.
        containers_all: servers all gateways of this user may run at once, about.
        room: seconds a start waits for room when there are too many.
        warm_at_once: servers started at once before anybody calls them.
    """

    line: int = 64 << 20
    in_flight: int = 512
    held: int = 128 << 20
    unread: int = 64 << 20
    undelivered: int = 256 << 20
    lists: int = 16 << 20
    tools: int = 5000
    probe: float = 5.0
    start: float = 60.0
    question: float = 30.0
    call: float = 300.0
    call_at_most: float = 3600.0
    asked: float = 600.0
    rounds: int = 10
    pages: int = 100
    items: int = 2000
    definition: int = 256 << 10
    quick_death: float = 10.0
    deaths: int = 3
    backoff: float = 0.5
    stop: float = 0.7
    end: float = 4.0
    kept: float = 30 * 86_400.0
    idle: float = 3600.0
    idle_stateless: float = 900.0
    containers: int = 40
    containers_all: int = 120
    room: float = 20.0
    warm_at_once: int = 2
