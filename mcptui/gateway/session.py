"""One client's conversation: every message it sends comes in here, every answer leaves here.

Both eras are understood on one pipe, message by message. Requests for servers become calls; the
rest is answered from the book at once. The hot path is `on_line` → `_call_tool` → `Link.submit`
and back through `answered`: callbacks and dictionary look-ups, no task and no copy of a body
beyond the part that is recorded.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from mcptui.gateway.asks import NEEDS, Asks
from mcptui.gateway.book import LIST_METHODS, Book, Target
from mcptui.gateway.call import RECORDED, Call, tool_error
from mcptui.gateway.client import LEVELS, Client
from mcptui.gateway.eras import error_to, kind_of, to_legacy, to_modern
from mcptui.gateway.limits import Limits
from mcptui.gateway.link import Link
from mcptui.gateway.record import Began, Ended, Scribe, kept
from mcptui.gateway.wire import (
    CAPABILITIES_KEY,
    HOP_KEYS,
    INTERNAL_ERROR,
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
    notification_line,
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
_EMITTED = re.compile(rb'"(?:uri|resourceUri)"\s{0,4}:\s{0,4}"([^"\\]{1,1024})"')
_EMITTED_KEPT = 4096


class _Head(msgspec.Struct, gc=False):
    isError: bool = False  # noqa: N815 the protocol's name


_head = msgspec.json.Decoder(_Head).decode


class Refused(Exception):
    """A request that is answered with a protocol error."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Session:
    """One client.

    Args:
        hub: the servers and the book.
        send: writes one line to the client; never blocks.
        client: who it is.
    """

    def __init__(self, hub: Hub, send: Callable[[bytes], None], client: Client) -> None:
        self.hub = hub
        self.send = send
        self.client = client
        self.limits: Limits = hub.limits
        self.scribe: Scribe = hub.scribe
        self.links: dict[str, Link] = {}
        self.calls: dict[bytes, Call] = {}
        self.held = 0
        self.asks = Asks(send, lambda: client.able, hub.limits.asked)
        self.emitted: dict[str, str] = {}
        self.overfull: Callable[[], bool] = lambda: False
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
            if identity in self.calls or identity in self.client.listens:
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
        call = self.calls.get(identity)
        if call is None:
            return
        if call.link is not None:
            call.link.cancel(call, "the client cancelled")
        self.asks.forget(call)
        self._finish(call, "cancelled", "the client cancelled", b"")

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
        return book.resource(uri) or self.emitted.get(uri) or self.hub.only_resource_server()

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
        if len(self.calls) >= self.limits.in_flight:
            self._begin(call)
            self._down(call, f"{self.limits.in_flight} calls are open already", "refused")
            return
        self._begin(call)
        link = self.links.get(call.server)
        if link is None:
            opened = self.hub.open(self, call.server)
            if isinstance(opened, Verdict):
                self._down(call, opened.text, opened.outcome)
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
            verdict = self.hub.verdict(call)
            if verdict is None:
                link.submit(call)
            else:
                self._answer_refused(call, verdict)

    # Back to the client; the Owner of its links

    def answered(self, call: Call, result: Part, error: Part) -> None:
        """A call's answer came."""
        if call.state:  # its client was sent away and nobody waits for this
            self.asks.forget(call)
            self._finish(call, "ok" if result else "error", "", result or error)
            return
        link = call.link
        if not result:
            self._answer_error(call, error)
            return
        if link is not None and link.modern is not call.modern:
            try:
                self._translate(call, link, result)
            except MALFORMED as fault:
                self.failed(call, f"the server's answer is not what it should be: {fault}")
            return
        self.send(result_line(call.identity, result))
        self._finish(call, "", "", result)

    def _translate(self, call: Call, link: Link, result: Part) -> None:
        if call.modern:
            self.send(result_line(call.identity, to_modern(result, call.method)))
            self._finish(call, "", "", result)
            return
        members = fields(result)
        kind = kind_of(members)
        if kind == "complete":
            self.send(result_line(call.identity, to_legacy(members)))
            self._finish(call, "", "", result)
        elif kind == "input_required" and call.rounds < self.limits.rounds:
            self._ask_round(call, link, members)
        else:
            self.failed(call, f"the server answered {kind[:40]!r}, which this client cannot take")

    def _ask_round(self, call: Call, link: Link, members: dict[str, Part]) -> None:
        call.rounds += 1
        call.soft_end = call.hard_end

        def again(extra: dict[str, Part] | None) -> None:
            if self.calls.get(call.identity) is not call or link.dead:
                return
            if extra is None:
                self.failed(call, "the client did not answer what the server asked")
                return
            for key in ("inputResponses", "requestState"):
                call.members.pop(key, None)
            call.members.update(extra)
            call.soft_end = time.monotonic() + self.limits.call
            link.submit(call)

        self.asks.run_round(link, members, again)

    def _answer_error(self, call: Call, error: Part) -> None:
        link = call.link
        if not error:
            self.failed(call, "the server answered with neither a result nor an error")
            return
        if link is not None and link.modern is not call.modern:
            error = error_to(error, call.modern)
        self.send(b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (call.identity, error))
        self._finish(call, "error", "the server answered with an error", error)

    def progressed(self, call: Call, params: dict[str, Part]) -> None:
        """A server told how far a call is."""
        call.soft_end = time.monotonic() + self.limits.call
        if not call.state and not self.overfull():
            self.send(notification_line("notifications/progress", joined(params)))

    def failed(self, call: Call, reason: str) -> None:
        """A call cannot be answered by its server."""
        self._down(call, f"The server {call.server!r} did not answer this call: {reason}.")

    def asked(self, link: Link, identity: bytes, method: str, params: Part) -> None:
        """A legacy server asks the client something."""
        calls = link.calls()
        carrier = calls[-1] if calls else None
        if carrier is not None:
            carrier.soft_end = carrier.hard_end
        if carrier is None or not carrier.modern:
            self.asks.ask(
                link, identity, method, params, lambda ok, bad: link.reply(identity, ok, bad)
            )
        elif NEEDS.get(method) in self._abilities(carrier):
            carrier.asks.append((identity, method, params))
            if not carrier.state:
                self._send_away(carrier)
        else:
            link.send(error_line(identity, METHOD_NOT_FOUND, "The client cannot be asked this"))

    @staticmethod
    def _abilities(call: Call) -> frozenset[str]:
        try:
            return frozenset(fields((call.meta or {}).get(CAPABILITIES_KEY, b"{}")))
        except MALFORMED:
            return frozenset()

    def _send_away(self, call: Call) -> None:
        self.calls.pop(call.identity, None)
        self.send(result_line(call.identity, self.asks.park(call)))

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
        self.calls[parked.identity] = parked
        link.reply(identity, answer)
        if parked.asks:
            self._send_away(parked)
        return True

    def notified(self, link: Link, method: str, params: Part) -> None:
        """A server tells something that belongs to no one call."""
        if method == "notifications/message":
            self._log_message(link, params)
        elif method.endswith("/list_changed"):
            self.hub.lists_changed(self, link)
        elif method == "notifications/resources/updated":
            self.client.tell_updated(params, self.send)
        elif method == "notifications/cancelled":
            try:
                identity = canonical_id(fields(params).get("requestId", b"null"))
            except MALFORMED:
                return
            if identity is not None:
                self.asks.withdraw(link, identity, "the server took it back")
        elif self.client.legacy and not link.modern:
            self.send(notification_line(method, params))

    def _log_message(self, link: Link, params: Part) -> None:
        if self.overfull():
            return
        if self.client.legacy:
            self.send(notification_line("notifications/message", params))
            return
        calls = link.calls()
        # Nothing in the message says whose it is: with two calls open it would be a guess.
        if len(calls) == 1 and LOG_LEVEL_KEY in (calls[0].meta or {}):
            self.send(notification_line("notifications/message", params))
        else:
            self.stderr(link, bytes(memoryview(params)[:2000]).decode("utf-8", "replace"))

    def ended(self, link: Link, reason: str) -> None:
        """A server is gone: its open calls fail with the reason, the next one starts it anew."""
        if self.links.get(link.server) is link:
            del self.links[link.server]
        self.asks.withdraw(link, None, "the server is gone")
        open_calls, waiting = link.calls(), link.waiting
        link.pending.clear()
        link.waiting = []
        advice = self.hub.link_ended(self, link, reason)
        for call in open_calls:
            if call.state:
                self.asks.forget(call)
            self._down(
                call,
                f"The server {link.server!r} ended in the middle of this call: {reason}. "
                f"It is not known how much of it was done. {advice}",
            )
        for call in waiting:
            self._down(call, f"The server {link.server!r} is down: {reason}. {advice}")

    def stderr(self, link: Link, text: str) -> None:
        """A line for the server's log."""
        self.scribe.log(link.server, text)

    def sweep(self, now: float) -> None:
        """End what takes too long."""
        for call in self.asks.sweep(now):
            if call.link is not None:
                call.link.cancel(call, "the client did not come back")
            self._finish(call, "timed out", "the client did not come back", b"")
        late = [c for c in self.calls.values() if now > c.soft_end or now > c.hard_end]
        for call in late:
            if call.link is not None:
                call.link.cancel(call, "it took too long")
            seconds = now - call.began
            self._down(
                call,
                f"The server {call.server!r} did not answer within {seconds:.0f} s, so mcptui "
                "stopped waiting and told it so. It is not known how much was done.",
                "timed out",
            )

    def close(self, reason: str) -> None:
        """The gateway ends: open calls are answered and recorded as cancelled."""
        for call in list(self.calls.values()):
            if call.link is not None:
                call.link.cancel(call, reason)
            self._down(call, f"This call was not finished: {reason}.", "cancelled")
        self.client.end_listens(self.send)

    # Records

    def _begin(self, call: Call) -> None:
        self.calls[call.identity] = call
        self.held += call.size
        call.soft_end = call.began + self.limits.call
        call.hard_end = call.began + self.limits.call_at_most
        if call.method not in RECORDED:
            return
        call.key = self.hub.next_key()
        if call.method == "tools/call":
            body = kept(call.members.get("arguments", b"{}"))
        else:
            body = joined({k: v for k, v in call.members.items() if k != "_meta"})
        who = self.client.modern_who(call.meta) if call.modern and call.meta else self.client.who
        self.scribe.write(
            Began(
                call.key, self.hub.clock(), who, call.server, call.name, call.method,
                body, call.size,
            )
        )  # fmt: skip

    def _finish(self, call: Call, outcome: str, reason: str, body: Part) -> None:
        if self.calls.get(call.identity) is call:
            del self.calls[call.identity]
        self.held -= call.size
        if not call.key:
            return
        part = kept(body)
        if not outcome:
            outcome, reason = self._read_result(call, body, part)
        elapsed = (time.monotonic() - call.began) * 1000
        size = len(memoryview(body))
        self.scribe.write(Ended(call.key, outcome, elapsed, reason, part, size))

    def _read_result(self, call: Call, body: Part, part: bytes) -> tuple[str, str]:
        if b'"uri"' in part or b'"resourceUri"' in part:
            self._note_resources(call.server, part)
        if b"isError" in part or b"isError" in bytes(memoryview(body)[-256:]):
            try:
                if _head(body).isError:
                    return "error", "the tool reported an error"
            except MALFORMED:
                return "ok", ""
        return "ok", ""

    def _note_resources(self, server: str, part: bytes) -> None:
        if len(self.emitted) > _EMITTED_KEPT:
            self.emitted.clear()
        for match in _EMITTED.finditer(part):
            self.emitted[match[1].decode("utf-8", "replace")] = server

    def _unknown(self, call: Call, message: str, code: int = INVALID_PARAMS) -> None:
        self._begin(call)
        self.send(error_line(call.identity, code, message))
        self._finish(call, "error", message, b"")

    def _refuse(self, call: Call, verdict: Verdict) -> None:
        self._begin(call)
        self._answer_refused(call, verdict)

    def _answer_refused(self, call: Call, verdict: Verdict) -> None:
        self._down(call, verdict.text, verdict.outcome, verdict.reason)

    def _down(self, call: Call, words: str, outcome: str = "error", reason: str = "") -> None:
        """Answer a call ourselves, in a form the model or its user can act on."""
        if not call.state:
            if call.method == "tools/call":
                answer = result_line(call.identity, tool_error(words, modern=call.modern))
            else:
                answer = error_line(call.identity, INTERNAL_ERROR, words)
            self.send(answer)
        self._finish(call, outcome, reason or words, b"")
