"""One client's conversation: every message it sends comes in here, every answer leaves here.

Both eras are understood on one pipe, message by message. Requests for servers become calls; the
rest is answered from the book at once. The hot path is `on_line` → `_call_tool` → `Link.submit`
and back through `answered`: callbacks and dictionary look-ups, no task and no copy of a body
beyond the part that is recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from mcptui.gateway.answers import Answers
from mcptui.gateway.book import LIST_METHODS, Book, Target
from mcptui.gateway.call import Call
from mcptui.gateway.client import LEVELS, Client
from mcptui.gateway.link import Link
from mcptui.gateway.wire import (
    CAPABILITIES_KEY,
    HOP_KEYS,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LOG_LEVEL_KEY,
    MALFORMED,
    METHOD_NOT_FOUND,
    MODERN_VERSIONS,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    VERSION_KEY,
    Envelope,
    Part,
    canonical_id,
    decode_batch,
    decode_envelope,
    encode,
    error_line,
    fields,
    joined,
    result_line,
    text,
)
from mcptui.guard.switches import Verdict

if TYPE_CHECKING:
    from mcptui.gateway.hub import Hub

BATCH = 100
"""Messages of one batch, which 2025-03-26 had."""
_REMOVED = frozenset(
    ("initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe")
)
"""Methods that modern requests no longer have."""
_ADDED = frozenset(("server/discover", "subscriptions/listen"))


class Refused(Exception):
    """A request that is answered with a protocol error."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Session(Answers):
    """One client.

    Args:
        hub: the servers and the book.
        send: writes one line to the client; never blocks.
        client: who it is.
    """

    def __init__(self, hub: Hub, send: Callable[[bytes], None], client: Client) -> None:
        super().__init__(hub, send, client)
        self.handlers: dict[str, Callable[[Call], None]] = {
            "tools/call": self._call_tool,
            "prompts/get": self._get_prompt,
            "resources/read": self._read_resource,
            "completion/complete": self._complete,
            "initialize": self._initialize,
            "server/discover": self._discover,
            "ping": self._ping,
            "logging/setLevel": self._set_level,
            "resources/subscribe": self._subscribe,
            "resources/unsubscribe": self._subscribe,
            "subscriptions/listen": self._listen,
            **dict.fromkeys(LIST_METHODS, self._list),
        }

    @property
    def book(self) -> Book:
        """What may be asked for, now."""
        return self.hub.book

    # From the client

    def on_line(self, line: bytes) -> None:
        """One message of the client's."""
        try:
            message = decode_envelope(line)
        except MALFORMED as error:
            self._malformed(line, error)
            return
        if message.method:
            if message.id:
                self._request(message, len(line))
            else:
                self._notification(message)
        elif (identity := canonical_id(message.id)) is not None:
            self.asks.answered(identity, message.result, message.error)
        else:
            self.send(error_line(b"null", INVALID_REQUEST, "Neither a request nor an answer"))

    def _malformed(self, line: bytes, error: Exception) -> None:
        if line.lstrip()[:1] == b"[" and self.client.protocol in ("2024-11-05", "2025-03-26"):
            try:
                batch = decode_batch(line)[:BATCH]
            except MALFORMED:
                batch = []
            for message in batch:
                if bytes(memoryview(message)[:1]) == b"{":
                    self.on_line(bytes(message))
            if batch:
                return
        if isinstance(error, msgspec.ValidationError):
            self.send(error_line(b"null", INVALID_REQUEST, f"Invalid request: {error}"))
        else:
            self.send(error_line(b"null", PARSE_ERROR, f"Parse error: {str(error)[:200]}"))

    def _request(self, message: Envelope, size: int) -> None:
        identity = canonical_id(message.id)
        if identity is None:
            self.send(error_line(b"null", INVALID_REQUEST, "An id is a string or a whole number"))
            return
        try:
            if message.jsonrpc != "2.0":
                raise Refused(INVALID_REQUEST, 'A request has "jsonrpc":"2.0"')
            if identity in self.ledger.calls or identity in self.client.listens:
                raise Refused(INVALID_REQUEST, "This id is in use by a request that is still open")
            members = fields(message.params) if message.params else {}
            raw = members.get("_meta")
            meta = fields(raw) if raw is not None else None
            modern = self._era(message.method, meta)
            handler = self.handlers.get(message.method)
            if handler is None or message.method in (_REMOVED if modern else _ADDED):
                raise Refused(METHOD_NOT_FOUND, f"Method not found: {message.method[:100]}")
            handler(
                Call(
                    identity, message.method, modern=modern, members=members, meta=meta,
                    server="", name="", size=size, now=time.monotonic(),
                )
            )  # fmt: skip
        except Refused as refused:
            self.send(error_line(identity, refused.code, refused.message, refused.data))
        except (*MALFORMED, KeyError) as error:
            self.send(error_line(identity, INVALID_PARAMS, f"Invalid params: {str(error)[:200]}"))

    def _era(self, method: str, meta: dict[str, Part] | None) -> bool:
        if meta is not None and not HOP_KEYS.isdisjoint(meta):
            version = text(meta.get(VERSION_KEY, b'""'))
            if not version or CAPABILITIES_KEY not in meta:
                missing = [key for key in (VERSION_KEY, CAPABILITIES_KEY) if key not in meta]
                raise Refused(INVALID_PARAMS, f"params._meta lacks {', '.join(missing)}")
            if version not in MODERN_VERSIONS:
                data = {"supported": list(MODERN_VERSIONS), "requested": version[:100]}
                raise Refused(UNSUPPORTED_VERSION, "Unsupported protocol version", data)
            self.client.modern_who(meta)
            return True
        if self.client.legacy or method in ("initialize", "ping"):
            return False
        raise Refused(
            INVALID_PARAMS,
            f"params._meta lacks {VERSION_KEY} and {CAPABILITIES_KEY}; "
            "clients of older versions open with initialize",
        )

    def _notification(self, message: Envelope) -> None:
        if message.method == "notifications/cancelled":
            try:
                identity = canonical_id(fields(message.params).get("requestId", b"null"))
            except MALFORMED:
                return
            if identity is not None:
                self._cancelled(identity)
        elif message.method == "notifications/initialized":
            self.hub.client_ready(self)
        elif message.method == "notifications/roots/list_changed":
            for link in self.links.values():
                if link.ready and not link.modern:
                    link.tell(message.method, message.params)

    def _cancelled(self, identity: bytes) -> None:
        if self.client.listens.pop(identity, None) is not None:
            return
        call = self.ledger.calls.get(identity)
        if call is None:
            return
        if call.link is not None:
            call.link.cancel(call, "the client cancelled")
        self.asks.forget(call)
        self.ledger.finish(call, "cancelled", "the client cancelled", b"")

    # Answered here

    def _initialize(self, call: Call) -> None:
        self.client.introduce(call.members)
        self.send(result_line(call.identity, self.book.initialized(self.client.protocol)))
        self.hub.client_known(self)

    def _discover(self, call: Call) -> None:
        self.send(result_line(call.identity, self.book.discovered()))
        self.hub.client_known(self)
        self.hub.client_ready(self)

    def _ping(self, call: Call) -> None:
        self.send(result_line(call.identity, b"{}"))

    def _list(self, call: Call) -> None:
        if "cursor" in call.members:
            raise Refused(INVALID_PARAMS, "Invalid cursor: every list has one page here")
        self.send(result_line(call.identity, self.book.lists[call.method][call.modern]))

    def _set_level(self, call: Call) -> None:
        level = text(call.members["level"])
        if level not in LEVELS:
            raise Refused(INVALID_PARAMS, f"A level is one of {', '.join(LEVELS)}")
        self.client.log_level = level
        for link in self.links.values():
            self.set_level(link)
        self.send(result_line(call.identity, b"{}"))

    def set_level(self, link: Link) -> None:
        """Pass the client's log level on to an opened server."""
        level = encode(self.client.log_level)
        if not self.client.log_level or not link.ready:
            return
        if link.modern:
            link.client_meta[LOG_LEVEL_KEY] = level
        elif "logging" in link.capabilities:
            link.begin("logging/setLevel", {"level": level})

    def _listen(self, call: Call) -> None:
        wanted = call.members["notifications"]
        self.send(self.client.subscribe(call.identity, wanted))
        for uri in self.client.listens[call.identity].resources:
            server = self._server_of(uri)
            if server is not None:
                self.hub.watch_resource(self, server, uri)

    def _subscribe(self, call: Call) -> None:
        uri = text(call.members["uri"])
        server = self._server_of(uri)
        if server is None:
            raise Refused(-32002, f"Resource not found: {uri[:500]}")
        if call.method.endswith("unsubscribe"):
            self.client.subscribed.discard(uri)
        else:
            self.client.subscribed.add(uri)
            self.hub.watch_resource(self, server, uri)
        self.send(result_line(call.identity, b"{}"))

    # Passed on

    def _call_tool(self, call: Call) -> None:
        name = text(call.members["name"])
        target = self.hub.book.tool(name) or self.hub.guess(name)
        if target is None:
            call.name = name[:200]
            self._unknown(call, f"Unknown tool: {call.name}")
            return
        self._aim(call, target)

    def _get_prompt(self, call: Call) -> None:
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
        if call.modern and "requestState" in call.members and self._came_back(call):
            return
        if target.verdict is not None:
            self._refuse(call, target.verdict)
        else:
            self._dispatch(call)

    def _read_resource(self, call: Call) -> None:
        uri = text(call.members["uri"])
        server = self._server_of(uri)
        call.name = uri[:500]
        if server is None:
            code = INVALID_PARAMS if call.modern else -32002
            self._unknown(call, f"Resource not found: {call.name}", code)
            return
        call.server = server
        call.members["uri"] = encode(uri)
        if not (call.modern and "requestState" in call.members and self._came_back(call)):
            self._dispatch(call)

    def _server_of(self, uri: str) -> str | None:
        book = self.book
        return book.resource(uri) or self.ledger.emitted.get(uri) or self.hub.only_resource_server()

    def _complete(self, call: Call) -> None:
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
            server = self._server_of(uri)
            if server is None:
                self._unknown(call, f"Resource not found: {call.name}")
                return
            reference["uri"] = encode(uri)
            call.server = server
        call.members["ref"] = joined(reference)
        self._dispatch(call)

    def _dispatch(self, call: Call) -> None:
        if len(self.ledger.calls) >= self.limits.in_flight:
            self.ledger.begin(call)
            self.down(call, f"{self.limits.in_flight} calls are open already", "refused")
            return
        self.ledger.begin(call)
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
        identity, _, _ = parked.asks.pop(0)
        self.ledger.calls[parked.identity] = parked
        link.reply(identity, answer)
        if parked.asks:
            self.send_away(parked)
        return True

    def _unknown(self, call: Call, message: str, code: int = INVALID_PARAMS) -> None:
        self.ledger.begin(call)
        self.send(error_line(call.identity, code, message))
        self.ledger.finish(call, "error", message, b"")

    def _refuse(self, call: Call, verdict: Verdict) -> None:
        self.ledger.begin(call)
        self.refused(call, verdict)
