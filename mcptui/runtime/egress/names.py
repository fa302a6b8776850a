"""Answers to questions for names (RFC 1035), for programs that know nothing of proxies.

An allowed name leads to an address on the container's own loopback, where we listen for it; every
other name does not exist. No question is ever passed on, so none can carry anything out.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mcptui.tasks import spawn

Lookup = Callable[[str], Awaitable[str]]
"""Gives the loopback address of a name, "" for a name that is not allowed."""
TTL = 5
"""Seconds; short, since a name may be allowed or taken away at any time."""
AT_ONCE = 64
"""Questions that may wait for an answer."""
_CONNECTIONS = 8
_MESSAGE = 4096
_SECONDS = 10.0
_A, _IN = 1, 1
_FORMAT_ERROR, _TROUBLE, _NO_SUCH_NAME, _REFUSED = 1, 2, 3, 5


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Args:
        identity: of the message.
        flags: the second word of its head.
        asked: the question's own bytes, repeated in the answer.
        name: as it was asked, dots between labels.
        kind, family: TYPE and CLASS.
    """

    identity: bytes
    flags: int
    asked: bytes
    name: str
    kind: int
    family: int


def read_question(data: bytes) -> Question | None:
    """Read a question; None for anything that is no plain question with one name."""
    if not 17 <= len(data) <= _MESSAGE:
        return None
    flags, count = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:6], "big")
    if flags & 0x8000 or flags & 0x7800 or count != 1:
        return None
    labels: list[str] = []
    at = 12
    while True:
        if at >= len(data):
            return None
        size = data[at]
        if size == 0:
            break
        # A name in a question is never compressed, and longer than 255 it is none.
        if size > 63 or at + 1 + size - 12 > 254 or at + 1 + size > len(data):
            return None
        labels.append(data[at + 1 : at + 1 + size].decode("latin-1"))
        at += 1 + size
    end = at + 5
    if end > len(data):
        return None
    kind, family = (
        int.from_bytes(data[at + 1 : at + 3], "big"),
        int.from_bytes(data[at + 3 : end], "big"),
    )
    return Question(data[:2], flags, data[12:end], ".".join(labels), kind, family)


def answer(question: Question, address: str, code: int = 0) -> bytes:
    """The answer to a question.

    Args:
        question: what was asked.
        address: IPv4, "" for an answer without one.
        code: RCODE.
    """
    flags = 0x8480 | (question.flags & 0x0100) | code  # an answer, authoritative, recursion there
    count = 1 if address else 0
    head = question.identity + flags.to_bytes(2, "big") + b"\0\1" + bytes((0, count)) + b"\0\0\0\0"
    if not address:
        return head + question.asked
    data = ipaddress.IPv4Address(address).packed
    return head + question.asked + b"\xc0\x0c\0\1\0\1" + TTL.to_bytes(4, "big") + b"\0\4" + data


class Names(asyncio.DatagramProtocol):
    """Answers on one UDP socket and one TCP socket of a container.

    Args:
        lookup: gives addresses.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._open = 0
        self._connections = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The UDP socket is ours."""
        self._transport = transport  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One question; more than may wait are dropped, as UDP allows."""
        if self._open < AT_ONCE:
            self._open += 1
            spawn(self._by_datagram(data, addr), "name")

    async def _by_datagram(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            said = await self.answered(data)
        finally:
            self._open -= 1
        if said and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(said, addr)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One TCP connection with questions."""
        self._connections += 1
        try:
            while self._connections <= _CONNECTIONS:
                async with asyncio.timeout(_SECONDS):
                    size = int.from_bytes(await reader.readexactly(2), "big")
                    if size > _MESSAGE:
                        return
                    said = await self.answered(await reader.readexactly(size))
                    if not said:
                        return
                    writer.write(len(said).to_bytes(2, "big") + said)
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        finally:
            self._connections -= 1
            writer.close()

    async def answered(self, data: bytes) -> bytes:
        """The answer to a message, b"" for what gets none."""
        question = read_question(data)
        if question is None:
            # What is no question at all gets no answer: two programs could talk for ever.
            if len(data) < 12 or data[2] & 0x80:
                return b""
            return data[:2] + (0x8080 | _FORMAT_ERROR).to_bytes(2, "big") + bytes(8)
        if question.family != _IN:
            return answer(question, "", _REFUSED)
        try:
            address = await self._lookup(question.name)
        except OSError:
            return answer(question, "", _TROUBLE)  # asked again, it may go better
        if not address:
            return answer(question, "", _NO_SUCH_NAME)
        return answer(question, address if question.kind == _A else "")
