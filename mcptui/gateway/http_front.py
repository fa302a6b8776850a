"""The endpoint of the gateway over HTTP: which conversation a request belongs to, and its answer.

MCP streamable HTTP for both eras on one address. What names a modern version, in its header or in
its `_meta`, stands alone; everything else is a session's, opened by `initialize`. Called from the
connections on the event loop's thread; no task per request.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from mcptui import __version__
from mcptui.gateway.http_checks import (
    HEALTH,
    Admission,
    Fault,
    ParamRules,
    accepts,
    headers_fault,
)
from mcptui.gateway.http_conversations import Conversations
from mcptui.gateway.http_limits import HttpLimits
from mcptui.gateway.http_request import Request
from mcptui.gateway.http_sessions import LegacySession
from mcptui.gateway.http_streams import status_of
from mcptui.gateway.http_words import Refusal, plain, rpc
from mcptui.gateway.session import BATCH
from mcptui.gateway.surrogates import hide
from mcptui.gateway.wire import (
    HOP_KEYS,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LEGACY_VERSIONS,
    MALFORMED,
    MODERN_VERSIONS,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    Envelope,
    Part,
    canonical_id,
    decode_batch,
    decode_envelope,
    encode,
    error_body,
    fields,
)

if TYPE_CHECKING:
    from mcptui.gateway.hub import Hub

_SESSION = b"mcp-session-id"
_VERSION = b"mcp-protocol-version"
_BATCHES = ("", "2024-11-05", "2025-03-26")
_WHO = 64 << 10
"""Bytes of what a modern client says of itself."""
_RETRY = b"Retry-After: 5\r\n"


class HttpFront:
    """See the module.

    Args:
        hub: the servers.
        limits: bounds.
        admission: who may ask.
        credential: the principal of a connection, by its client's process.
    """

    def __init__(
        self,
        hub: Hub,
        limits: HttpLimits,
        admission: Admission,
        credential: Callable[[int], bytes],
    ) -> None:
        self.hub = hub
        self.limits = limits
        self.conversations = Conversations(hub, limits)
        self._admission = admission
        self._credential = credential
        self._rules = ParamRules()
        self._ending = False

    # From the connections

    def admit(self, request: Request) -> Refusal | None:
        """Judge a request by its head."""
        if self._ending:
            return plain(503, "The gateway is ending", _RETRY)
        return self._admission.judge(request)

    def serve(self, request: Request) -> None:
        """Answer a request that came whole."""
        if request.method == b"POST":
            refusal = self._post(request)
        elif request.url.partition(b"?")[0] == HEALTH:
            refusal = Refusal(200, self._health())
        elif request.method == b"GET":
            refusal = self._get(request)
        else:
            refusal = self._delete(request)
        if refusal is not None:
            request.reply(refusal.status, refusal.body, refusal.headers)

    def gone(self, request: Request) -> None:
        """A client left before its answer was complete."""
        if request.exchange is not None:
            request.exchange.gone()

    # POST

    def _post(self, request: Request) -> Refusal | None:
        body = request.body
        if b"\n" in body or b"\r" in body:  # servers are spoken to in lines
            try:
                body = msgspec.json.format(hide(body), indent=-1)
            except MALFORMED as error:
                return _parse_fault(error)
            if b"\n" in body or b"\r" in body:
                return rpc(400, error_body(PARSE_ERROR, "Parse error: a line break in a string"))
        try:
            message = decode_envelope(body)
        except MALFORMED as error:
            if body.lstrip()[:1] == b"[":
                return self._batch(request, body)
            return _parse_fault(error)
        try:
            return self._message(request, message, len(body))
        except (*MALFORMED, KeyError) as error:
            fault = error_body(INVALID_PARAMS, f"Invalid params: {str(error)[:200]}")
            return rpc(400, fault, canonical_id(message.id) or b"null")

    def _message(self, request: Request, message: Envelope, size: int) -> Refusal | None:
        identity = canonical_id(message.id) if message.id else b""
        if identity is None:
            fault = error_body(INVALID_REQUEST, "An id is a string or a whole number")
            return rpc(400, fault)
        if not message.method and not message.result and not message.error:
            fault = error_body(INVALID_REQUEST, "Neither a request nor an answer")
            return rpc(400, fault, identity or b"null")
        members = fields(message.params) if message.params else {}
        raw = members.get("_meta")
        meta = fields(raw) if raw is not None else {}
        if self._modern(request, message, meta):
            return self._modern_post(request, message, size, identity, members, meta)
        return self._legacy_post(request, message, size, identity)

    @staticmethod
    def _modern(request: Request, message: Envelope, meta: dict[str, Part]) -> bool:
        if message.method == "initialize":
            return not HOP_KEYS.isdisjoint(meta)
        told = request.headers.get(_VERSION)
        if told is not None and told.decode("latin-1") not in LEGACY_VERSIONS:
            return True
        return not HOP_KEYS.isdisjoint(meta)

    def _modern_post(
        self, request: Request, message: Envelope, size: int, identity: bytes,
        members: dict[str, Part], meta: dict[str, Part],
    ) -> Refusal | None:  # fmt: skip
        if not message.method:
            fault = error_body(INVALID_REQUEST, "Clients answer nothing in this version")
            return rpc(400, fault, identity or b"null")
        if not identity:
            # The standard defines none here: to leave is to cancel.
            return _accepted() if request.header(_VERSION) in MODERN_VERSIONS else _unknown(request)
        fault = headers_fault(request, message.method, members, meta)
        if fault is None and message.method == "tools/call":
            fault = self._rules.fault(self.hub.book, request, members)
        if fault is not None:
            return _fault(fault, identity)
        connection = request.connection
        pid = connection.pid if connection is not None else 0
        group = self.conversations.group(self._credential(pid), pid, meta, _WHO)
        if group is None:
            fault = error_body(INVALID_PARAMS, "params._meta says too much of the client")
            return rpc(400, fault, identity)
        if group.session.ledger.held > self.hub.limits.held:
            return plain(503, "Too many large requests are open", _RETRY)
        group.ask(message, size, identity, request)
        return None

    def _legacy_post(
        self, request: Request, message: Envelope, size: int, identity: bytes
    ) -> Refusal | None:
        if message.method == "initialize" and identity:
            return self._open_session(request, message, size, identity)
        session = self._session(request, identity or b"null")
        if isinstance(session, Refusal):
            return session
        if not message.method or not identity:
            session.tell(message, size)
            return _accepted()
        if session.session.ledger.held > self.hub.limits.held:
            return plain(503, "Too many large requests are open", _RETRY)
        if session.is_open(identity):
            fault = error_body(INVALID_REQUEST, "This id is in use by a request that is still open")
            return rpc(400, fault, identity)
        session.ask(message, size, identity, session.stream(request))
        return None

    def _open_session(
        self, request: Request, message: Envelope, size: int, identity: bytes
    ) -> Refusal | None:
        connection = request.connection
        pid = connection.pid if connection is not None else 0
        session = self.conversations.open_session(self._credential(0), pid)
        if session is None:
            return plain(503, "All sessions are in use", b"Retry-After: 30\r\n")
        header = b"Mcp-Session-Id: %b\r\n" % session.id.encode()
        session.ask(message, size, identity, session.stream(request, headers=header))
        if not session.client.legacy:
            self.conversations.drop(session, "it could not be opened")
        return None

    def _session(self, request: Request, identity: bytes) -> LegacySession | Refusal:
        """The session a request names, or why there is none."""
        told = request.header(_VERSION)
        if told and told not in LEGACY_VERSIONS:
            return _unknown(request, identity)
        name = request.headers.get(_SESSION)
        if name is None:
            words = (
                "This request belongs to no session: open one with initialize and send its "
                "Mcp-Session-Id, or send MCP-Protocol-Version "
                f"{MODERN_VERSIONS[-1]} with the _meta it asks for"
            )
            return rpc(400, error_body(INVALID_REQUEST, words), identity)
        found = self.conversations.session(name, self._credential(0))
        if found is None:
            words = "There is no such session (any more): open a new one with initialize"
            return rpc(404, error_body(INVALID_REQUEST, words), identity)
        return found

    def _batch(self, request: Request, body: bytes) -> Refusal | None:
        """Several messages at once, which 2025-03-26 had."""
        one = rpc(400, error_body(INVALID_REQUEST, "A POST has one message"))
        if request.header(_VERSION) not in _BATCHES:
            return one
        session = self._session(request, b"null")
        if isinstance(session, Refusal):
            return session
        if session.client.protocol not in _BATCHES:
            return one
        try:
            messages = [decode_envelope(bytes(part)) for part in decode_batch(body)[: BATCH + 1]]
        except MALFORMED as error:
            return _parse_fault(error)
        ids = [canonical_id(message.id) for message in messages if message.method and message.id]
        if not 0 < len(messages) <= BATCH or None in ids or len(set(ids)) < len(ids):
            return rpc(400, error_body(INVALID_REQUEST, f"A batch has 1 to {BATCH} messages"))
        if any(session.is_open(shown or b"") for shown in ids):
            return rpc(400, error_body(INVALID_REQUEST, "An id of this batch is in use"))
        stream = session.stream(request, len(ids)) if ids else None
        if stream is not None:
            stream.begin()
        for message in messages:
            shown = canonical_id(message.id) if message.id else b""
            if stream is not None and message.method and shown:
                session.ask(message, len(body) // len(messages), shown, stream)
            else:
                session.tell(message, 0)
        return None if ids else _accepted()

    # GET, DELETE, and the rest

    def _get(self, request: Request) -> Refusal | None:
        if request.headers.get(_SESSION) is None or request.header(_VERSION) in MODERN_VERSIONS:
            return self._admission.older(405, b"Allow: POST\r\n")
        session = self._session(request, b"null")
        if isinstance(session, Refusal):
            return session
        if not accepts(request, "text/event-stream"):
            return plain(406, "Accept must name text/event-stream")
        last = request.header(b"last-event-id")
        if last:
            if not session.resume(request, last):
                words = "This Last-Event-ID is none of this session's, or too old to go on from"
                return plain(400, words)
        elif not session.listen(request):
            return plain(409, "The stream of this session is open already")
        return None

    def _delete(self, request: Request) -> Refusal | None:
        if request.headers.get(_SESSION) is None or request.header(_VERSION) in MODERN_VERSIONS:
            return plain(405, "There is no session to end", b"Allow: POST\r\n")
        session = self._session(request, b"null")
        if isinstance(session, Refusal):
            return session
        request.reply(204, b"")
        self.conversations.drop(session, "the client ended its session")
        return None

    def _health(self) -> bytes:
        states = [slot.state for slot in self.hub.slots.values()]
        return encode(
            {
                "ok": not self._ending,
                "version": __version__,
                "sessions": len(self.conversations.sessions),
                "clients": len(self.conversations.groups),
                "servers": {state: states.count(state) for state in sorted(set(states))},
            }
        )

    def sweep(self) -> None:
        """Called about once a second."""
        self.conversations.sweep(time.monotonic())

    def end(self) -> None:
        """Take nothing new; open calls are answered by the hub's end."""
        self._ending = True

    def close(self) -> None:
        """End all streams that are left."""
        self.conversations.close()


def _accepted() -> Refusal:
    return Refusal(202, b"", b"")


def _fault(fault: Fault, identity: bytes) -> Refusal:
    error = error_body(*fault)
    return rpc(status_of(error), error, identity)


def _unknown(request: Request, identity: bytes = b"null") -> Refusal:
    requested = request.header(_VERSION)[:100]
    data = {"supported": [*MODERN_VERSIONS, *LEGACY_VERSIONS], "requested": requested}
    return _fault((UNSUPPORTED_VERSION, "Unsupported protocol version", data), identity)


def _parse_fault(error: Exception) -> Refusal:
    if isinstance(error, msgspec.ValidationError):
        return rpc(400, error_body(INVALID_REQUEST, f"Invalid request: {str(error)[:200]}"))
    return rpc(400, error_body(PARSE_ERROR, f"Parse error: {str(error)[:200]}"))
