"""A client's open calls and their rows: what began is always ended, in memory and in the record."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from mcptui.gateway.call import RECORDED, Call
from mcptui.gateway.client import Client
from mcptui.gateway.record import Began, Ended
from mcptui.gateway.wire import MALFORMED, Part, joined
from mcptui.guard.redact import LIMIT

if TYPE_CHECKING:
    from mcptui.gateway.hub import Hub

_EMITTED = re.compile(rb'"(?:uri|resourceUri)"\s{0,4}:\s{0,4}"([^"\\]{1,1024})"')
_EMITTED_KEPT = 4096


class _Head(msgspec.Struct, gc=False):
    isError: bool = False  # noqa: N815 the protocol's name


_head = msgspec.json.Decoder(_Head).decode


class Ledger:
    """The open calls of one client.

    Args:
        hub: clock, limits and scribe.
        client: whose calls they are.
    """

    def __init__(self, hub: Hub, client: Client) -> None:
        self._hub = hub
        self._client = client
        self.calls: dict[bytes, Call] = {}
        self.held = 0
        self.emitted: dict[str, str] = {}
        self.quieter: Callable[[Call], None] = lambda call: None

    def begin(self, call: Call) -> None:
        """A call is made; its row is written soon, whatever becomes of it."""
        limits = self._hub.limits
        self.calls[call.identity] = call
        self.held += call.size
        call.soft_end = call.began + limits.call
        call.hard_end = call.began + limits.call_at_most
        if call.method in RECORDED:
            self.record(call)

    def record(self, call: Call) -> None:
        """Give a call a row."""
        if not call.key:
            call.key = self._hub.next_key()
            self.rewrite(call)

    def who(self, call: Call) -> tuple[str, str, int]:
        """Name, version and pid of who makes a call."""
        client = self._client
        return client.modern_who(call.meta) if call.modern and call.meta else client.who

    def rewrite(self, call: Call) -> None:
        """Write what a call asks for; again when something else is sent than what came."""
        if not call.key:
            return
        if call.method == "tools/call":
            body = call.members.get("arguments", b"{}")
        else:
            body = joined({k: v for k, v in call.members.items() if k != "_meta"})
        self._hub.scribe.write(
            Began(
                call.key, self._hub.clock(), self.who(call), call.server, call.name, call.method,
                bytes(memoryview(body)[: self._hub.scribe.room]), call.size,
            )
        )  # fmt: skip

    def finish(self, call: Call, outcome: str, reason: str, body: Part) -> None:
        """A call is over.

        Args:
            call: one that began.
            outcome: as the row says it; "" reads it from the result.
            reason: short.
            body: the result or error, empty when there is none.
        """
        if self.calls.get(call.identity) is call:
            del self.calls[call.identity]
        if call.looking is not None:
            call.looking.cancel()
            call.looking = None
        self.held -= call.size
        if call.log_level:
            self.quieter(call)
        if not call.key:
            return
        view = memoryview(body)
        part = bytes(view[:LIMIT])
        if not outcome:
            outcome, reason = self._read_result(call, view, part)
        elapsed = (time.monotonic() - call.began) * 1000
        self._hub.scribe.write(
            Ended(
                call.key, outcome, elapsed, reason, part[: self._hub.scribe.room], len(view),
                call.waited, call.note,
            )
        )  # fmt: skip

    def _read_result(self, call: Call, view: memoryview, part: bytes) -> tuple[str, str]:
        if b'ri"' in part:
            self._note_resources(call.server, part)
        if b"isError" in part or (len(view) > LIMIT and b"isError" in bytes(view[-256:])):
            try:
                if _head(view).isError:
                    return "error", "the tool reported an error"
            except MALFORMED:
                return "ok", ""
        return "ok", ""

    def _note_resources(self, server: str, part: bytes) -> None:
        if len(self.emitted) > _EMITTED_KEPT:
            self.emitted.clear()
        for match in _EMITTED.finditer(part):
            self.emitted[match[1].decode("utf-8", "replace")] = server
