"""The servers of one gateway: opened on first use, compared with their pins, kept apart.

A server that is broken, slow or gone concerns its own slot and nobody else's. Each client has its
own process of a server, since a server that speaks the older protocol belongs to one
conversation; starting one is single-flight, because a link exists from the first call on and
later calls wait in it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable

from mcptui.errors import McptuiError, TryAgain
from mcptui.gateway.book import LIST_METHODS, Book, Target, bind
from mcptui.gateway.call import Call
from mcptui.gateway.dispatch import Dispatch
from mcptui.gateway.handshake import CannotOpen, shake
from mcptui.gateway.learn import Learner
from mcptui.gateway.limits import Limits
from mcptui.gateway.link import Link, ServerError
from mcptui.gateway.names import SEPARATOR
from mcptui.gateway.record import Scribe
from mcptui.gateway.slot import Slot
from mcptui.gateway.view import ServerView
from mcptui.gateway.wire import encode
from mcptui.guard.switches import Verdict
from mcptui.runtime.channel import Listener, Running
from mcptui.store.rows import Definitions, Installed, ServerState, ToolState, Wish
from mcptui.tasks import spawn

Launcher = Callable[[Installed, Listener], Awaitable[Running]]
"""Starts a server; raises McptuiError with what to do when it cannot."""
Rows = list[tuple[Installed, Definitions | None, dict[str, ToolState]]]
"""What the store says of every installed server."""

_CHANGES = {
    "tools/list": "notifications/tools/list_changed",
    "prompts/list": "notifications/prompts/list_changed",
    "resources/list": "notifications/resources/list_changed",
    "resources/templates/list": "notifications/resources/list_changed",
}
_log = logging.getLogger("mcptui.gateway")


async def _no_launcher(installed: Installed, listener: Listener) -> Running:
    raise McptuiError(f"{installed.name} cannot be started", "this gateway has no launcher")


class Hub:
    """See the module.

    Args:
        scribe: writes rows.
        gateway: this gateway's id.
        limits: bounds.
        clock: unix seconds.
    """

    def __init__(
        self,
        scribe: Scribe,
        gateway: str,
        limits: Limits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.launcher: Launcher = _no_launcher
        self.scribe = scribe
        self.gateway = gateway
        self.limits = limits
        self.clock = clock
        self.slots: dict[str, Slot] = {}
        self.sessions: list[Dispatch] = []
        self.book: Book = bind(())
        self.ending = False
        self.on_client: Callable[[Dispatch], None] = lambda session: None
        self._numbers = itertools.count(1)
        self._learner = Learner(scribe, clock, self.rebind)
        self.launched = False
        self._opening: set[asyncio.Task[None]] = set()
        self._warming = False

    # What is installed

    def load(self, rows: Rows) -> None:
        """Take over the installed servers, now and whenever they changed."""
        fresh = {installed.name for installed, _, _ in rows}
        for name in [name for name in self.slots if name not in fresh]:
            del self.slots[name]
            self._retire(name, "it was removed")
        for installed, said, states in rows:
            slot = self.slots.get(installed.name)
            if slot is None:
                view = ServerView(installed, said, states)
                self.slots[installed.name] = Slot(view, self.limits)
            elif slot.update(installed, said, states):
                self._retire(slot.name, "its settings changed")
            slot = self.slots[installed.name]
            if not slot.view.shown and slot.state != "off":
                self._set(slot, "off")
            elif slot.view.shown and slot.state == "off":
                self._set(slot, "stopped")
        self.rebind()

    def rebind(self) -> None:
        """Write the book anew and tell clients which lists changed."""
        before, self.book = self.book, bind(slot.view for slot in self.slots.values())
        changed = {
            _CHANGES[method]
            for method in LIST_METHODS
            if before.lists[method] != self.book.lists[method]
        }
        for session in self.sessions:
            for method in sorted(changed):
                session.client.tell_changed(method, session.front)

    def verdict(self, call: Call) -> Verdict | None:
        """Whether a call that waited may still be made."""
        slot = self.slots.get(call.server)
        if slot is None:
            text = f"The server {call.server!r} was removed."
            return Verdict("blocked", "server removed", text)
        if call.method != "tools/call":
            return None
        return next((tool.verdict for tool in slot.view.tools() if tool.name == call.name), None)

    def guess(self, name: str) -> Target | None:
        """Where a tool's name must lead when nothing is known yet of the server it begins with."""
        for slot in self.slots.values():
            prefix = slot.name + SEPARATOR
            if name.startswith(prefix) and not slot.view.known:
                own = name.removeprefix(prefix)
                return Target(slot.name, own, encode(own))
        return None

    def only_resource_server(self) -> str | None:
        """The server an unlisted address must be of: the only one that has resources at all."""
        able = [
            slot.name
            for slot in self.slots.values()
            if slot.view.shown
            and slot.view.said is not None
            and "resources" in slot.view.said.capabilities
        ]
        return able[0] if len(able) == 1 else None

    # Clients

    def client_known(self, session: Dispatch) -> None:
        """A client said who it is."""
        self.on_client(session)

    def client_ready(self, session: Dispatch) -> None:
        """A client waits for answers: servers nobody knows anything of are opened to learn."""
        if not self._warming and any(not slot.view.known for slot in self.slots.values()):
            self._warming = True
            spawn(self._warm(session), "learn of new servers")

    async def _warm(self, session: Dispatch) -> None:
        # One after the other: a machine that starts ten containers at once answers nobody.
        for slot in list(self.slots.values()):
            if slot.view.known or slot.starts or slot.hold() is not None or self.ending:
                continue
            link = self.open(session, slot.name)
            while isinstance(link, Link) and not link.ready and not link.dead:
                await asyncio.sleep(0.05)
        self._warming = False

    def next_key(self) -> str:
        """A call's key, unique over all gateways."""
        return f"{self.gateway}:{next(self._numbers)}"

    # Opening

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
        link = session.links[server] = Link(server, session, self.limits)
        opening = spawn(self._open(session, slot, link), f"open {server}")
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        return link

    async def _open(self, session: Dispatch, slot: Slot, link: Link) -> None:
        slot.restarts += 1 if slot.starts else 0
        slot.starts += 1
        self._set(slot, "starting")
        try:
            await asyncio.sleep(slot.delay())
            self.launched = True
            running = link.running = await self.launcher(slot.view.installed, link)
            if self.ending or session.links.get(slot.name) is not link:
                raise CannotOpen(link.dead or "it is no longer wanted")
            hello = await shake(
                link, slot.era, session.client.introduction, session.client.capabilities
            )
            await self._learner.tools(slot, link, hello)
        except Exception as error:
            await self._not_opened(slot, link, error)
            return
        if link.dead or self.ending:
            await self._stop(link)
            return
        link.ready = True
        self._set(slot, "running", "", running.container_id)
        session.opened(link)
        self._learner.listen(link)
        await self._learner.rest(slot, link, hello)

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
        await self._stop(link)

    def link_ended(self, link: Link, reason: str) -> str:
        """A server is gone; returns what a person can do."""
        slot = self.slots.get(link.server)
        if slot is None or self.ending:
            return ""
        if not link.retired:
            slot.died(time.monotonic() - link.born)
            self._set(slot, "down", reason)
        if link.running is not None:
            spawn(self._stop(link), f"stop {link.server}")
        if slot.hold() is not None:
            return slot.advice
        return f"The next call starts it again. {slot.advice}"

    async def _stop(self, link: Link) -> None:
        running, link.running = link.running, None
        if running is not None:
            try:
                async with asyncio.timeout(3 * self.limits.stop + 1):
                    await running.stop(self.limits.stop)
            except Exception as error:
                _log.warning("stopping %s: %s", link.server, error)
                running.kill_now()

    def _retire(self, server: str, reason: str) -> None:
        """End a server's processes in all sessions; the next call starts a new one."""
        slot = self.slots.get(server)
        for session in self.sessions:
            link = session.links.get(server)
            if link is not None:
                link.retired = True
                link.end(reason)
                if link.running is not None:
                    spawn(self._stop(link), f"retire {server}")
                if slot is not None:
                    self._set(slot, "stopped", reason)

    def lists_changed(self, link: Link) -> None:
        """A server says that a list changed."""
        slot = self.slots.get(link.server)
        if slot is not None:
            self._learner.look_again(slot, link)

    def watch_resource(self, session: Dispatch, server: str, uri: str) -> None:
        """Have a server tell when a resource changes."""
        spawn(self._watch(session, server, uri), f"watch a resource of {server}")

    async def _watch(self, session: Dispatch, server: str, uri: str) -> None:
        link = self.open(session, server)
        if isinstance(link, Verdict):
            return
        while not link.ready and not link.dead:
            await asyncio.sleep(0.05)
        try:
            if link.modern:
                wanted = encode({"resourceSubscriptions": [uri]})
                link.begin("subscriptions/listen", {"notifications": wanted})
            else:
                await link.ask("resources/subscribe", {"uri": encode(uri)}, self.limits.question)
        except (ServerError, TimeoutError) as error:
            self.scribe.log(server, f"[mcptui] cannot watch a resource: {error}")

    # Wishes, time and the end

    def wish(self, wish: Wish) -> None:
        """Do what a person asked every gateway to do."""
        slot = self.slots.get(wish.server)
        if slot is None:
            return
        slot.quick_deaths = 0
        if wish.kind in ("stop", "restart"):
            self._retire(slot.name, "its user stopped it")
        if wish.kind in ("start", "restart") and slot.view.shown:
            for session in self.sessions:
                self.open(session, slot.name)

    def sweep(self) -> None:
        """End what takes too long; called a few times a second."""
        now = time.monotonic()
        for session in self.sessions:
            session.sweep(now)

    async def close(self, reason: str) -> None:
        """End all servers, within the limit."""
        self.ending = True
        links = [link for session in self.sessions for link in session.links.values()]
        for session in self.sessions:
            session.close(reason)
        # One that is only just being started has no container yet that could be stopped.
        ends = [*self._opening, *(spawn(self._stop(link), "stop at the end") for link in links)]
        if ends:
            await asyncio.wait(ends, timeout=self.limits.end)
        for link in links:
            if link.running is not None:
                link.running.kill_now()

    def _set(self, slot: Slot, state: str, reason: str = "", container: str = "") -> None:
        slot.state, slot.reason, slot.container = state, reason, container
        row = ServerState(
            self.gateway, slot.name, state, reason, container, self.clock(), slot.restarts
        )
        self.scribe.do(lambda store: store.put_state(row))
