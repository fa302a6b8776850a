"""Bytes from one connection to another, both ways, with the pace of the slower one.

A `Peer` first keeps what comes, so that it can be judged; once joined with another it passes
everything on at once. Nothing waits in memory but what the kernel does not take.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable
from typing import TypeVar, cast

Found = TypeVar("Found")
_HELD = 128 << 10
"""Bytes kept before a decision; then the sender has to wait."""
_WAITING = 512 << 10
"""Bytes that may wait for a slow receiver before its sender has to wait."""


class Peer(asyncio.Protocol):
    """One end of a tunnel."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Peer | None = None
        self.held = bytearray()
        self.passed = 0
        self._left: int | None = None
        self.touched = time.monotonic()
        self.lost = asyncio.get_running_loop().create_future()
        self._ended = False
        self._came = asyncio.Event()

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(_WAITING)

    def data_received(self, data: bytes) -> None:
        """Pass it on, or keep it for judgement."""
        other = self.other
        if other is not None and other.transport is not None:
            self.touched = time.monotonic()
            if self._left is not None:
                data, self._left = data[: self._left], max(0, self._left - len(data))
            self.passed += len(data)
            other.transport.write(data)
            return
        self.held += data
        if len(self.held) >= _HELD and self.transport is not None:
            self.transport.pause_reading()
        self._came.set()

    def eof_received(self) -> bool:
        """The other side may still have something to say: only this direction ends."""
        self._ended = True
        self._came.set()
        self._pass_end()
        return True

    def pause_writing(self) -> None:
        """It takes no more for now."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """It takes more again."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and with it the other one once it has its last bytes."""
        self._ended = True
        self._came.set()
        if not self.lost.done():
            self.lost.set_result(None)
        if self.other is not None:
            self.other.close()

    # What the proxy does

    @property
    def is_here(self) -> bool:
        """Whether the other end is this machine, by an address that others may know it by."""
        if self.transport is None:
            return False
        ours, theirs = (self.transport.get_extra_info(one) for one in ("sockname", "peername"))
        same = bool(ours and theirs) and ours[0] == theirs[0]
        return same and not ipaddress.ip_address(ours[0].partition("%")[0]).is_loopback

    async def until(self, read: Callable[[bytearray], Found | None]) -> Found | None:
        """Wait until `read` makes something of what came; None when the end comes before."""
        while True:
            self._came.clear()
            found = read(self.held)
            if found is not None or self._ended:
                return found
            await self._came.wait()

    def write(self, data: bytes) -> None:
        """Send something of our own."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def hand_over(self, size: int, instead: bytes, more: int, other: Peer) -> None:
        """Pass one request on, and nothing after it.

        Args:
            size: bytes kept that are its head.
            instead: its head as the other end gets it.
            more: bytes of its body.
            other: the other end, not joined yet.
        """
        del self.held[:size]
        del self.held[more:]
        self._left = more - len(self.held)
        self.passed += len(instead)
        other.write(instead)

    def join(self, other: Peer) -> None:
        """Be a tunnel with another one; what each has kept goes first."""
        self.other, other.other = other, self
        for one, its in ((self, other), (other, self)):
            if one.held:
                held = bytes(one.held)
                one.held.clear()
                one.passed += len(held)
                its.write(held)
            if one.transport is not None and not one.transport.is_closing():
                one.transport.resume_reading()
            one._pass_end()

    def _pass_end(self) -> None:
        other = self.other
        if not self._ended or other is None or other.transport is None:
            return
        if other.transport.is_closing():
            self.close()
        elif other._ended:
            other.close()
            self.close()
        elif other.transport.can_write_eof():
            other.transport.write_eof()

    def close(self) -> None:
        """Close it once what waits is sent."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Close it at once."""
        if self.transport is not None:
            self.transport.abort()
