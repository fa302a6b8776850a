"""When servers start and end: on first use or warm, idle ones stopped, never too many at once.

Each client has its own process of a server, since a server that speaks the older protocol belongs
to one conversation; starting one is single-flight, because a link exists from the first call on
and later calls wait in it. A new process waits until the one before it is gone. Nothing is ever
sent twice: what a server was given when it died is answered with an error.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from mcptui.entry import Kind
from mcptui.errors import McptuiError, TryAgain
from mcptui.gateway.dispatch import Dispatch
from mcptui.gateway.handshake import CannotOpen, shake
from mcptui.gateway.learn import Learner
from mcptui.gateway.limits import Limits
from mcptui.gateway.link import Link, ServerError
from mcptui.gateway.owner import Owner
from mcptui.gateway.record import Scribe
from mcptui.gateway.settings import Settings
from mcptui.gateway.slot import Slot
from mcptui.guard.switches import Verdict
from mcptui.runtime.channel import Listener, Running
from mcptui.store.rows import Installed, ServerState
from mcptui.tasks import spawn
from mcptui.words import plural, span

Launcher = Callable[[Installed, Listener], Awaitable[Running]]
"""Starts a server; raises McptuiError with what to do when it cannot, Full when there are too many
servers on the engine."""

ROOM_SECONDS = 0.2
"""Between two looks whether a server has ended that left room for another."""
_log = logging.getLogger("mcptui.gateway")


class Full(TryAgain):
    """As many servers run as may; one that ends makes room."""


async def _no_launcher(installed: Installed, listener: Listener) -> Running:
    raise McptuiError(f"{installed.name} cannot be started", "this gateway has no launcher")


class Lifecycle:
    """See the module.

    Args:
        scribe: writes rows.
        gateway: this gateway's id.
        limits: bounds.
        clock: unix seconds.
    """

    def __init__(
        self, scribe: Scribe, gateway: str, limits: Limits, clock: Callable[[], float]
    ) -> None:
        self.launcher: Launcher = _no_launcher
        self.scribe = scribe
        self.gateway = gateway
        self.limits = limits
        self.clock = clock
        self.settings = Settings()
        self.slots: dict[str, Slot] = {}
        self.sessions: list[Dispatch] = []
        self.ending = False
        self.launched = False
        self.warm_all = False
        self.shares = False  # over HTTP, many clients
        self.desk: Owner
        self._learner = Learner(scribe, clock, self.rebind)
        self._opening: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.Task[None]] = set()
        self._held: set[Link] = set()
        self._warmed: dict[Dispatch, asyncio.Task[None]] = {}

    def listen(self, link: Link) -> None:
        """A server is ready: the hub has it tell what clients want to hear."""

    def rebind(self) -> None:
        """The lists changed; the hub writes its book anew."""

    # Starting

    def open(self, session: Dispatch, server: str) -> Link | Verdict:
        """The client's link to a server, started when there is none; or why there is none."""
        link = session.links.get(server)
        if link is not None:
            return link
        slot = self.slots.get(server)
        if slot is None or self.ending:
            text = "The gateway is ending." if self.ending else f"No server {server!r} any more."
            return Verdict("error", text, text)
        held = slot.hold()
        if held is not None:
            return held
        shared = self.shares and slot.view.installed.entry.stateless
        if shared and (link := self._shared(server)) is not None:
            session.links[server] = link
            return link
        link = session.links[server] = Link(server, self.desk if shared else session, self.limits)
        link.shared = shared
        before, session.latest[server] = session.latest.get(server), link
        opening = link.opening = spawn(self._open(session, slot, link, before), f"open {server}")
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        return link

    def _shared(self, server: str) -> Link | None:
        """The process of a stateless server that other clients have already."""
        links = [one for s in self.sessions if (one := s.links.get(server)) is not None]
        return next((link for link in links if link.shared), None)

    def _users(self, link: Link) -> list[Dispatch]:
        """The clients who have a process."""
        return [one for one in self.sessions if one.links.get(link.server) is link]

    async def _open(self, session: Dispatch, slot: Slot, link: Link, before: Link | None) -> None:
        slot.restarts += 1 if slot.starts else 0
        slot.starts += 1
        self.set_state(slot, "starting")
        try:
            await self._gone(before)
            await asyncio.sleep(slot.delay())
            running = link.running = await self._launch(slot, link)
            slot.keep_to_hosts(running)  # others may have been chosen meanwhile
            if self.ending or not self._users(link):
                raise CannotOpen(link.dead or "it is no longer wanted")
            hello = await shake(
                link,
                slot.era,
                session.client.introduction,
                lambda modern, known: session.capabilities_for(link, modern=modern, known=known),
                slot.extensions,
            )
            await self._learner.tools(slot, link, hello)
        except Exception as error:
            await self._not_opened(slot, link, error)
            return
        if link.dead or self.ending:
            await self._ended(link)
            return
        link.ready = True
        link.used = time.monotonic()
        self.set_state(slot, "running", "", running.container_id)
        session.opened(link)
        self.listen(link)
        await self._learner.rest(slot, link, hello)

    @staticmethod
    async def _gone(before: Link | None) -> None:
        """One process of a server and client at most: wait for the end of the last one."""
        if before is not None and before.opening is not None:
            await asyncio.wait([before.opening])
        if before is not None and before.stopping is not None:
            await asyncio.wait([before.stopping])

    async def _launch(self, slot: Slot, link: Link) -> Running:
        """Start a server as soon as there is room for it.

        Raises:
            Full: there was none in time.
            CannotOpen: it is no longer wanted, or its start took too long.
        """
        until = time.monotonic() + self.limits.room
        counted = slot.view.installed.entry.kind is not Kind.REMOTE
        while True:
            try:
                if counted:
                    self._take_room(link)
                self.launched = True
                async with asyncio.timeout(self.limits.start):
                    return await self.launcher(slot.view.installed, link)
            except TimeoutError as error:
                seconds = span(self.limits.start)
                raise CannotOpen(f"its container was not started within {seconds}") from error
            except Full:
                self._held.discard(link)
                if time.monotonic() > until:
                    raise
            self._make_room(slot.name)
            await asyncio.sleep(ROOM_SECONDS)
            if link.dead or self.ending:
                raise CannotOpen(link.dead or "the gateway is ending")

    def _take_room(self, link: Link) -> None:
        if len(self._held) >= self.limits.containers:
            raise Full(
                f"{plural(len(self._held), 'server')} of this client run already, all in use",
                "no more are started at once",
                "Call again later; `containers` in config.toml is the limit",
            )
        self._held.add(link)

    def _make_room(self, server: str) -> None:
        """Stop the server of ours that has been idle for longest, if there is one."""
        idle = [
            (link.used, link)
            for session in self.sessions
            for link in session.links.values()
            if link.ready and link in self._held and not self._busy(link)
        ]
        if idle:
            _, link = min(idle, key=lambda found: found[0])
            self._retire_link(link, f"idle: it made room for {server}")

    async def _not_opened(self, slot: Slot, link: Link, error: Exception) -> None:
        if isinstance(error, McptuiError | CannotOpen):
            reason = str(error)
        elif isinstance(error, ServerError | TimeoutError):
            reason = link.dead or f"its tools could not be listed: {error}"
        else:
            _log.error("opening %s failed", slot.name, exc_info=error)
            reason = f"{type(error).__name__}: {error}"
        if isinstance(error, TryAgain):
            slot.quick_deaths -= 1  # the engine's fault, not the server's
        self.scribe.log(slot.name, f"[mcptui] {reason}")
        link.end(reason)
        await self._ended(link)

    async def _ended(self, link: Link) -> None:
        self._end(link)
        if link.stopping is not None:
            await asyncio.wait([link.stopping])
        self._held.discard(link)

    # Before anybody asks

    def client_ready(self, session: Dispatch) -> None:
        """A client waits for answers: servers that are to be warm are started, and those nobody
        knows anything of are opened to learn."""
        if session not in self._warmed or self._warmed[session].done():
            names = [slot.name for slot in self.slots.values() if self._wanted(slot)]
            if any(name not in session.links for name in names):
                self._warmed[session] = spawn(self._warm(session, names), "warm servers")

    def _wanted(self, slot: Slot) -> bool:
        learn = not slot.view.known and not slot.starts
        return learn or self.settings.is_warm(slot.name, self.warm_all)

    async def _warm(self, session: Dispatch, names: list[str]) -> None:
        # Few at a time: a machine that starts ten containers at once answers nobody.
        gate = asyncio.Semaphore(self.limits.warm_at_once)

        async def one(name: str) -> None:
            async with gate:
                slot = self.slots.get(name)
                if slot is None or slot.hold() is not None or self.ending:
                    return
                if session in self.sessions and not self._crowded():
                    await self.opened(self.open(session, name))

        await asyncio.gather(*map(one, names))

    def _crowded(self) -> bool:
        """Whether a start would take another server's place: nothing is warmed at that price."""
        return len(self._held) >= self.limits.containers

    async def opened(self, link: Link | Verdict) -> Link | None:
        """Wait until a server can be called; None when it cannot."""
        if isinstance(link, Verdict):
            return None
        while not link.ready and not link.dead and link.opening is not None:
            await asyncio.wait([link.opening], timeout=0.1)
        return link if link.ready else None

    # Ending

    def link_ended(self, link: Link, reason: str) -> str:
        """A server is gone; returns what a person can do."""
        self._end(link)
        slot = self.slots.get(link.server)
        if slot is None or self.ending:
            return ""
        if not link.retired:
            self._settle(slot, "down", reason)
            # One that has answered calls can run: what ended it may be this one call.
            slot.died(time.monotonic() - link.born, counts=not link.served)
        if slot.hold() is not None:
            return slot.advice
        return f"The next call starts it again. {slot.advice}"

    def _end(self, link: Link) -> None:
        running, link.running = link.running, None
        if running is not None:
            link.stopping = spawn(self._stop(link, running), f"stop {link.server}")
            self._ends.add(link.stopping)
            link.stopping.add_done_callback(self._ends.discard)

    async def _stop(self, link: Link, running: Running) -> None:
        try:
            async with asyncio.timeout(3 * self.limits.stop + 1):
                await running.stop(self.limits.stop)
        except Exception as error:
            _log.warning("stopping %s: %s", link.server, error)
            running.kill_now()
        self._held.discard(link)

    def retire(self, server: str, reason: str) -> None:
        """End a server's processes in all sessions; the next call starts a new one."""
        for session in self.sessions:
            link = session.links.get(server)
            if link is not None:
                self._retire_link(link, reason)

    def _retire_link(self, link: Link, reason: str) -> None:
        link.retired = True
        link.end(reason)
        slot = self.slots.get(link.server)
        if slot is not None:
            self._settle(slot, "stopped", reason)

    async def drop(self, session: Dispatch, reason: str) -> None:
        """A client is gone, and others stay: its open calls are ended, its servers stopped."""
        session.close(reason)
        if session in self.sessions:
            self.sessions.remove(session)
        links = [link for link in session.links.values() if not self._users(link)]
        for link in links:
            self._retire_link(link, reason)
            session.unlink(link)
        self._warmed.pop(session, None)
        for link in links:
            await self._gone(link)

    def sweep(self) -> None:
        """End what takes too long and what nobody uses; called a few times a second."""
        now = time.monotonic()
        for session in self.sessions:
            session.sweep(now)
            for link in list(session.links.values()):
                self._sweep_link(session, link, now)

    def _sweep_link(self, session: Dispatch, link: Link, now: float) -> None:
        slot = self.slots.get(link.server)
        if slot is None or not link.ready:
            return
        entry = slot.view.installed.entry
        patience = self.settings.idle_of(slot.name, entry.stateless, self.limits)
        if link.calls() or link.waiting:
            link.used = now
        elif 0 < patience < now - link.used and not self._busy(link):
            self._retire_link(link, f"idle: nobody used it for {span(patience)}")

    def _busy(self, link: Link) -> bool:
        """Whether somebody counts on this very process."""
        if link.calls() or link.waiting:
            return True
        for session in self._users(link):
            watched = session.client.watched
            if session.asks.open_with(link) or session.client.awaited:
                return True
            if any(session.server_of(uri) == link.server for uri in watched):
                return True
        return False

    async def close(self, reason: str) -> None:
        """End all servers, within the limit."""
        self.ending = True
        links = [link for session in self.sessions for link in session.links.values()]
        for session in self.sessions:
            session.close(reason)
        for link in links:
            self._end(link)
        # One that is only just being started has no container yet that could be stopped.
        ends = [*self._opening, *self._ends]
        if ends:
            await asyncio.wait(ends, timeout=self.limits.end)

    # States

    def _settle(self, slot: Slot, state: str, reason: str) -> None:
        """Tell a server's state after the end of one of its processes: others may live."""
        links = [one for s in self.sessions if (one := s.links.get(slot.name)) is not None]
        live = next((link for link in links if link.ready and link.running is not None), None)
        if live is not None and live.running is not None:
            self.set_state(slot, "running", "", live.running.container_id)
        elif links:
            self.set_state(slot, "starting")
        else:
            self.set_state(slot, state, reason)

    def set_state(self, slot: Slot, state: str, reason: str = "", container: str = "") -> None:
        """Tell everybody how a server fares."""
        slot.state, slot.reason, slot.container = state, reason, container
        row = ServerState(
            self.gateway, slot.name, state, reason, container, self.clock(), slot.restarts
        )
        self.scribe.do(lambda store: store.put_state(row))
