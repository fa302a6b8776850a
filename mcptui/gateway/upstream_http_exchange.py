"""One request to a remote server: its POST, the stream of its answer, and what may go wrong.

The answer comes as one JSON body or as an event stream, on which the server may first tell and
ask other things. A stream of the older protocol that breaks after an event with an id is read on
where it broke; nothing is ever sent a second time, but a call that was refused for its headers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mcptui.gateway.http_headers import HEADER_MISMATCH, NAMED_BY, coded
from mcptui.gateway.sse import Event, EventParser, TooLarge
from mcptui.gateway.upstream_http_client import (
    NeedsSignIn,
    Site,
    Trouble,
    body,
    chunks,
    excerpt,
    media_type,
)
from mcptui.gateway.upstream_http_tools import ToolHeaders
from mcptui.gateway.wire import (
    MALFORMED,
    VERSION_KEY,
    Envelope,
    Part,
    canonical_id,
    decode_batch,
    decode_envelope,
    decode_error,
    fault_line,
    fields,
    text,
)
from mcptui.visible import visible

if TYPE_CHECKING:
    import httpx

ACCEPT = "application/json, text/event-stream"
JSON = "application/json"
EVENTS = "text/event-stream"
AFTER_ANSWER = 0.25
"""Seconds a stream may go on after the answer, so that its connection can be used again."""
RESUMES = 5
"""Times in a row a broken stream is read on without anything new on it."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class SessionGone(Trouble):
    """The server no longer knows our session."""


class NotStreamable(Trouble):
    """The server refused the opening in a way a server of the oldest HTTP transport does."""


@dataclass(slots=True)
class Terms:
    """What was agreed on with a server.

    Args:
        version: the older protocol's version, "" before it is agreed on.
        session: the id of the older protocol's session, "" without one.
        limit: bytes of one message.
    """

    limit: int
    version: str = ""
    session: str = ""

    def headers(self) -> dict[str, str]:
        """What every request of the older protocol carries."""
        out: dict[str, str] = {}
        if self.version:
            out["MCP-Protocol-Version"] = self.version
        if self.session:
            out["Mcp-Session-Id"] = self.session
        return out


@dataclass(slots=True)
class Outgoing:
    """A message on its way to the server, with what its headers need.

    Args:
        line: its bytes.
        message: its envelope.
        modern: the version it names in its `_meta`, "" for the older protocol.
    """

    line: bytes
    message: Envelope
    members: dict[str, Part] = field(default_factory=dict[str, Part])
    modern: str = ""

    @classmethod
    def of(cls, line: bytes) -> Outgoing:
        """Read a message that is about to be sent.

        Raises:
            MALFORMED: it is none.
        """
        message = decode_envelope(line)
        out = cls(line, message)
        if message.method and message.params:
            with contextlib.suppress(*MALFORMED):
                out.members = fields(message.params)
                meta = out.members.get("_meta")
                version = fields(meta).get(VERSION_KEY) if meta is not None else None
                out.modern = text(version) if version is not None else ""
        return out

    @property
    def identity(self) -> bytes:
        """The request's id in its one form; empty for a notification."""
        return canonical_id(self.message.id) or b""

    def headers(self, terms: Terms, tools: ToolHeaders) -> dict[str, str]:
        """The headers of its POST."""
        out = {"Accept": ACCEPT, "Content-Type": JSON}
        method = self.message.method
        if not self.modern:
            return out if method == "initialize" else out | terms.headers()
        out["MCP-Protocol-Version"] = coded(self.modern)
        out["Mcp-Method"] = coded(method)
        if (key := NAMED_BY.get(method)) and key in self.members:
            with contextlib.suppress(*MALFORMED):
                out["Mcp-Name"] = coded(text(self.members[key]))
        return out | tools.of_call(self.members) if method == "tools/call" else out


