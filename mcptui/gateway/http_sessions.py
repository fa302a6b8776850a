"""The conversations behind one HTTP endpoint: sessions of older clients, groups of modern ones.

A modern request stands alone, but a server behind the gateway may hold one conversation. So what
comes with the same credential from the same client is one group and shares its servers; others do
not. Ids are given anew here, unique over all requests, since clients count alike.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections import deque
from typing import TYPE_CHECKING

from msgspec import Raw

from mcptui.gateway.client import Client
from mcptui.gateway.http_limits import HttpLimits
from mcptui.gateway.http_request import Request
from mcptui.gateway.http_streams import LegacyStream, ModernStream, Replay
from mcptui.gateway.session import Session
from mcptui.gateway.surrogates import show
from mcptui.gateway.wire import (
    MALFORMED,
    Envelope,
    Part,
    canonical_id,
    fault_line,
    fields,
    joined,
    result_line,
)

if TYPE_CHECKING:
    from mcptui.gateway.hub import Hub

_ids = itertools.count(1)
_PRIMED = "2025-11-25"


class Conversation:
    """The front of one session: what the session says finds its way to the right response.

    Args:
        hub: the servers.
        limits: bounds.
        principal: the credential it belongs to.
        pid: of the client's process, 0 when nobody knows.
    """

    undelivered = 0
    overfull = False  # told by stream: one client's unread stream is not another's

    def __init__(self, hub: Hub, limits: HttpLimits, principal: bytes, pid: int) -> None:
        self.limits = limits
        self.principal = principal
        self.used = time.monotonic()
        self.open: dict[bytes, tuple[bytes, ModernStream | LegacyStream]] = {}
        self.client = Client("", pid)
        self.session = Session(hub, self, self.client)
        hub.sessions.append(self.session)
        hub.shares = True

    def enter(
        self, message: Envelope, size: int, shown: bytes, stream: ModernStream | LegacyStream,
        identity: bytes,
    ) -> None:  # fmt: skip
        """Take a request in.

        Args:
            message: it; gets our id.
            size: bytes it had.
            shown: its id as the client wrote it.
            stream: where its answer goes.
            identity: its id for us, from `new_id`.
        """
        self.used = time.monotonic()
        self.open[identity] = (shown, stream)
        message.id = Raw(identity)
        self.session.on_message(message, size)

    @staticmethod
    def new_id() -> bytes:
        """An id that no other request has."""
        return b"%d" % next(_ids)

    def answer(self, identity: bytes, result: Part, error: Part = b"") -> None:
        """The one answer to a request."""
        found = self.open.pop(identity, None)
        if found is None:
            return
        shown, stream = found
        line = result_line(shown, result) if result else fault_line(shown, error)
        stream.answer(show(line), error)

    def send(self, line: bytes, about: bytes = b"") -> None:
        """A notification or a question; what is about no open request is left out."""
        found = self.open.get(about)
        if found is not None:
            found[1].event(show(line))

    def shown_id(self, identity: bytes) -> bytes:
        """A request's id as the client wrote it."""
        found = self.open.get(identity)
        return identity if found is None else found[0]

    def cancel(self, identity: bytes) -> None:
        """Nobody waits for a request any more."""
        params = b'{"requestId":%b}' % identity
        self.session.on_message(Envelope("2.0", Raw(), "notifications/cancelled", Raw(params)), 0)

    @property
    def busy(self) -> bool:
        """Whether somebody waits for something here."""
        return bool(self.open) or bool(self.session.ledger.calls)

    def tick(self, now: float) -> None:
        """Called about once a second."""
        for _, stream in list(self.open.values()):
            stream.tick(now)


class Group(Conversation):
    """Modern requests of one client."""

    def __init__(self, hub: Hub, limits: HttpLimits, principal: bytes, pid: int) -> None:
        super().__init__(hub, limits, principal, pid)
        self.client.several = True

    def ask(self, message: Envelope, size: int, shown: bytes, request: Request) -> None:
        """Take a request in."""
        identity = self.new_id()
        stream = ModernStream(
            request, self.limits,
            lasting=message.method == "subscriptions/listen",
            on_gone=lambda: self.left(identity),
        )  # fmt: skip
        self.enter(message, size, shown, stream, identity)

    def left(self, identity: bytes) -> None:
        """The client closed the response: that cancels the request."""
        if self.open.pop(identity, None) is not None:
            self.cancel(identity)

    @property
    def busy(self) -> bool:
        """Whether somebody waits for something here, or is to come back to it."""
        return super().busy or any(link.calls() for link in self.session.links.values())


