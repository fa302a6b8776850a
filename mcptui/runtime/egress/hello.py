"""The name a TLS client asks for, read from its ClientHello (RFC 8446 §4.1.2, RFC 6066 §3).

The message may come in any number of TCP segments and TLS records; it is put together before it
is looked at. Whatever is not exactly a ClientHello is not TLS.
"""

from __future__ import annotations

from typing import NamedTuple

LIMIT = 64 << 10
"""Bytes of a ClientHello with its records; real ones have less than 4 KiB."""
_RECORD_LIMIT = (1 << 14) + 256
_CLIENT_HELLO = 1
_SERVER_NAME, _ENCRYPTED_HELLO = 0, 0xFE0D


class NotTls(Exception):
    """What came is no ClientHello; says why."""


class Hello(NamedTuple):
    """What a ClientHello asks for.

    Args:
        name: the server name, "" when it says none.
        encrypted: it carries an encrypted hello (RFC 9849), so `name` may be another than meant.
    """

    name: str
    encrypted: bool


def read_hello(data: bytes | bytearray) -> Hello | None:
    """Read a ClientHello; None when more has to come.

    Args:
        data: all that came so far.

    Raises:
        NotTls: it is none, or it is too long.
    """
    message = _handshake(data)
    if message is None:
        if len(data) > LIMIT:
            raise NotTls("its TLS greeting does not end")
        return None
    try:
        return _hello(message)
    except (IndexError, UnicodeDecodeError) as error:
        raise NotTls("its TLS greeting is bent") from error


def _handshake(data: bytes | bytearray) -> bytes | None:
    """The first handshake message, put together from its records; None when more has to come."""
    message = bytearray()
    at = 0
    while True:
        head = data[at : at + 5]
        if (head[:1] or b"\x16") != b"\x16" or (head[1:2] or b"\3") != b"\3":
            raise NotTls("it does not speak TLS")
        if len(head) < 5:
            return None
        size = int.from_bytes(head[3:5], "big")
        if not 0 < size <= _RECORD_LIMIT:
            raise NotTls("its TLS greeting is bent")
        message += data[at + 5 : at + 5 + size]
        if message and message[0] != _CLIENT_HELLO:
            raise NotTls("it does not begin with a TLS greeting")
        if len(message) >= 4:
            whole = 4 + int.from_bytes(message[1:4], "big")
            if whole > LIMIT:
                raise NotTls("its TLS greeting is too long")
            if len(message) >= whole:
                return bytes(message[4:whole])
        if len(data) < at + 5 + size:
            return None
        at += 5 + size


class _Reader:
    """Reads numbers and vectors; IndexError past the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise IndexError(end)
        part = self.data[self.at : end]
        self.at = end
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> _Reader:
        return _Reader(self.take(self.number(size)))

    @property
    def more(self) -> bool:
        return self.at < len(self.data)


def _hello(message: bytes) -> Hello:
    reader = _Reader(message)
    reader.take(2 + 32)  # version, random
    reader.vector(1)  # session
    reader.vector(2)  # ciphers
    reader.vector(1)  # compression
    if not reader.more:
        return Hello("", encrypted=False)
    extensions = reader.vector(2)
    seen: dict[int, _Reader] = {}
    while extensions.more:
        kind = extensions.number(2)
        if kind in seen:
            raise NotTls("its TLS greeting says a thing twice")
        seen[kind] = extensions.vector(2)
    names = seen.get(_SERVER_NAME)
    return Hello(_server_name(names) if names else "", _ENCRYPTED_HELLO in seen)


def _server_name(extension: _Reader) -> str:
    listed = extension.vector(2)
    if extension.more:
        raise NotTls("its TLS greeting is bent")
    found = ""
    while listed.more:
        kind, name = listed.number(1), listed.vector(2)
        if kind != 0 or found:
            raise NotTls("it asks for more than one name")
        found = name.data.decode("ascii")
        if not found:
            raise NotTls("it asks for an empty name")
    return found
