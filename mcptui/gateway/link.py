"""One live server of one client: ids, tokens and questions of this hop, nothing of the next.

Everything here runs in callbacks of the event loop; a call costs no task. Ids and progress tokens
towards a server are our own numbers, so an answer that comes late, twice or for nothing finds no
one and is dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mcptui.gateway.allowance import Allowance
from mcptui.gateway.call import Call
from mcptui.gateway.capable import fitted
from mcptui.gateway.eras import plain_meta
from mcptui.gateway.limits import Limits
from mcptui.gateway.surrogates import show
from mcptui.gateway.torn import answered
from mcptui.gateway.wire import (
    CAPABILITIES_KEY,
    CLIENT_KEY,
    INTERNAL_ERROR,
    LATEST_MODERN,
    MALFORMED,
    METHOD_NOT_FOUND,
    VERSION_KEY,
    Envelope,
    Part,
    canonical_id,
    decode_envelope,
    decode_error,
    encode,
    error_body,
    fault_line,
    fields,
    joined,
    notification_line,
    number_id,
    request_line,
    result_line,
)
from mcptui.runtime.channel import Death, Running

if TYPE_CHECKING:
    from mcptui.gateway.owner import Owner
    from mcptui.gateway.subscriptions import Watch

_JOINED = 256 << 10
"""Bytes of small messages that are joined into one write."""
_UNREAD_REPLIES = 4 << 20
"""Bytes a server may leave unread and still get answers to what it asks."""
_ALWAYS = ("notifications/cancelled", "notifications/subscriptions/acknowledged")


class ServerError(Exception):
    """A server answered one of our own questions with an error."""

    def __init__(self, code: int, message: str, data: bytes = b"") -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.data = data


Inquiry = asyncio.Future[bytes]
"""One of our own questions."""


class Link:
    """One server process and the calls it has.

    Args:
        server: the installed server's name.
        owner: whom to tell.
        limits: bounds.
    """

    def __init__(self, server: str, owner: Owner, limits: Limits) -> None:
        self.server = server
        self.owner = owner
        self.limits = limits
        self.running: Running | None = None
        self.ready = False
        self.dead = ""
        self.retired = False
        self.served = False
        self.modern = False
        self.version = ""
        self.capabilities: dict[str, object] = {}
        self.waiting: list[Call] = []
        self.pending: dict[int, Call | Inquiry] = {}
        self.born = self.used = time.monotonic()
        self.opening: asyncio.Task[None] | None = None
        self.stopping: asyncio.Task[None] | None = None
        self.client_meta: dict[str, Part] = {}
        self.extensions: frozenset[str] = frozenset()
        self.shared = False
        self.changed = False
        self.level = ""
        self.watch: Watch | None = None
        self._streams: dict[int, Callable[[int, Part, Part], None]] = {}
        self._loop = asyncio.get_running_loop()
        self._out: list[bytes] = []
        self._last = 0
        self._lost_answers = 0
        self._allowance = Allowance(
            lambda count: self.owner.stderr(self, f"[mcptui] {count} notices too many, left out")
        )

    # Towards the server

    def send(self, line: bytes) -> None:
        """Send one message; leaves with others of this turn of the loop."""
        self._out.append(show(line))
        if len(self._out) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self.running is None:
            return
        channel = self.running.channel
        if len(out) == 1 or sum(map(len, out)) > _JOINED:
            for line in out:
                channel.send(line)
        else:  # one write for many small messages
            channel.send(b"\n".join(out))

    def _deaf(self, most: int) -> bool:
        """Whether a server has left too much unread."""
        return self.running is not None and self.running.channel.waiting > most

    def introduce(self, client: Part, capabilities: Part) -> None:
        """Say for whom we speak; stamped on every request to a modern server."""
        self.client_meta = {
            VERSION_KEY: encode(self.version or LATEST_MODERN),
            CLIENT_KEY: client,
            CAPABILITIES_KEY: capabilities,
        }

    def submit(self, call: Call) -> None:
        """Pass a call on."""
        if self._deaf(self.limits.unread):
            call.link = self
            call.owner.failed(call, "it does not read what it is sent")
            return
        self._last = number = self._last + 1
        self.pending[number] = call
        self.used = time.monotonic()
        call.number = number
        call.link = self
        members = call.members
        if call.meta is not None or self.modern:
            self._stamp(call, members)
        params = joined(members) if members else b""
        self.send(request_line(b"%d" % number, call.method, params))

    def _stamp(self, call: Call, members: dict[str, Part]) -> None:
        meta = call.meta or {}
        if call.modern and self.modern:
            meta = dict(meta)
            said = bytes(meta.get(CAPABILITIES_KEY, b"{}"))
            meta[CAPABILITIES_KEY] = fitted(said, self.extensions, modern=True, same_era=True)
        else:
            meta = plain_meta(meta)
            if self.modern:
                meta |= call.owner.stamp(self)
        if call.token is not None:
            meta["progressToken"] = b"%d" % call.number
        if meta:
            members["_meta"] = joined(meta)
        else:
            members.pop("_meta", None)

    def cancel(self, call: Call, reason: str) -> None:
        """Tell the server, in its own numbers, that nobody waits for a call any more."""
        if self.pending.pop(call.number, None) is call:
            params = b'{"requestId":%d,"reason":%b}' % (call.number, encode(reason))
            self.send(notification_line("notifications/cancelled", params))
        elif call in self.waiting:
            self.waiting.remove(call)

    async def ask(self, method: str, params: dict[str, Part], seconds: float) -> bytes:
        """Ask the server something for ourselves.

        Raises:
            ServerError: it answered with an error, or is gone.
            TimeoutError: it did not answer in time; it was told that nobody waits.
        """
        number, answer = self.begin(method, params)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(answer)
        except TimeoutError:
            if self.pending.pop(number, None) is not None and method != "initialize":
                told = {"requestId": b"%d" % number}
                self.send(notification_line("notifications/cancelled", joined(told)))
            raise
        except asyncio.CancelledError:
            self.pending.pop(number, None)
            raise

    def begin(self, method: str, params: dict[str, Part]) -> tuple[int, Inquiry]:
        """Ask without waiting; the future has the result or a ServerError."""
        self._last = number = self._last + 1
        answer: Inquiry = asyncio.get_running_loop().create_future()
        # Whoever stopped waiting must not make the loop complain about an unread error.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self.dead:
            answer.set_exception(ServerError(INTERNAL_ERROR, self.dead))
            return number, answer
        self.pending[number] = answer
        if self.client_meta and method != "initialize" and (self.modern or not self.ready):
            params = (
                {**params, "_meta": joined(self.client_meta)} if self._modern(method) else params
            )
        self.send(request_line(b"%d" % number, method, joined(params) if params else b""))
        return number, answer

    def open_stream(
        self, method: str, params: dict[str, Part], ended: Callable[[int, Part, Part], None]
    ) -> int:
        """Send a request whose answer is the end of what it asks for; returns its number.

        Args:
            method, params: the request.
            ended: called with the number, a result and an error when the server ends it.
        """
        self._last = number = self._last + 1
        self._streams[number] = ended
        params = {**params, "_meta": joined(self.client_meta)} if self.client_meta else params
        self.send(request_line(b"%d" % number, method, joined(params)))
        return number

    def close_stream(self, number: int) -> None:
        """Tell the server that nobody listens any more."""
        if self._streams.pop(number, None) is not None:
            params = b'{"requestId":%d}' % number
            self.send(notification_line("notifications/cancelled", params))

    def drop_stream(self, number: int) -> None:
        """The server ended a stream without an answer."""
        self._streams.pop(number, None)

    def _modern(self, method: str) -> bool:
        return self.modern or method == "server/discover"

    def tell(self, method: str, params: Part = b"") -> None:
        """Send a notification."""
        self.send(notification_line(method, params))

    def reply(self, identity: bytes, result: Part, error: Part = b"") -> None:
        """Answer a question of the server's; one that reads no answers gets none."""
        if self._deaf(_UNREAD_REPLIES):
            return
        if error:
            self.send(fault_line(identity, error))
        else:
            self.send(result_line(identity, result or b"{}"))

    # From the server: the Listener of its channel

    def on_line(self, line: bytes) -> None:
        """One message of the server's."""
        try:
            message = decode_envelope(line)
        except MALFORMED as error:
            self._garbage(line, str(error))
            return
        if not message.method:
            self._answer(message)
        elif message.id:
            self._question(message)
        elif message.method in _ALWAYS or message.method.endswith("/list_changed"):
            self.owner.notified(self, message.method, message.params)
        elif not self._allowance.take():
            return
        elif message.method == "notifications/progress":
            self._progress(message)
        else:
            self.owner.notified(self, message.method, message.params)

    def _answer(self, message: Envelope) -> None:
        waiting = self.pending.pop(number_id(message.id), None)
        if waiting is None:
            self._stream_ended(number_id(message.id), message.result, message.error)
            return  # or late, doubled, an answer to nothing
        if isinstance(waiting, Call):
            self.served = True
            waiting.owner.answered(waiting, message.result, message.error)
        elif not waiting.done():
            if message.result:
                waiting.set_result(bytes(message.result))
            else:
                waiting.set_exception(_server_error(message.error))
        if self._lost_answers:
            self._settle_lost()

    def _stream_ended(self, number: int, result: Part, error: Part) -> None:
        ended = self._streams.pop(number, None)
        if ended is not None:
            ended(number, result, error)

    def _question(self, message: Envelope) -> None:
        identity = canonical_id(message.id)
        if identity is None:
            self.owner.stderr(self, "[mcptui] a request with an id that is none was left out")
        elif message.method == "ping":
            self.reply(identity, b"{}")
        elif self.modern or not self.ready:
            words = "Not now: no call is being made"
            self.reply(identity, b"", error_body(METHOD_NOT_FOUND, words))
        else:
            self.owner.asked(self, identity, message.method, message.params)

    def _progress(self, message: Envelope) -> None:
        try:
            params = fields(message.params)
            call = self.pending.get(number_id(params.get("progressToken", b"")))
        except MALFORMED:
            return
        if isinstance(call, Call) and call.token is not None:
            params["progressToken"] = call.token
            call.owner.progressed(call, params)

    def _garbage(self, line: bytes, fault: str) -> None:
        if self._allowance.take():
            shown = line[:200].decode("utf-8", "replace")
            self.owner.stderr(self, f"[mcptui] not a message ({fault[:80]}), left out: {shown}")
        self._fail(number_id(answered(line)), "the server's answer was not valid JSON")

    def _fail(self, number: int, reason: str) -> None:
        waiting = self.pending.pop(number, None)
        if isinstance(waiting, Call):
            waiting.owner.failed(waiting, reason)
        elif waiting is None:
            self._stream_ended(number, b"", error_body(INTERNAL_ERROR, reason))
        elif not waiting.done():
            waiting.set_exception(ServerError(INTERNAL_ERROR, reason))

    def on_overlong(self, size: int, ends: bytes = b"") -> None:
        """A message over the limit was dropped."""
        self.owner.stderr(self, f"[mcptui] a message of {size} bytes or more was left out")
        number = number_id(answered(ends))
        if number in self.pending or number in self._streams:
            self._fail(number, self._too_long)
        else:  # whose it was can only be told by who is left
            self._lost_answers += 1
        self._settle_lost()

    @property
    def _too_long(self) -> str:
        return f"the server's answer was larger than the limit of {self.limits.line >> 20} MiB"

    def _settle_lost(self) -> None:
        if not self._lost_answers or len(self.pending) > self._lost_answers:
            return
        self._lost_answers = 0
        for number in list(self.pending):
            self._fail(number, self._too_long)

    def on_lost(self, identity: bytes, reason: str) -> None:
        """One request got no answer, though the server lives."""
        self._fail(number_id(identity), reason)

    def on_stderr(self, text: str) -> None:
        """One line of the server's log."""
        self.owner.stderr(self, text)

    def on_exit(self, death: Death) -> None:
        """The server is gone."""
        self.end(death.words)

    def end(self, reason: str) -> None:
        """Nothing more will come; tells the owner once."""
        if self.dead:
            return
        self.dead = reason or "it ended"
        self.ready = False
        self._streams.clear()
        for number, waiting in list(self.pending.items()):
            if not isinstance(waiting, Call):
                del self.pending[number]
                if not waiting.done():
                    waiting.set_exception(ServerError(INTERNAL_ERROR, self.dead))
        self.owner.ended(self, self.dead)

    def calls(self) -> list[Call]:
        """The client's calls this server has now, oldest first."""
        return [call for call in self.pending.values() if isinstance(call, Call)]


def _server_error(error: Part) -> ServerError:
    try:
        found = decode_error(error)
    except MALFORMED:
        return ServerError(INTERNAL_ERROR, "an answer without a result or an error")
    return ServerError(found.code, found.message, bytes(found.data))
