"""HTTP/1.1 on one connection: requests in, one at a time, and their responses out.

A protocol of the event loop over the C parser `httptools` (llhttp, strict): no task per connection
or request. Everything a client can do to cost us something has a bound here: the size and number
of headers, the body, the time each part may take, requests sent ahead of their turn, and answers
that are not read. What is not HTTP as RFC 9112 has it ends the connection.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol, cast

import httptools

from mcptui.gateway.http_limits import HttpLimits
from mcptui.gateway.http_request import Handler, Request
from mcptui.gateway.http_words import CONTINUE, Refusal, head, plain

HEAD_BYTES = 32 << 10
HEADERS = 100
AHEAD = 32
"""Requests a client may send before it has the answers to those before."""
EARLY = 1 << 20
"""A refused request's body is read to its end up to this size, so that the connection goes on."""
LINGER_SECONDS = 2.0
_FATAL = (400, 413, 501)
"""Answers to heads that make all that follows doubtful."""
_JOIN = 64 << 10


class Pool(Protocol):
    """What the connections of one listener share."""

    limits: HttpLimits
    handler: Handler

    def room_for(self, connection: Connection) -> bool:
        """A connection was made; whether it may stay."""
        ...

    def left(self, connection: Connection) -> None:
        """It is no more."""

    def take(self, size: int) -> bool:
        """Count bytes of bodies that are kept; False when there are too many. Negative: let go."""
        ...


