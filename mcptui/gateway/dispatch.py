"""The way out: a client's requests for servers, aimed, judged and passed on.

The hot path is `call_tool` → `Link.submit`: dictionary look-ups, no task and no copy of a body.
"""

from __future__ import annotations

import time

from mcptui.gateway.answers import Answers
from mcptui.gateway.book import Book, Target
from mcptui.gateway.call import Call
from mcptui.gateway.link import Link
from mcptui.gateway.wire import (
    INVALID_PARAMS,
    LOG_LEVEL_KEY,
    encode,
    error_body,
    fields,
    joined,
    text,
)
from mcptui.guard.switches import Verdict


class Refused(Exception):
    """A request that is answered with a protocol error."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


_KNOWN = frozenset(
    ("name", "arguments", "_meta", "uri", "ref", "argument", "context", "inputResponses",
     "requestState", "task", "taskId")
)  # fmt: skip
_FOLDED = {name.casefold(): name for name in _KNOWN}


def _refuse_lookalikes(call: Call) -> None:
    """Refuse params with `Name` beside `name`: some servers take the one for the other, and what
    they would do was never looked at."""
    for key in call.members:
        known = _FOLDED.get(key.casefold())
        if known is not None and known != key:
            raise Refused(INVALID_PARAMS, f"{key[:40]!r} is not {known!r}")


class Dispatch(Answers):
    """Requests that end at a server."""

    @property
    def book(self) -> Book:
        """What may be asked for, now."""
        return self.hub.book

    def fault(self, identity: bytes, code: int, message: str, data: object = None) -> None:
        """Answer a request with a protocol error."""
        self.front.answer(identity, b"", error_body(code, message, data))

    def set_level(self, link: Link) -> None:
        """Pass the client's log level on to an opened server."""
        level = encode(self.client.log_level)
        if not self.client.log_level or not link.ready:
            return
        if link.modern:
            link.client_meta[LOG_LEVEL_KEY] = level
        elif "logging" in link.capabilities:
            link.begin("logging/setLevel", {"level": level})

    def call_tool(self, call: Call) -> None:
        """Pass a `tools/call` on."""
        name = text(call.members["name"])
        target = self.hub.book.tool(name) or self.hub.guess(name)
        if target is None:
            call.name = name[:200]
            self._unknown(call, f"Unknown tool: {call.name}")
            return
        self._aim(call, target)

    def get_prompt(self, call: Call) -> None:
        """Pass a `prompts/get` on."""
        name = text(call.members["name"])
        target = self.book.prompt(name)
        if target is None:
            call.name = name[:200]
            self._unknown(call, f"Unknown prompt: {call.name}")
            return
        self._aim(call, target)

    def _aim(self, call: Call, target: Target) -> None:
        call.server = target.server
        call.name = target.name
        call.members["name"] = target.name_json
        call.verdict = target.verdict
        if call.verdict is None and self._came_back(call):
            return
        self._dispatch(call)

    def read_resource(self, call: Call) -> None:
        """Pass a `resources/read` on."""
        uri = text(call.members["uri"])
        server = self.server_of(uri)
        call.name = uri[:500]
        if server is None:
            code = INVALID_PARAMS if call.modern else -32002
            self._unknown(call, f"Resource not found: {call.name}", code)
            return
        call.server = server
        call.members["uri"] = encode(uri)
        if not self._came_back(call):
            self._dispatch(call)

    def server_of(self, uri: str) -> str | None:
        """The server that has a resource, as far as anyone knows."""
        book = self.book
        return book.resource(uri) or self.ledger.emitted.get(uri) or self.hub.only_resource_server()

    def complete(self, call: Call) -> None:
        """Pass a `completion/complete` on."""
        reference = fields(call.members["ref"])
        kind = text(reference["type"])
        if kind == "ref/prompt":
            call.name = text(reference["name"])[:200]
            target = self.book.prompt(call.name)
            if target is None:
                self._unknown(call, f"Unknown prompt: {call.name}")
                return
            reference["name"] = target.name_json
            call.server, call.name = target.server, target.name
        else:
            uri = text(reference["uri"])
            call.name = uri[:500]
            server = self.server_of(uri)
            if server is None:
                self._unknown(call, f"Resource not found: {call.name}")
                return
            reference["uri"] = encode(uri)
            call.server = server
        call.members["ref"] = joined(reference)
        self._dispatch(call)

    def _dispatch(self, call: Call) -> None:
        if not _KNOWN.issuperset(call.members):
            _refuse_lookalikes(call)
        if len(self.ledger.calls) >= self.limits.in_flight:
            self.ledger.begin(call)
            self.down(call, f"{self.limits.in_flight} calls are open already", "refused")
            return
        self.ledger.begin(call)
        self.hub.guards.before(self, call, self._forward, self.refused)

    def _forward(self, call: Call) -> None:
        link = self.links.get(call.server)
        if link is None:
            opened = self.hub.open(self, call.server)
            if isinstance(opened, Verdict):
                self.down(call, opened.text, opened.outcome)
                return
            link = opened
        if link.ready:
            link.submit(call)
        else:
            call.link = link
            link.waiting.append(call)

    def opened(self, link: Link) -> None:
        """A server is ready: what waited for it goes on, if it still may."""
        waiting, link.waiting = link.waiting, []
        self.set_level(link)
        for call in waiting:
            call.waited = time.monotonic() - call.began
            verdict = self.hub.verdict(call)
            if verdict is None:
                link.submit(call)
            else:
                self.refused(call, verdict)

    def _came_back(self, call: Call) -> bool:
        if not call.modern or "requestState" not in call.members:
            return False
        try:
            found = self.asks.unpark(call.members)
        except KeyError:
            raise Refused(INVALID_PARAMS, "This requestState is unknown or too old") from None
        if found is None:
            return False
        parked, answer = found
        if (parked.server, parked.name, parked.method) != (call.server, call.name, call.method):
            raise Refused(INVALID_PARAMS, "This requestState belongs to another request")
        link = parked.link
        if link is None or link.dead:
            raise Refused(INVALID_PARAMS, "The server that asked is gone; call again")
        parked.identity, parked.token, parked.meta = call.identity, call.token, call.meta
        parked.soft_end = time.monotonic() + self.limits.call
        identity, method, _ = parked.asks.pop(0)
        self.ledger.calls[parked.identity] = parked

        def go(call: Call) -> None:
            link.reply(identity, self.reply_of(call, method))
            if call.asks:
                self.send_away(call)

        parked.members["inputResponses"] = joined({method: answer})
        self.hub.guards.before(self, parked, go, self.given_up)
        return True

    def _unknown(self, call: Call, message: str, code: int = INVALID_PARAMS) -> None:
        self.ledger.begin(call)
        self.fault(call.identity, code, message)
        self.ledger.finish(call, "error", message, b"")
