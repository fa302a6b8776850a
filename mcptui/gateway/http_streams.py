"""One request's answer over HTTP: JSON when it is all there is to say, a stream of events else.

Modern clients (2026-07-28) lose a broken stream with its request: leaving is cancelling. Older
ones may leave and come back with the id of the last event they saw, so their events are kept for
a while; what they asked goes on without them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from mcptui.gateway.http_limits import HttpLimits
from mcptui.gateway.http_request import Request
from mcptui.gateway.http_words import JSON, SSE
from mcptui.gateway.wire import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    MALFORMED,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    Part,
    decode_error,
)

COMMENT = b": still here\n\n"
RETRY_MS = 1000
_LACKS_CAPABILITY = -32021
_HEADER_MISMATCH = -32020
_STATUS = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    _HEADER_MISMATCH: 400,
    _LACKS_CAPABILITY: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}


def status_of(error: Part) -> int:
    """The HTTP status of a modern answer that is an error."""
    try:
        return _STATUS.get(decode_error(error).code, 200)
    except MALFORMED:
        return 200


class ModernStream:
    """The answer to one modern request.

    Args:
        request: it came with.
        limits: bounds.
        lasting: it is a subscription, which a client that does not read loses.
        on_gone: called when the client left before the answer.
    """

    __slots__ = ("_last", "_limits", "_on_gone", "_open", "lasting", "request")

    def __init__(
        self, request: Request, limits: HttpLimits, *, lasting: bool, on_gone: Callable[[], None]
    ) -> None:
        self.request = request
        self.lasting = lasting
        self._on_gone = on_gone
        self._limits = limits
        self._open = False
        self._last = time.monotonic()
        request.exchange = self

    def gone(self) -> None:
        """The client left."""
        self._on_gone()

    def event(self, line: bytes) -> None:
        """Something is said before the answer."""
        request = self.request
        if request.unread > self._limits.unread_bytes:
            if self.lasting and request.connection is not None:
                request.connection.drop()
            return
        self._begin()
        request.write(b"event: message\ndata: %b\n\n" % line)

    def _begin(self) -> None:
        self._last = time.monotonic()
        if not self._open:
            self._open = True
            self.request.begin(SSE)

    def answer(self, line: bytes, error: Part) -> None:
        """The answer; its status tells of an error only where nothing was sent before."""
        if self._open:
            self.request.write(b"event: message\ndata: %b\n\n" % line)
            self.request.end()
        else:
            self.request.reply(status_of(error) if error else 200, line, JSON)

    def tick(self, now: float) -> None:
        """Show a client that waits that we live, and learn whether it does."""
        if now - self._last > self._limits.comment:
            self._begin()
            self.request.write(COMMENT)


class Replay:
    """The last events of a session, for a client that comes back.

    Args:
        limits: how many.
    """

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._events: deque[tuple[int, int, bytes]] = deque()
        self._bytes = 0

    def keep(self, stream: int, number: int, line: bytes) -> None:
        """Keep one event; the oldest ones make room."""
        if len(line) > self._limits.replay_bytes:
            return
        self._events.append((stream, number, line))
        self._bytes += len(line)
        while self._bytes > self._limits.replay_bytes or len(self._events) > self._limits.replay:
            self._bytes -= len(self._events.popleft()[2])

    def reaches(self, stream: int, number: int) -> bool:
        """Whether that event of a stream, or one that came after it, is kept."""
        return any(own == stream and at >= number for own, at, _ in self._events)

    def after(self, stream: int, number: int) -> Iterator[tuple[int, bytes]]:
        """The events of a stream that came after one of its events."""
        for own, at, line in self._events:
            if own == stream and at > number:
                yield at, line


class LegacyStream:
    """The answers to one POST of an older client, or the stream of its GET.

    Args:
        number: of the stream, unique in its session.
        request: it came with; None while nobody is connected.
        replay: keeps events.
        limits: bounds.
        primed: the client can come back before the first message (2025-11-25).
        left: answers it waits for; a GET's stream waits for none and does not end by itself.
        headers: of the answer.
    """

    __slots__ = (
        "_last", "_limits", "_next", "_open", "_primed", "_replay", "began", "done", "headers",
        "left", "number", "request",
    )  # fmt: skip

    def __init__(
        self, number: int, request: Request | None, replay: Replay, limits: HttpLimits,
        *, primed: bool, left: int = 1, headers: bytes = b"",
    ) -> None:  # fmt: skip
        self.number = number
        self.request = request
        self.left = left
        self.headers = headers
        self.done = False
        self.began = self._last = time.monotonic()
        self._replay = replay
        self._limits = limits
        self._primed = primed
        self._open = False
        self._next = 0
        if request is not None:
            request.exchange = self

    @property
    def streams(self) -> bool:
        """Whether the answer became a stream of events, which a client can come back to."""
        return self._open

    def event(self, line: bytes) -> None:
        """Something is said, and kept."""
        if self.request is None and not self._open:
            return  # the client left before it knew of a stream it could come back to
        self.begin()
        self._next += 1
        self._replay.keep(self.number, self._next, line)
        self._write(self._next, line)

    def begin(self) -> None:
        """Make the answer a stream of events."""
        self._last = time.monotonic()
        if self._open or self.request is None:
            return
        self._open = True
        self.request.begin(SSE + self.headers)
        if self._primed:
            self._next += 1
            self.request.write(b"id: %d-%d\nretry: %d\ndata: \n\n" % (
                self.number, self._next, RETRY_MS,
            ))  # fmt: skip

    def _write(self, number: int, line: bytes) -> None:
        request = self.request
        if request is None:
            return
        if request.unread > self._limits.unread_bytes and request.connection is not None:
            request.connection.drop()  # it can come back for what it did not read
            return
        request.write(b"id: %d-%d\nevent: message\ndata: %b\n\n" % (self.number, number, line))

    def answer(self, line: bytes, error: Part) -> None:
        """An answer; after the last one the stream is complete."""
        self.left -= 1
        if self._open:
            self.event(line)
            if self.left <= 0:
                self.end()
        else:
            self.done = True
            if self.request is not None:
                request, self.request = self.request, None
                request.reply(200, line, JSON + self.headers)

    def end(self) -> None:
        """Nothing more will be said."""
        self.done = True
        request, self.request = self.request, None
        if request is not None:
            request.end()

    def gone(self) -> None:
        """The client left; it may come back."""
        self.request = None

    def attach(self, request: Request) -> None:
        """A client opens this stream without asking for what was said before."""
        request.exchange = self
        self.request = request
        self._open = False
        self.begin()

    def resume(self, request: Request, after: int) -> None:
        """A client came back: what it missed is said again, and the rest as it comes."""
        before, self.request = self.request, request
        if before is not None:
            before.end()
        request.exchange = self
        self._open = True
        self._last = time.monotonic()
        request.begin(SSE + self.headers)
        for number, line in self._replay.after(self.number, after):
            self._write(number, line)
        if self.done:
            self.end()

    def tick(self, now: float) -> None:
        """Turn an answer that takes long into a stream, and show that we live."""
        if not self._open and self.request is not None:
            patience = self._limits.patient if self._primed else self._limits.comment
            if now - self.began > patience:
                self.begin()
        elif self.request is not None and now - self._last > self._limits.comment:
            self._last = now
            self.request.write(COMMENT)