class Connection(asyncio.Protocol):
    """One client's connection.

    Args:
        pool: what it shares with the others.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.limits = pool.limits
        self.transport: asyncio.Transport | None = None
        self.since = time.monotonic()
        self.current: Request | None = None
        self.pid = 0
        self._parser = httptools.HttpRequestParser(self)
        self._incoming: Request | None = None
        self._in_body = False
        self._offered = False
        self._queue: deque[Request] = deque()
        self._paused = False
        self._closing = False
        self._fault: Refusal | None = None
        self._stuck = (0, 0.0)

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self.transport = cast("asyncio.Transport", transport)
        if not self.pool.room_for(self):
            self._refuse(plain(503, "Too many connections", b"Retry-After: 5\r\n"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left, or we closed."""
        self.transport = None
        self._closing = True
        self.pool.left(self)
        waiting = [self.current, self._incoming, *self._queue]
        current, self.current, self._incoming = self.current, None, None
        self._queue.clear()
        for request in waiting:
            if request is not None:
                request.connection = None
                self._let_go(request)
        if current is not None:
            self.pool.handler.gone(current)

    def eof_received(self) -> bool:
        """A client that closes its side is gone: nobody can tell it from one that died."""
        return False

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._closing:
            return
        if self._incoming is None:
            self.since = time.monotonic()
        elif not self._account(self._incoming, len(data)):
            self._refuse(self._fault)
            return
        try:
            while data:
                data = self._feed(data)
        except httptools.HttpParserError as error:
            if self._fault is None:
                self._fault = plain(400, f"Not HTTP: {error}"[:200])
        if self._fault is not None:
            self._refuse(self._fault)

    def _feed(self, data: bytes) -> bytes:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._pass_over()
            return data[upgrade.args[0] :]
        return b""

    def _pass_over(self) -> None:
        """An offer of another protocol: the parser took the head for all of the request, so a new
        one is told of its body alone."""
        request = self._incoming
        self._parser = httptools.HttpRequestParser(self)
        if request is None:
            return
        self._offered = True
        lines = [
            b"%b: %b\r\n" % (name, request.headers[name])
            for name in (b"content-length", b"transfer-encoding")
            if name in request.headers
        ]
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(lines))

    def _account(self, request: Request, size: int) -> bool:
        request.fed += size
        if not self._in_body and request.fed > HEAD_BYTES:
            self._fault = plain(431, "The headers are too large")
        elif request.fed > 2 * self.limits.body + HEAD_BYTES:
            self._fault = plain(413, "The body is too large")
        return self._fault is None

    # The parser

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._offered:
            return
        self._incoming = Request(self)
        self._in_body = False

    def on_url(self, url: bytes) -> None:
        """The target, or a part of it."""
        if self._incoming is not None and not self._offered:
            self._incoming.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; those after the body are not kept."""
        request = self._incoming
        if request is None or self._in_body or self._fault is not None:
            return
        name, value = name.lower(), value.strip(b" \t")  # RFC 9110, 5.5: not part of a value
        headers = request.headers
        if name in headers:
            request.doubled.add(name)
            headers[name] += b", " + value
        else:
            headers[name] = value
        request.fed += len(name) + len(value)
        if len(headers) > HEADERS or request.fed > HEAD_BYTES:
            self._fault = plain(431, "The headers are too many or too large")

    def on_headers_complete(self) -> None:
        """The head is whole: it is judged before a byte of the body is kept."""
        request = self._incoming
        if request is None or self._fault is not None:
            return
        if self._offered:
            self._offered = False
            return
        self._offered = self._parser.should_upgrade()
        self._in_body = True
        request.fed = 0
        self.since = time.monotonic()
        request.method = self._parser.get_method()
        request.old = self._parser.get_http_version() != "1.1"
        request.stay = self._parser.should_keep_alive()
        size = request.headers.get(b"content-length", b"")
        refusal = self.pool.handler.admit(request)
        if refusal is None and size and int(size) > self.limits.body:
            refusal = plain(413, f"The body is over the limit of {self.limits.body} bytes")
        request.refusal = refusal
        expects = request.headers.get(b"expect", b"").lower() == b"100-continue"
        if refusal is not None and (expects or (size and int(size) > EARLY)):
            self._fault = refusal
        elif expects and self.current is None and not request.old:
            self.write(CONTINUE, b"")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        request = self._incoming
        if request is None or self._fault is not None or request.refusal is not None:
            return
        if request.kept + len(body) > self.limits.body:
            self._fault = plain(413, f"The body is over the limit of {self.limits.body} bytes")
        elif not self.pool.take(len(body)):
            self._fault = plain(503, "Too much is being sent at once", b"Retry-After: 2\r\n")
        else:
            request.kept += len(body)
            request.parts.append(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        if self._offered:
            return
        request, self._incoming = self._incoming, None
        if request is None or self._fault is not None:
            return
        parts, request.parts = request.parts, []
        request.body = parts[0] if len(parts) == 1 else b"".join(parts)
        if self.current is None:
            self._serve(request)
            return
        self._queue.append(request)
        if len(self._queue) > AHEAD:
            self._fault = plain(429, "Too many requests ahead of their turn")
        elif not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()

    # Answers

    def _serve(self, request: Request) -> None:
        self.current = request
        refusal = request.refusal
        if refusal is not None:
            close = refusal.status in _FATAL
            request.reply(refusal.status, refusal.body, refusal.headers, close=close)
            return
        self.pool.handler.serve(request)

    def write(self, start: bytes, body: bytes) -> None:
        """Send bytes; small pieces leave as one."""
        transport = self.transport
        if transport is None:
            return
        if len(body) < _JOIN:
            transport.write(start + body)
        else:
            transport.writelines((start, body))

    def done(self, request: Request) -> None:
        """A response is complete: the next request has its turn."""
        request.connection = None
        self._let_go(request)
        if self.current is not request:
            return
        self.current = None
        self.since = time.monotonic()
        if not request.stay:
            self.close()
        elif self._queue:
            self._serve(self._queue.popleft())
        elif self._paused and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()

    def _let_go(self, request: Request) -> None:
        if request.kept:
            self.pool.take(-request.kept)
            request.kept = 0
        request.body = b""

    def _refuse(self, refusal: Refusal | None) -> None:
        """Answer what cannot be read on, and close without the answer being lost."""
        if refusal is None or self._closing:
            return
        self._closing = True
        transport = self.transport
        if self._incoming is not None:
            self._let_go(self._incoming)
        if transport is None:
            return
        if self.current is None:
            start = head(refusal.status, len(refusal.body), refusal.headers, stay=False, old=False)
            transport.write(start + refusal.body)
            self.since = time.monotonic()
            if transport.can_write_eof():
                transport.write_eof()
                return  # what still comes is thrown away until the client closes or time is up
        transport.close()

    def close(self) -> None:
        """Take nothing more; what is written still leaves."""
        self._closing = True
        self.since = time.monotonic()
        if self.transport is not None:
            self.transport.close()

    def drop(self) -> None:
        """End at once."""
        self._closing = True
        if self.transport is not None:
            self.transport.abort()

    # Time

    @property
    def idle(self) -> bool:
        """Whether nothing is going on."""
        return self.current is None and self._incoming is None and not self._closing

    def unread(self) -> int:
        """Bytes that wait for the client to take them."""
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def sweep(self, now: float) -> None:
        """End what takes too long; called about once a second."""
        transport, limits, age = self.transport, self.limits, now - self.since
        if transport is None:
            return
        size = transport.get_write_buffer_size()
        if size and size >= self._stuck[0] > 0:
            if now - self._stuck[1] > limits.unread:
                transport.abort()
                return
        else:
            self._stuck = (size, now)
        if self._closing:
            if age > LINGER_SECONDS and not size:
                transport.abort()
        elif self._incoming is not None:
            if age > (limits.receive if self._in_body else limits.head):
                self._refuse(plain(408, "The request took too long"))
        elif self.current is None and age > limits.keep_alive:
            self.close()
