"""A server that listens on HTTP inside its container, as the gateway sees any other.

The container is locked down like all others and has no network but its own loopback; the
connections come from inside it (`runtime.inward`). Its stdout and stderr are its log. When its
process ends, the conversation ends with the reason; when the conversation ends, so does it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mcptui.entry import Checked, Choices, Entry, Http, Kind, Remote, Trust
from mcptui.errors import McptuiError
from mcptui.gateway.upstream_http import Loses, RemoteServer
from mcptui.runtime.channel import Channel, Death, Listener
from mcptui.runtime.inward import Inside
from mcptui.store.rows import Installed
from mcptui.tasks import spawn

if TYPE_CHECKING:
    from mcptui.runtime.container import Container
    from mcptui.runtime.egress.rules import Policy

LISTENS_SECONDS = 45.0
"""A server may take to open its port."""
DEATH_SECONDS = 3.0
"""A container's end may take to be noticed."""
ENGINE_SECONDS = 30.0
_LINGER_SECONDS = 0.5
_LOOK_SECONDS = 0.03

Launch = Callable[[Listener], Awaitable["Container"]]
"""Starts the container with this listener."""


class NoCredentials:
    """A server of ours is shown nothing; what it needs is in its environment."""

    async def headers(self, installed: Installed, origin: str) -> Mapping[str, str]:
        """None."""
        return {}

    async def refused(
        self, installed: Installed, status: int, www_authenticate: Sequence[str]
    ) -> bool:
        """Nothing helps."""
        return False


class _Process:
    """What the container's own output and end are to the conversation: log and reason."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.death: Death | None = None
        self.told = False
        self.on_death: Callable[[], None] = lambda: None

    def on_line(self, line: bytes) -> None:
        self._listener.on_stderr(line.decode("utf-8", "replace"))

    def on_overlong(self, size: int, ends: bytes = b"") -> None:
        self._listener.on_stderr(f"[mcptui] a line of {size} bytes was left out")

    def on_stderr(self, text: str) -> None:
        self._listener.on_stderr(text)

    def on_exit(self, death: Death) -> None:
        self.death = death
        self.end(death)
        self.on_death()

    def end(self, death: Death) -> None:
        """Tell the listener of the end, once, whoever noticed it first."""
        if not self.told:
            self.told = True
            self._listener.on_exit(death)


class _Conversation:
    """What the server says over HTTP, passed on."""

    def __init__(self, listener: Listener, process: _Process, inside: Inside) -> None:
        self._listener = listener
        self._process = process
        self._inside = inside

    def on_line(self, line: bytes) -> None:
        self._listener.on_line(line)

    def on_overlong(self, size: int, ends: bytes = b"") -> None:
        self._listener.on_overlong(size, ends)

    def on_stderr(self, text: str) -> None:
        self._listener.on_stderr(text)

    def on_lost(self, identity: bytes, reason: str) -> None:
        spawn(self._lost(identity, reason), "a lost answer")

    async def _lost(self, identity: bytes, reason: str) -> None:
        """A broken connection is mostly a server that ended: its end tells more, and comes soon."""
        wait = _LINGER_SECONDS  # it may have broken the connection and be on its way out
        try:
            async with asyncio.timeout(DEATH_SECONDS):
                (await self._inside.dial()).close()
        except (ConnectionRefusedError, TimeoutError):
            wait = DEATH_SECONDS
        except OSError:  # its container is gone; a busy engine takes its time to say how it ended
            wait = ENGINE_SECONDS
        for _ in range(round(wait / _LOOK_SECONDS)):
            if self._process.told:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        # After an end nobody waits for this any more; before one somebody would wait for ever.
        if isinstance(self._listener, Loses):
            self._listener.on_lost(identity, reason)

    def on_exit(self, death: Death) -> None:
        self._process.end(death)


class InwardServer:
    """A container and the conversation with it; a `Running`.

    Args:
        container: the started container.
        remote: the conversation.
    """

    def __init__(self, container: Container, remote: RemoteServer) -> None:
        self._container = container
        self._remote = remote

    @property
    def channel(self) -> Channel:
        """Where messages go: the conversation."""
        return self._remote

    @property
    def container_id(self) -> str:
        """The engine's name for its container."""
        return self._container.container_id

    @property
    def started_at(self) -> float:
        """When its container was started, Unix seconds."""
        return self._container.started_at

    def keep_to(self, policy: Policy) -> None:
        """Have the server reach other hosts from now on."""
        self._container.keep_to(policy)

    async def stop(self, grace: float = 2.0) -> None:
        """End the conversation, then SIGTERM, kill, remove."""
        try:
            await self._remote.stop(grace)
        finally:
            await self._container.stop(grace)

    def kill_now(self) -> None:
        """End both without waiting."""
        self._remote.kill_now()
        self._container.kill_now()


def _as_remote(name: str, http: Http, url: str) -> Installed:
    """The server as the HTTP side sees any: an address, and nothing it may be shown."""
    entry = Entry(
        id=name, title=name, description="", publisher="", category="utilities", licence="",
        homepage="", source="", kind=Kind.REMOTE, checked=Checked(on=""),
        remote=Remote(url, http.transport),
    )  # fmt: skip
    return Installed(name, entry, Choices(), Trust.UNSIGNED, "", "", 0.0, 0.0)


async def open_inward(
    name: str, http: Http, listener: Listener, launch: Launch, limit: int
) -> InwardServer:
    """Start a server that listens, and wait until it does.

    Args:
        name: the server's.
        http: where it listens.
        listener: told what it says, its log, and its end.
        launch: starts its container.
        limit: bytes of one message.

    Raises:
        McptuiError: it did not start, ended, or does not listen; nothing of it is left.
    """
    import importlib

    # The HTTP library takes a tenth of a second to load: the calls of other servers go on.
    await asyncio.to_thread(importlib.import_module, "httpx")
    from mcptui.runtime.inward_transport import transport_over

    process = _Process(listener)
    process.told = True  # until it listens, whoever starts it is told, not its listener
    container = await launch(process)
    try:
        if not container.reachable:
            raise McptuiError(
                f"{name} listens on HTTP in its container, which cannot be reached there",
                "sockets come out of containers of a Linux engine on this machine only",
                "Use such an engine, or the server's stdin and stdout if it can speak there",
            )
        inside = Inside(container.dialler, http.port)
        await _listening(name, http, inside, process)
        # Servers check the Host header against rebinding, and all of them take this one.
        url = f"http://localhost:{http.port}{http.path}"
        remote = RemoteServer(
            _as_remote(name, http, url),
            _Conversation(listener, process, inside),
            url,
            limit=limit,
            credentials=NoCredentials(),
            transport=transport_over(inside.dial),
        )
    except BaseException:
        container.kill_now()
        await asyncio.shield(container.stop(0.2))
        raise
    process.told = False
    process.on_death = remote.kill_now
    if process.death is not None:
        process.on_exit(process.death)
    return InwardServer(container, remote)


async def _listening(name: str, http: Http, inside: Inside, process: _Process) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + LISTENS_SECONDS
    pause, last = _LOOK_SECONDS, "nobody listens"
    while loop.time() < until:
        if process.death is not None:
            raise McptuiError(f"{name} ended before it listened", process.death.words)
        try:
            (await inside.dial()).close()
        except (OSError, TimeoutError) as error:
            last = str(error) or type(error).__name__
        else:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, 0.25)
    raise McptuiError(
        f"{name} does not listen on port {http.port} in its container",
        f"it was given {LISTENS_SECONDS:.0f} s; {last}",
        "Its log says more; the port is `[http] port` of its entry",
    )
