"""A remote server as the gateway sees any other: lines go to it, lines come back.

Behind the seam of `runtime.channel`: each message is a POST of its own, and what comes back, as a
body or as events, is given to the listener. Speaks streamable HTTP of both eras, and the oldest
HTTP transport with a stream of events where a server takes nothing else. Nothing is sent twice,
everything ends in `stop()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mcptui.gateway.credentials import SIGN_IN, Credentials, HeaderSecrets, sign_in_advice
from mcptui.gateway.http_headers import coded
from mcptui.gateway.sse import TooLarge
from mcptui.gateway.upstream_http_client import NeedsSignIn, Site, Trouble, excerpt
from mcptui.gateway.upstream_http_exchange import (
    Exchange,
    NotStreamable,
    Outgoing,
    SessionGone,
    Terms,
)
from mcptui.gateway.upstream_http_relist import list_again
from mcptui.gateway.upstream_http_streams import hear, listen
from mcptui.gateway.upstream_http_tools import ToolHeaders
from mcptui.gateway.upstream_sse_legacy import LegacySse
from mcptui.gateway.wire import (
    MALFORMED,
    Envelope,
    anything,
    fields,
    notification_line,
)
from mcptui.runtime.channel import Death, Listener
from mcptui.store.rows import Installed
from mcptui.tasks import spawn

if TYPE_CHECKING:
    import httpx

AT_ONCE = 64
"""Requests that may be under way to one server; further ones wait."""
NOTICES = 1000
"""Notifications and answers that may wait to be sent."""
NOTICE_SECONDS = 30.0
GATE_SECONDS = 10.0
"""How long requests wait for `notifications/initialized` to be taken."""
GOODBYE_SECONDS = 0.7
TAKEN = 64 << 10
"""Bytes that may still wait when `drain()` returns."""
_SESSION_LENGTH = 1024


@runtime_checkable
class Loses(Protocol):
    """A listener that can be told that one request will have no answer."""

    def on_lost(self, identity: bytes, reason: str) -> None:
        """A request got no answer, for the reason given."""


class RemoteServer:
    """One conversation with a remote server: `Running`, its `Channel`, and the exchanges' `Peer`.

    Args:
        installed: the server.
        listener: told what it says.
        url: its endpoint.
        limit: bytes of one message.
        credentials: what lets us in.
        transport: how it is reached; None for the network.

    Raises:
        UsageError: its address may not be asked.
    """

    def __init__(
        self,
        installed: Installed,
        listener: Listener,
        url: str,
        *,
        limit: int,
        credentials: Credentials | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.site = Site(installed, url, credentials or HeaderSecrets(), transport)
        self.terms = Terms(limit)
        self.tools = ToolHeaders(listener.on_stderr)
        self._listener = listener
        self._started_at = time.time()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._notices: asyncio.Queue[Outgoing] = asyncio.Queue(NOTICES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: dict[bytes, tuple[Outgoing, asyncio.Task[None]]] = {}
        self._gate: asyncio.Event | None = None
        self._modern = False
        self._sse: LegacySse | None = None
        self._opening = b""
        self._unsent = 0
        self._taken = asyncio.Event()
        self._death: Death | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._go(self._send_notices(), "notices")

    # Running

    @property
    def channel(self) -> RemoteServer:
        """Itself."""
        return self

    @property
    def container_id(self) -> str:
        """Empty: it runs in no container of ours."""
        return ""

    @property
    def started_at(self) -> float:
        """When the conversation began, Unix seconds."""
        return self._started_at

    async def stop(self, grace: float = 2.0) -> None:
        """End the conversation: close everything, end its session."""
        if self._stopping is None:
            self._stopping = spawn(self._stop(grace), f"leave {self.site.installed.name}")
        await asyncio.shield(self._stopping)

    async def _stop(self, grace: float) -> None:
        self._end("it was stopped")
        tasks = set(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        try:
            if self.terms.session and not self._modern:
                await self._goodbye(min(grace, GOODBYE_SECONDS))
        finally:
            await self.site.close()

    async def _goodbye(self, seconds: float) -> None:
        headers, self.terms.session = self.terms.headers(), ""
        with contextlib.suppress(Trouble, TimeoutError):
            async with asyncio.timeout(seconds), self.site.ask("DELETE", headers):
                pass

    def kill_now(self) -> None:
        """End it without waiting; the session ends when its server forgets it."""
        self._end("it was stopped")

    def _end(self, reason: str) -> None:
        """Nothing more is said or heard; tells the listener once, after all that was underway."""
        if self._death is not None:
            return
        self._death = Death(None, False, reason, time.time())
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        self._taken.set()
        self._listener.on_exit(self._death)

    def _go(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = spawn(work, f"{name} of {self.site.installed.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Channel

    def send(self, line: bytes) -> None:
        """Send one message, or several joined by line feeds."""
        for one in line.split(b"\n"):
            if self._death is None and one:
                self._send(one)

    def _send(self, line: bytes) -> None:
        try:
            sent = Outgoing.of(line)
        except MALFORMED:
            return  # the gateway writes its own envelopes
        if sent.message.method and sent.identity:
            self._request(sent)
        elif sent.message.method == "notifications/cancelled":
            self._cancel(sent)
        elif sent.message.method == "notifications/initialized":
            self._gate = asyncio.Event()
            self._go(self._initialized(sent, self._gate), "opening")
        elif self._modern:
            return  # a client of the newer protocol neither answers nor tells
        else:
            self._notice(sent)

    def _notice(self, sent: Outgoing) -> None:
        try:
            self._notices.put_nowait(sent)
        except asyncio.QueueFull:
            self._listener.on_stderr("[mcptui] the server takes no more notices; one was left out")

    @property
    def waiting(self) -> int:
        """Bytes that were sent and that the server has not taken yet."""
        return self._unsent

    async def drain(self) -> None:
        """Wait until most of what was sent is on its way."""
        while self._unsent > TAKEN and self._death is None:
            self._taken.clear()
            await self._taken.wait()

    def close_input(self) -> None:
        """Nothing: a remote server has no end of input."""

    # Requests

    def _request(self, sent: Outgoing) -> None:
        self._unsent += len(sent.line)
        task = self._go(self._exchange(sent), sent.message.method[:40])
        self._open[sent.identity] = (sent, task)

    async def _exchange(self, sent: Outgoing) -> None:
        try:
            await self._past_gate()
            if sent.message.method == "subscriptions/listen":
                self._sent(sent)
                await listen(self, sent, self._deliver)
            else:
                async with self._slots:
                    self._sent(sent)
                    await self._asked(sent)
        except SessionGone as trouble:
            words = f"{trouble.words} before this was done; the next call opens a new one"
            self._lost(sent, words)
            self._end(trouble.words)
        except NeedsSignIn as trouble:
            words = self._sign_in_words(trouble)
            self._lost(sent, f"{words}. {sign_in_advice(self.site.installed)}")
            if trouble.status != 403:
                self._end(words)
        except Trouble as trouble:
            self._lost(sent, trouble.words)
        finally:
            self._open.pop(sent.identity, None)

    def _sent(self, sent: Outgoing) -> None:
        self._unsent -= len(sent.line)
        self._taken.set()

    async def _past_gate(self) -> None:
        if self._gate is not None and not self._gate.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATE_SECONDS):
                    await self._gate.wait()

    async def _asked(self, sent: Outgoing) -> None:
        if self._sse is not None:
            await self._sse.post(sent)
            return
        remote = self.site.installed.entry.remote
        maybe_sse = remote is not None and remote.transport == "sse"
        try:
            await Exchange(self, sent, self._deliver).run()
        except NeedsSignIn:
            raise
        except Trouble as trouble:
            refused = isinstance(trouble, NotStreamable) or maybe_sse
            if sent.message.method != "initialize" or not refused or self._opening:
                raise
            await self._open_sse(sent, trouble)

    async def _open_sse(self, sent: Outgoing, before: Trouble) -> None:
        sse = LegacySse(self, self._deliver_sse, self._end, self._overlong)
        try:
            await sse.open()
        except NeedsSignIn:
            raise
        except Trouble as trouble:
            words = f"{before.words}; as a server of the older kind: {trouble.words}"
            raise Trouble(words, before.status) from trouble
        if sse.task is not None:
            self._tasks.add(sse.task)
            sse.task.add_done_callback(self._tasks.discard)
        self._sse = sse
        await sse.post(sent)

    def _cancel(self, sent: Outgoing) -> None:
        try:
            identity = bytes(sent.members.get("requestId", b""))
        except MALFORMED:
            return
        found = self._open.pop(identity, None)
        if found is not None:
            request, task = found
            task.cancel()  # closes the stream, which is how the newer protocol cancels
            if request.modern:
                return
        if not self._modern:
            self._notice(sent)

    def _lost(self, sent: Outgoing, reason: str) -> None:
        if self._death is None and isinstance(self._listener, Loses):
            self._listener.on_lost(sent.identity, reason)

    def _sign_in_words(self, trouble: Trouble) -> str:
        entry = self.site.installed.entry
        if entry.secrets:
            what = f"; it wants a valid {', '.join(secret.env for secret in entry.secrets)}"
        else:
            what = f"; it is signed in to with {entry.oauth.provider}" if entry.oauth else ""
        return f"{SIGN_IN}: {trouble.words}{what}"

    # What comes back

    def _deliver(self, line: bytes) -> None:
        if self._death is None:
            self._listener.on_line(line)

    def _deliver_sse(self, line: bytes) -> None:
        self._deliver(line)

    def _overlong(self, size: int) -> None:
        if self._death is None:
            self._listener.on_overlong(size)

    def opened(self, sent: Outgoing, message: Envelope, session: str) -> None:
        """See `Peer`."""
        self._modern = bool(sent.modern)
        if self._modern:
            return
        self._opening = sent.identity
        if session.isascii() and session.isprintable() and len(session) <= _SESSION_LENGTH:
            self.terms.session = session
        with contextlib.suppress(*MALFORMED):
            version = anything(fields(message.result).get("protocolVersion", b'""'))
            self.terms.version = coded(version) if isinstance(version, str) else ""

    def tools_changed(self) -> None:
        """See `Peer`: the gateway looks at the list again, and holds what is not approved."""
        self._deliver(notification_line("notifications/tools/list_changed"))

    async def list_again(self, sent: Outgoing) -> None:
        """See `Peer`."""
        await list_again(self, sent)

    # Opening and notices

    async def _initialized(self, sent: Outgoing, gate: asyncio.Event) -> None:
        try:
            await self._tell(sent)
        finally:
            gate.set()
        if self._sse is not None:
            return
        try:
            await hear(self, self._deliver, self._overlong)
        except SessionGone as trouble:
            self._end(trouble.words)
        except (Trouble, TooLarge):
            return  # the stream is optional; calls say what is wrong

    async def _send_notices(self) -> None:
        while True:
            sent = await self._notices.get()
            await self._past_gate()
            await self._tell(sent)

    async def _tell(self, sent: Outgoing) -> None:
        """Send what has no answer; a server that does not take it is told of in its log."""
        headers = sent.headers(self.terms, self.tools)
        try:
            async with asyncio.timeout(NOTICE_SECONDS):
                if self._sse is not None:
                    await self._sse.post(sent)
                    return
                async with self.site.ask("POST", headers, sent.line) as response:
                    if response.status_code == 404 and self.terms.session:
                        self._end("the server ended the session")
                    elif response.status_code >= 400:
                        raise Trouble(f"it answered HTTP {response.status_code}")
                    else:
                        await excerpt(response)  # read to its end, the connection serves again
        except (Trouble, TimeoutError) as error:
            words = error.words if isinstance(error, Trouble) else "it took too long"
            what = sent.message.method or "an answer"
            self._listener.on_stderr(f"[mcptui] {what} was not taken by the server: {words}")
