"""The fixed words of HTTP answers: heads and small refusals as bytes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from mcptui.gateway.wire import encode, fault_line

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
JSON = b"Content-Type: application/json\r\n"
SSE = (
    b"Content-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
    b"X-Accel-Buffering: no\r\n"
)


@lru_cache(64)
def _status(status: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\nCache-Control: no-store\r\n" % (
        status,
        HTTPStatus(status).phrase.encode(),
    )


@lru_cache(1)
def _date(second: int) -> bytes:
    return b"Date: %b\r\n" % formatdate(second, usegmt=True).encode()


def head(status: int, size: int | None, headers: bytes, *, stay: bool, old: bool) -> bytes:
    """The head of an answer.

    Args:
        status: of RFC 9110.
        size: bytes of the body, None when nobody knows yet.
        headers: further lines, each with its end.
        stay: whether the connection goes on after it.
        old: the client speaks HTTP/1.0.
    """
    if size is not None:
        length = b"Content-Length: %d\r\n" % size if status != 204 else b""
    else:
        length = b"" if old else b"Transfer-Encoding: chunked\r\n"
    if not stay:
        length += b"Connection: close\r\n"
    elif old:
        length += b"Connection: keep-alive\r\n"
    first = _status(status) if b"Cache-Control" not in headers else _bare(status)
    return b"%b%b%b%b\r\n" % (first, _date(int(time.time())), headers, length)


@lru_cache(16)
def _bare(status: int) -> bytes:
    return _status(status).partition(b"Cache-Control")[0]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is given without looking at the body.

    Args:
        status: of RFC 9110.
        body: JSON.
        headers: lines, each with its end.
    """

    status: int
    body: bytes
    headers: bytes = JSON


def plain(status: int, text: str, headers: bytes = b"", **more: object) -> Refusal:
    """A refusal that is no JSON-RPC: what is wrong, and what to do."""
    body = encode({"error": HTTPStatus(status).phrase, "message": text, **more})
    return Refusal(status, body, JSON + headers)


def rpc(status: int, error: bytes, identity: bytes = b"null", headers: bytes = b"") -> Refusal:
    """A refusal in the words of JSON-RPC."""
    return Refusal(status, fault_line(identity, error), JSON + headers)