class Peer(Protocol):
    """What an exchange needs of the server it belongs to."""

    site: Site
    terms: Terms
    tools: ToolHeaders

    def opened(self, sent: Outgoing, message: Envelope, session: str) -> None:
        """The answer to an opening request came, with the session's id in its header."""

    async def list_again(self, sent: Outgoing) -> None:
        """List the tools anew: a call was refused for its headers."""

    def tools_changed(self) -> None:
        """The server's tools are not what they were when they were listed."""


class Exchange:
    """See the module.

    Args:
        peer: the server.
        sent: the request.
        deliver: told every message that comes.
    """

    def __init__(self, peer: Peer, sent: Outgoing, deliver: Callable[[bytes], None]) -> None:
        self._peer = peer
        self._sent = sent
        self._deliver = deliver
        self._session = ""
        self._parser: EventParser | None = None
        self.answered = False
        self.refused = False

    async def run(self) -> None:
        """Send the request and take its answer.

        Raises:
            Trouble: there is none; says why.
        """
        try:
            if not await self._post():
                await self._peer.list_again(self._sent)
                if not await self._post():
                    raise Trouble("it refuses the headers of this call")
        except TooLarge as error:
            limit = self._peer.terms.limit >> 20
            raise Trouble(f"its answer was larger than the limit of {limit} MiB") from error

    async def _post(self) -> bool:
        peer, sent = self._peer, self._sent
        headers = sent.headers(peer.terms, peer.tools)
        async with peer.site.ask("POST", headers, sent.line) as response:
            self._session = response.headers.get("mcp-session-id", "")
            if response.status_code >= 400:
                return await self._refused(response)
            await self._take(response)
        await self._resume()
        if not self.answered:
            raise Trouble("the connection ended before the answer came")
        return True

    async def _take(self, response: httpx.Response) -> None:
        kind = media_type(response)
        if response.status_code in (202, 204):
            raise Trouble(f"it took the request (HTTP {response.status_code}) without an answer")
        if kind == JSON:
            for part in _messages(await body(response, self._peer.terms.limit)):
                self._message(bytes(part), alone=True)
            if not self.answered:
                raise Trouble("what it sent is no answer to this request")
        elif kind == EVENTS:
            await self._read(response)
        else:
            shown = visible(kind, limit=60) or "a body without a type"
            raise Trouble(f"it answered HTTP {response.status_code} with {shown}, which is no MCP")

    # The stream

    async def _read(self, response: httpx.Response) -> None:
        parser = EventParser(self._event, self._peer.terms.limit)
        parser.go_on(self._parser)
        self._parser = parser
        enough: float | None = None
        try:
            async with aclosing(chunks(response)) as pieces:
                while True:
                    async with asyncio.timeout_at(enough):
                        chunk = await anext(pieces, None)
                    if chunk is None:
                        return
                    parser.feed(chunk)
                    if self.answered and enough is None:
                        enough = asyncio.get_running_loop().time() + AFTER_ANSWER
        except TimeoutError:
            return
        except Trouble:
            if not self.answered and not self._resumable:
                raise

    @property
    def _resumable(self) -> bool:
        return bool(not self._sent.modern and self._parser and self._parser.last_id)

    async def _resume(self) -> None:
        tries = 0
        while not self.answered and self._parser and self._resumable and tries < RESUMES:
            before = self._parser.last_id
            pause = self._parser.retry if self._parser.retry is not None else FIRST_PAUSE
            await asyncio.sleep(min(pause, LONGEST_PAUSE))
            headers = {"Accept": EVENTS, "Last-Event-ID": coded(before)}
            headers |= self._peer.terms.headers()
            async with self._peer.site.ask("GET", headers) as response:
                if response.status_code == 404 and self._peer.terms.session:
                    raise SessionGone("it ended the session while the answer was under way", 404)
                if response.status_code >= 400 or media_type(response) != EVENTS:
                    raise Trouble(
                        "the connection broke before the answer came, and the server does not "
                        f"go on with it (HTTP {response.status_code})"
                    )
                await self._read(response)
            tries = tries + 1 if self._parser.last_id == before else 0

    def _event(self, event: Event) -> None:
        if event.kind == "endpoint":
            raise NotStreamable("it speaks the older HTTP with events")
        if event.kind == "message" and event.data:
            self._message(event.data)

    def _message(self, data: bytes, *, alone: bool = False) -> None:
        line = flat(data)
        try:
            message = decode_envelope(line)
        except MALFORMED:
            self._deliver(line)  # the link says what is wrong with it
            return
        if not message.method and (self._is_mine(message.id) or (alone and _faceless(message))):
            line = self._answer(message, line)
        self._deliver(line)

    def _is_mine(self, identity: Part) -> bool:
        mine, theirs = self._sent.identity, bytes(identity)
        return theirs in (mine, b'"%b"' % mine) or canonical_id(theirs) == mine

    def _answer(self, message: Envelope, line: bytes) -> bytes:
        self.answered = True
        self.refused = bool(message.error)
        method = self._sent.message.method
        if not self._is_mine(message.id):
            return fault_line(self._sent.identity, message.error)
        if method in ("initialize", "server/discover") and message.result:
            self._peer.opened(self._sent, message, self._session)
        elif method == "tools/list" and self._sent.modern and message.result:
            changed = self._peer.tools.listed(message.result)
            if changed is not None:
                return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (self._sent.identity, changed)
        return line

    # A refusal

    async def _refused(self, response: httpx.Response) -> bool:
        """Pass on what the server says; gives False when the call may be sent again."""
        status, sent = response.status_code, self._sent
        said = await excerpt(response)
        error = _error_in(said)
        if status in (401, 403):
            raise NeedsSignIn(f"it answered HTTP {status}{_told(said)}", status)
        if self._lost_session(status, error):
            raise SessionGone("the server ended the session", status)
        if error and sent.modern and _code(error) == HEADER_MISMATCH:
            name = text(sent.members.get("name", b'""'))
            if sent.message.method == "tools/call" and not self._peer.tools.knows(name):
                return False
            self._peer.tools_changed()
        if sent.message.method == "initialize" and not error:
            raise NotStreamable(f"it answered HTTP {status}{_told(said)}", status)
        if not error:
            raise Trouble(f"it answered HTTP {status}{_told(said)}", status)
        self.answered = self.refused = True
        self._deliver(fault_line(sent.identity, error))
        return True

    def _lost_session(self, status: int, error: bytes) -> bool:
        if self._sent.modern or not self._peer.terms.session:
            return False
        if self._sent.message.method == "initialize":
            return False
        return status == 404 or (status == 400 and b"session" in error.lower())


def flat(data: bytes) -> bytes:
    """A JSON text on one line: outside strings line ends mean nothing, inside they cannot be."""
    if b"\n" in data or b"\r" in data:
        return data.replace(b"\n", b" ").replace(b"\r", b" ")
    return data


def _messages(data: bytes) -> list[Part]:
    if data.lstrip(b" \t\r\n")[:1] == b"[":
        with contextlib.suppress(*MALFORMED):
            return list(decode_batch(data))
    return [data]


def _faceless(message: Envelope) -> bool:
    """Whether this is an error that does not say whose it is."""
    return bool(message.error) and bytes(message.id) in (b"", b"null")


def _error_in(said: bytes) -> bytes:
    try:
        return flat(bytes(decode_envelope(said).error))
    except MALFORMED:
        return b""


def _code(error: bytes) -> int:
    try:
        return decode_error(error).code
    except MALFORMED:
        return 0


def _told(said: bytes) -> str:
    shown = visible(" ".join(said[:2000].decode("utf-8", "replace").split()), limit=200)
    return f": {shown}" if shown and not shown.startswith("<") else ""
