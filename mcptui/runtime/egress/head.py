"""The first lines of a request to the proxy: CONNECT, or plain HTTP with a whole address.

Strict, because two programs that read one request differently are a way around a rule: one space
between words, one Host, lines that end as RFC 9112 says, nothing that could frame a body twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LIMIT = 16 << 10
"""Bytes of a request's head."""
_CONNECT = re.compile(
    rb"CONNECT (\[[0-9a-fA-F:.]{2,45}\]|[^\s:/@\[\]]{1,255}):(\d{1,5}) HTTP/1\.[01]"
)
_PLAIN = re.compile(
    rb"([A-Z]{3,10}) (?:http://(\[[0-9a-fA-F:.]{2,45}\]|[^\s:/@\[\]?#]{1,255})(?::(\d{1,5}))?)?"
    rb"((?:/|\?)[\x21-\x7e]*)? HTTP/1\.1"
)
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")
_HOP = (
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authorization",
    b"upgrade",
    b"te",
)


class BadHead(Exception):
    """A request that is not passed on; says why.

    Args:
        why: in words.
        status: the HTTP status for it.
    """

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """What a request wants.

    Args:
        connect: a tunnel; otherwise one plain HTTP request.
        host, port: as it names them; not normalised.
        size: bytes of the head.
        onward: a plain request's head as the server gets it.
        body: bytes of a plain request's body.
    """

    connect: bool
    host: str
    port: int
    size: int
    onward: bytes = b""
    body: int = 0


def read_head(data: bytes | bytearray) -> Head | None:
    """Read a request's head; None when more has to come.

    Raises:
        BadHead: it is not passed on.
    """
    end = data.find(b"\r\n\r\n", 0, LIMIT)
    if end < 0:
        if len(data) >= LIMIT:
            raise BadHead("its request does not end", 431)
        return None
    first, *rest = bytes(data[:end]).split(b"\r\n")
    size = end + 4
    if found := _CONNECT.fullmatch(first):
        return Head(True, found[1].decode("latin-1"), _port(found[2]), size)
    found = _PLAIN.fullmatch(first)
    if found is None:
        raise BadHead("it is neither CONNECT nor a plain HTTP/1.1 request", 405)
    fields = _fields(rest)
    host, port = _host(fields)
    if found[2] is not None:
        named, at = found[2].decode("latin-1"), _port(found[3] or b"80")
        if (named.lower(), at) != (host.lower(), port):
            raise BadHead("its address and its Host name two machines")
    path = found[4] or b"/"
    onward = _onward(found[1] + b" " + (b"/" + path if path[:1] == b"?" else path), fields)
    return Head(False, host, port, size, onward, _body(fields))


def _port(digits: bytes) -> int:
    port = int(digits)
    if not 0 < port < 65536:
        raise BadHead("its port is none")
    return port


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise BadHead("a line of its request is bent")
        fields.append((found[1].lower(), line))
    return fields


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [line.partition(b":")[2].strip() for key, line in fields if key == name]


def _host(fields: list[tuple[bytes, bytes]]) -> tuple[str, int]:
    hosts = _values(fields, b"host")
    if len(hosts) != 1:
        raise BadHead("it has not exactly one Host")
    name, colon, port = hosts[0].rpartition(b":") if hosts[0][-1:] != b"]" else (b"", b"", b"")
    if not colon:
        return hosts[0].decode("latin-1"), 80
    if not re.fullmatch(rb"\d{1,5}", port):
        raise BadHead("its Host is bent")
    return name.decode("latin-1"), _port(port)


def _body(fields: list[tuple[bytes, bytes]]) -> int:
    if _values(fields, b"transfer-encoding"):
        raise BadHead("a body of unknown length is not passed on over plain HTTP", 411)
    sizes = _values(fields, b"content-length")
    if not sizes:
        return 0
    if len(sizes) > 1 or not re.fullmatch(rb"\d{1,15}", sizes[0]):
        raise BadHead("its Content-Length is bent")
    return int(sizes[0])


def _onward(line: bytes, fields: list[tuple[bytes, bytes]]) -> bytes:
    """One request and no second one: the next may be for another host."""
    kept = [text for name, text in fields if name not in _HOP]
    return b"\r\n".join((line + b" HTTP/1.1", *kept, b"Connection: close", b"", b""))