class LegacySession(Conversation):
    """One session of an older client."""

    def __init__(self, hub: Hub, limits: HttpLimits, principal: bytes, pid: int) -> None:
        super().__init__(hub, limits, principal, pid)
        self.id = secrets.token_urlsafe(32)
        self.replay = Replay(limits)
        self.streams: dict[int, LegacyStream] = {}
        self._by_shown: dict[bytes, bytes] = {}
        self._numbers = itertools.count(1)
        self._waiting: deque[bytes] = deque(maxlen=limits.waiting)
        self.listener: LegacyStream | None = None

    @property
    def primed(self) -> bool:
        """Whether the client can come back to a stream that said nothing yet."""
        return self.client.protocol >= _PRIMED

    def stream(self, request: Request, left: int = 1, headers: bytes = b"") -> LegacyStream:
        """A new stream for the answers to a POST."""
        stream = LegacyStream(
            next(self._numbers), request, self.replay, self.limits,
            primed=self.primed, left=left, headers=headers,
        )  # fmt: skip
        self.streams[stream.number] = stream
        return stream

    def is_open(self, shown: bytes) -> bool:
        """Whether a request of this id waits for its answer."""
        return self._by_shown.get(shown, b"") in self.open

    def ask(self, message: Envelope, size: int, shown: bytes, stream: LegacyStream) -> None:
        """Take a request in."""
        if len(self._by_shown) > 2 * len(self.open) + 64:
            self._by_shown = {own: identity for identity, (own, _) in self.open.items()}
        identity = self.new_id()
        self.enter(message, size, shown, stream, identity)
        if identity in self.open:
            self._by_shown[shown] = identity
        elif stream.done:
            self.streams.pop(stream.number, None)

    def tell(self, message: Envelope, size: int) -> None:
        """Take in what gets no answer: a notification, or an answer of the client's."""
        self.used = time.monotonic()
        if message.method == "notifications/cancelled":
            try:
                members = fields(message.params)
            except MALFORMED:
                return
            shown = canonical_id(members.get("requestId", b"null")) or b""
            identity = self._by_shown.get(shown)
            if identity is None:
                return
            message.params = Raw(joined({**members, "requestId": identity}))
            found = self.open.get(identity)
            self.session.on_message(message, size)
            if found is not None and self.open.pop(identity, None) is not None:
                self._unanswered(found[1])
            return
        self.session.on_message(message, size)

    def _unanswered(self, stream: ModernStream | LegacyStream) -> None:
        """A cancelled request gets no answer: its response ends without one."""
        if isinstance(stream, LegacyStream):
            stream.left -= 1
            if stream.left <= 0:
                stream.begin()
                stream.end()
                self.streams.pop(stream.number, None)

    def answer(self, identity: bytes, result: Part, error: Part = b"") -> None:
        """The one answer to a request."""
        found = self.open.get(identity)
        super().answer(identity, result, error)
        if found is not None and isinstance(found[1], LegacyStream) and found[1].done:
            self.streams.pop(found[1].number, None)

    def send(self, line: bytes, about: bytes = b"") -> None:
        """A notification or a question: on its request's stream, or else on the one of GET."""
        if about:
            super().send(line, about)
        elif self.listener is not None and self.listener.request is not None:
            self.listener.event(show(line))
        else:
            self._waiting.append(show(line))

    def listen(self, request: Request) -> bool:
        """Open the stream of GET; False when it is open already."""
        if self.listener is not None and self.listener.request is not None:
            return False
        if self.listener is None:
            self.listener = self._listener()
        self.listener.attach(request)
        self._catch_up(self.listener)
        return True

    def _listener(self) -> LegacyStream:
        return LegacyStream(0, None, self.replay, self.limits, primed=self.primed, left=0)

    def _catch_up(self, listener: LegacyStream) -> None:
        self.used = time.monotonic()
        while self._waiting and listener.request is not None:
            listener.event(self._waiting.popleft())

    def resume(self, request: Request, last: str) -> bool:
        """Go on with a stream after the event a client saw last.

        Returns:
            False when it is none of ours, or the stream is complete and nothing of what came
            after is kept: an empty stream would have the client come back for ever.
        """
        stream, _, number = last.partition("-")
        if not (stream.isdigit() and number.isdigit()) or len(last) > 40:
            return False
        if stream == "0":
            found = self.listener = self.listener or self._listener()
        else:
            found = self.streams.get(int(stream))
            if found is None:  # complete: what is left of it is said again
                if not self.replay.reaches(int(stream), int(number)):
                    return False
                found = LegacyStream(
                    int(stream), None, self.replay, self.limits, primed=False, left=0
                )
                found.done = True
            elif not found.streams:
                return False
        found.resume(request, int(number))
        if found is self.listener:
            self._catch_up(found)
        return True

    @property
    def connected(self) -> bool:
        """Whether the client has a stream open."""
        return self.listener is not None and self.listener.request is not None

    def tick(self, now: float) -> None:
        """Called about once a second."""
        super().tick(now)
        if self.listener is not None:
            self.listener.tick(now)

    def close(self) -> None:
        """End the streams that are left."""
        if self.listener is not None:
            self.listener.end()
        for stream in self.streams.values():
            stream.end()
