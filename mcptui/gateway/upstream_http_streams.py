"""The long streams of a remote server: what it tells and asks while no call is under way.

The older protocol has one stream, opened by GET; the newer one answers `subscriptions/listen` with
a stream. Both are opened again when they break, slower each time, and never faster than twice a
second whatever the server asks for.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from mcptui.gateway.http_headers import coded
from mcptui.gateway.sse import Event, EventParser, TooLarge
from mcptui.gateway.upstream_http_client import NeedsSignIn, Trouble, chunks, media_type
from mcptui.gateway.upstream_http_exchange import (
    EVENTS,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Exchange,
    Outgoing,
    Peer,
    SessionGone,
    flat,
)
from mcptui.gateway.wire import (
    MALFORMED,
    decode_envelope,
    encode,
    fields,
    notification_line,
    request_line,
    texts,
)

if TYPE_CHECKING:
    import httpx

SHORTEST_PAUSE = 0.5
LIVED = 10.0
"""Seconds after which a stream counts as one that worked."""
_CHANGES = {
    "toolsListChanged": "notifications/tools/list_changed",
    "promptsListChanged": "notifications/prompts/list_changed",
    "resourcesListChanged": "notifications/resources/list_changed",
}
Deliver = Callable[[bytes], None]


class Pauses:
    """How long to wait before a stream is opened again."""

    def __init__(self) -> None:
        self._next = SHORTEST_PAUSE
        self._began = 0.0
        self._events = False

    def begin(self) -> None:
        """A stream is opened now."""
        self._began = asyncio.get_running_loop().time()
        self._events = False

    def event(self) -> None:
        """Something came on it."""
        self._events = True

    async def wait(self, asked: float | None) -> None:
        """Wait after its end.

        Args:
            asked: what the server asked for, seconds.
        """
        lived = asyncio.get_running_loop().time() - self._began
        if self._events or lived > LIVED:
            self._next = SHORTEST_PAUSE
        pause = max(self._next, FIRST_PAUSE if asked is None else asked)
        self._next = min(2 * self._next, LONGEST_PAUSE)
        await asyncio.sleep(min(pause, LONGEST_PAUSE) * random.uniform(1.0, 1.2))  # noqa: S311


async def hear(peer: Peer, deliver: Deliver, overlong: Callable[[int], None]) -> None:
    """Hear what a server of the older protocol says by itself, until it has no such stream.

    Raises:
        SessionGone: it no longer knows the session.
    """
    before: EventParser | None = None
    pauses = Pauses()

    def take(event: Event) -> None:
        pauses.event()
        if event.kind == "message" and event.data:
            deliver(flat(event.data))

    while True:
        headers = {"Accept": EVENTS, **peer.terms.headers()}
        if before is not None and before.last_id:
            headers["Last-Event-ID"] = coded(before.last_id)
        parser = EventParser(take, peer.terms.limit)
        parser.go_on(before)
        pauses.begin()
        try:
            async with peer.site.ask("GET", headers) as response:
                if not _is_stream(response, peer):
                    return
                await _feed(response, parser)
            before = parser
        except TooLarge as error:
            overlong(error.size)
            before = None  # it would come again
        except (NeedsSignIn, SessionGone):
            raise
        except Trouble:
            before = parser
        await pauses.wait(parser.retry)


def _is_stream(response: httpx.Response, peer: Peer) -> bool:
    if response.status_code == 404 and peer.terms.session:
        raise SessionGone("the server ended the session", 404)
    if response.status_code >= 500:
        raise Trouble("the server has no stream now", response.status_code)
    return response.status_code == 200 and media_type(response) == EVENTS


async def _feed(response: httpx.Response, parser: EventParser) -> None:
    async with aclosing(chunks(response)) as pieces:
        async for chunk in pieces:
            parser.feed(chunk)


async def listen(peer: Peer, sent: Outgoing, deliver: Deliver) -> None:
    """Keep a `subscriptions/listen` open.

    What was missed between two streams is made good by notices of change, which make the gateway
    look for itself.

    Raises:
        Trouble: the server does not take the first one.
    """
    acknowledged = False
    pauses = Pauses()
    again = 0

    def take(line: bytes) -> None:
        nonlocal acknowledged
        pauses.event()
        method = _method(line)
        if method == "notifications/subscriptions/acknowledged":
            acknowledged = True
            if again:
                for missed in _missed(sent):
                    deliver(missed)
                return
        if method or not again:
            deliver(line)

    current = sent
    while True:
        pauses.begin()
        exchange = Exchange(peer, current, take)
        try:
            await exchange.run()
        except (NeedsSignIn, SessionGone):
            raise
        except Trouble:
            if not acknowledged:
                raise
        if exchange.refused:
            return
        await pauses.wait(None)
        again += 1
        identity = encode(f"{sent.identity.decode()}-again-{again}")
        line = request_line(identity, sent.message.method, sent.message.params)
        current = Outgoing.of(line)


def _method(line: bytes) -> str:
    with contextlib.suppress(*MALFORMED):
        return decode_envelope(line).method
    return ""


def _missed(sent: Outgoing) -> list[bytes]:
    try:
        wanted = fields(sent.members.get("notifications", b"{}"))
        uris = texts(wanted.get("resourceSubscriptions", b"[]"))
    except MALFORMED:
        return []
    lines = [notification_line(method) for key, method in _CHANGES.items() if key in wanted]
    updated = "notifications/resources/updated"
    return lines + [notification_line(updated, encode({"uri": uri})) for uri in uris]
