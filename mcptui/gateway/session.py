"""One client's conversation: every message it sends comes in here, every answer leaves here.

Both eras are understood on one pipe, message by message. Requests for servers become calls; the
rest is answered from the book at once. The hot path is `on_line` → `call_tool` → `Link.submit`
and back through `answered`: callbacks and dictionary look-ups, no task and no copy of a body
beyond the part that is recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from mcptui.gateway.book import LIST_METHODS
from mcptui.gateway.call import Call
from mcptui.gateway.client import Client
from mcptui.gateway.dispatch import Refused
from mcptui.gateway.levels import LEVELS
from mcptui.gateway.task_desk import LEGACY_TASKS, MODERN_TASKS, TaskDesk
from mcptui.gateway.wire import (
    CAPABILITIES_KEY,
    HOP_KEYS,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LEGACY_NOT_FOUND,
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
    fields,
    text,
)

if TYPE_CHECKING:
    from mcptui.gateway.front import Front
    from mcptui.gateway.hub import Hub

MOST_WATCHED = 1000
"""Resources one client may watch."""
BATCH = 100
"""Messages of one batch, which 2025-03-26 had."""
BATCH_BYTES = 4 << 20
MOST_LISTENS = 100
"""Streams of notices one client may have open."""
_REMOVED = frozenset(
    ("initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe")
)
"""Methods that modern requests no longer have."""
_ADDED = frozenset(("server/discover", "subscriptions/listen"))


class Session(TaskDesk):
    """One client.

    Args:
        hub: the servers and the book.
        front: its wire.
        client: who it is.
    """

    def __init__(self, hub: Hub, front: Front, client: Client) -> None:
        super().__init__(hub, front, client)
        self.handlers: dict[str, Callable[[Call], None]] = {
            "tools/call": self.call_tool,
            "prompts/get": self.get_prompt,
            "resources/read": self.read_resource,
            "completion/complete": self.complete,
            "initialize": self._initialize,
            "server/discover": self._discover,
            "ping": self._ping,
            "logging/setLevel": self._set_level,
            "resources/subscribe": self._subscribe,
            "resources/unsubscribe": self._subscribe,
            "subscriptions/listen": self._listen,
            **dict.fromkeys(LIST_METHODS, self._list),
            **dict.fromkeys(LEGACY_TASKS | MODERN_TASKS, self.about_task),
        }

    # From the client

    def on_line(self, line: bytes) -> None:
        """One message of the client's."""
        try:
            message = decode_envelope(line)
        except MALFORMED as error:
            self._malformed(line, error)
            return
        self.on_message(message, len(line))

    def on_message(self, message: Envelope, size: int) -> None:
        """The same, decoded.

        Args:
            message: its id is unique among the open requests of this session.
            size: bytes it had.
        """
        if message.method:
            if message.id:
                self._request(message, size)
            else:
                self._notification(message)
        elif (identity := canonical_id(message.id)) is not None:
            self.asks.answered(identity, message.result, message.error)
        else:
            self.fault(b"null", INVALID_REQUEST, "Neither a request nor an answer")

    def _malformed(self, line: bytes, error: Exception) -> None:
        if line.lstrip()[:1] == b"[" and self.client.protocol in ("2024-11-05", "2025-03-26"):
            self._batch(line)
        elif isinstance(error, msgspec.ValidationError):
            self.fault(b"null", INVALID_REQUEST, f"Invalid request: {error}")
        else:
            self.fault(b"null", PARSE_ERROR, f"Parse error: {str(error)[:200]}")

    def _batch(self, line: bytes) -> None:
        try:
            batch = decode_batch(line) if len(line) <= BATCH_BYTES else []
        except MALFORMED as error:
            self.fault(b"null", PARSE_ERROR, f"Parse error: {str(error)[:200]}")
            return
        if not 0 < len(batch) <= BATCH:
            self.fault(b"null", INVALID_REQUEST, f"A batch has 1 to {BATCH} messages")
            return
        for message in batch:
            if bytes(memoryview(message)[:1]) == b"{":
                self.on_line(bytes(message))
            else:
                self.fault(b"null", INVALID_REQUEST, "A message is an object")

    def _request(self, message: Envelope, size: int) -> None:
        identity = canonical_id(message.id)
        if identity is None:
            self.fault(b"null", INVALID_REQUEST, "An id is a string or a whole number")
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
            if message.method in (_REMOVED if modern else _ADDED):
                raise Refused(METHOD_NOT_FOUND, f"Method not found: {message.method[:100]}")
            call = Call(
                identity, message.method, modern=modern, members=members, meta=meta,
                server="", name="", size=size, now=time.monotonic(), owner=self,
            )  # fmt: skip
            if handler is None:
                self.pass_unknown(call)
            else:
                handler(call)
        except Refused as refused:
            self.fault(identity, refused.code, refused.message, refused.data)
        except (*MALFORMED, KeyError) as error:
            self.fault(identity, INVALID_PARAMS, f"Invalid params: {str(error)[:200]}")

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
                if link.ready and not link.modern and not link.shared:
                    link.tell(message.method, message.params)

    def _cancelled(self, identity: bytes) -> None:
        if self.client.listens.pop(identity, None) is not None:
            self.hub.watch(self)
            return
        call = self.ledger.calls.get(identity)
        if call is None:
            return
        if call.link is not None:
            call.link.cancel(call, "the client cancelled")
        self.ledger.finish(call, "cancelled", "the client cancelled", b"")

    # Answered here

    def _initialize(self, call: Call) -> None:
        self.client.introduce(call.members)
        self.changed_itself()
        self.front.answer(call.identity, self.book.initialized(self.client.protocol))
        self.hub.client_known(self)

    def _discover(self, call: Call) -> None:
        self.front.answer(call.identity, self.book.discovered())
        self.hub.client_known(self)
        self.hub.client_ready(self)

    def _ping(self, call: Call) -> None:
        self.front.answer(call.identity, b"{}")

    def _list(self, call: Call) -> None:
        if "cursor" in call.members:
            raise Refused(INVALID_PARAMS, "Invalid cursor: every list has one page here")
        self.front.answer(call.identity, self.book.lists[call.method][call.modern])

    def _set_level(self, call: Call) -> None:
        level = text(call.members["level"])
        if level not in LEVELS:
            raise Refused(INVALID_PARAMS, f"A level is one of {', '.join(LEVELS)}")
        self.client.log_level = level
        for link in self.links.values():
            self.set_level(link)
        self.front.answer(call.identity, b"{}")

    def _listen(self, call: Call) -> None:
        if len(self.client.listens) >= MOST_LISTENS:
            raise Refused(INVALID_PARAMS, f"{MOST_LISTENS} subscriptions are open already")
        wanted = call.members["notifications"]
        shown = self.front.shown_id(call.identity)
        told = self.client.subscribe(
            call.identity, shown, wanted, self.watchable, lambda task: bool(self.tasks.find(task))
        )
        self.front.send(told, call.identity)
        self.hub.watch(self)

    def _subscribe(self, call: Call) -> None:
        uri = text(call.members["uri"])
        server = self.server_of(uri)
        if server is None:
            raise Refused(LEGACY_NOT_FOUND, f"Resource not found: {uri[:500]}")
        if call.method.endswith("unsubscribe"):
            self.client.subscribed.discard(uri)
        elif not self.watchable(uri):
            raise Refused(METHOD_NOT_FOUND, f"The server {server!r} does not tell of changes")
        elif len(self.client.subscribed) >= MOST_WATCHED:
            raise Refused(INVALID_PARAMS, f"{MOST_WATCHED} resources are watched already")
        else:
            self.client.subscribed.add(uri)
        self.front.answer(call.identity, b"{}")
        self.hub.watch(self)
