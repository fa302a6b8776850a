"""The seam between a running server and whoever speaks with it.

A `Channel` carries JSON-RPC lines to a server, a `Listener` is told what comes back, and a
`Running` server can be stopped. The gateway codes against these; pipes, attach streams and
container engines stay behind them. Everything here happens on one event loop's thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from mcptui.runtime.egress.rules import Policy

LINE_LIMIT = 64 << 20
"""Bytes a message may have unless the caller says otherwise; longer ones are dropped."""


@dataclass(frozen=True, slots=True)
class Death:
    """How a server ended.

    Args:
        code: its exit code (128 + n for signal n), None when nobody could tell.
        oom: the kernel ended it because it wanted more memory than it may have.
        words: the reason for a person, without a trailing dot.
        at: when it was noticed, Unix seconds.
    """

    code: int | None
    oom: bool
    words: str
    at: float


class Channel(Protocol):
    """The live stdin and stdout of one server, as lines."""

    def send(self, line: bytes) -> None:
        """Send one message, given without its newline. Never blocks, never raises: what the
        server does not take yet is kept, what a dead server would get is dropped."""

    @property
    def waiting(self) -> int:
        """Bytes that were sent and that the server has not taken yet."""
        ...

    async def drain(self) -> None:
        """Wait until the server has taken most of what was sent; at once when it is dead."""

    def close_input(self) -> None:
        """Give the server end of file after what was sent. May be called more than once."""


class Listener(Protocol):
    """What a server's owner wants to be told; called on the event loop's thread."""

    def on_line(self, line: bytes) -> None:
        """One message, without its line end."""

    def on_overlong(self, size: int, ends: bytes = b"") -> None:
        """A message over the limit was dropped.

        Args:
            size: bytes of it that were seen.
            ends: its first and last bytes, as far as they are known: whose it was may be told.
        """

    def on_stderr(self, text: str) -> None:
        """One line of the server's log, raw: pass it through `visible()` before showing it."""

    def on_exit(self, death: Death) -> None:
        """The server is gone; called exactly once, after the last line."""


class Running(Protocol):
    """One started server."""

    @property
    def channel(self) -> Channel:
        """Its stdin and stdout."""
        ...

    @property
    def container_id(self) -> str:
        """The engine's name for its container."""
        ...

    @property
    def started_at(self) -> float:
        """When it was started, Unix seconds."""
        ...

    async def stop(self, grace: float = 2.0) -> None:
        """End it: end of file, SIGTERM, kill, remove. Returns when no container is left; safe
        to call at any time and from many tasks.

        Args:
            grace: seconds each of the two polite steps may take.
        """

    def kill_now(self) -> None:
        """End it without waiting, for a process that is about to exit itself."""


@runtime_checkable
class Reaching(Protocol):
    """A running server whose way to the network is in our hands."""

    def keep_to(self, policy: Policy) -> None:
        """Have it reach these hosts from now on; what it may not reach any more is cut."""
