"""The servers of one gateway as its clients see them: compared with their pins, kept apart.

A server that is broken, slow or gone concerns its own slot and nobody else's. When their
processes start and end is decided in `lifecycle.py`.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from mcptui.gateway.book import LIST_METHODS, Book, Target, bind
from mcptui.gateway.call import Call
from mcptui.gateway.capable import TASKS, UI
from mcptui.gateway.dispatch import Dispatch
from mcptui.gateway.guarding import Pipeline
from mcptui.gateway.lifecycle import Launcher, Lifecycle
from mcptui.gateway.limits import Limits
from mcptui.gateway.link import Link
from mcptui.gateway.names import SEPARATOR
from mcptui.gateway.record import Scribe
from mcptui.gateway.shared import Shared
from mcptui.gateway.slot import Slot
from mcptui.gateway.subscriptions import Watch
from mcptui.gateway.view import ServerView
from mcptui.gateway.wire import encode
from mcptui.guard.switches import Verdict
from mcptui.store.rows import Definitions, Installed, ToolState, Wish

__all__ = ["Hub", "Launcher", "Rows"]

Rows = list[tuple[Installed, Definitions | None, dict[str, ToolState]]]
"""What the store says of every installed server."""

_log = logging.getLogger("mcptui.gateway")
_CHANGES = {
    "tools/list": "notifications/tools/list_changed",
    "prompts/list": "notifications/prompts/list_changed",
    "resources/list": "notifications/resources/list_changed",
    "resources/templates/list": "notifications/resources/list_changed",
}


class Hub(Lifecycle):
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
        super().__init__(scribe, gateway, limits, clock)
        self.guards = Pipeline(scribe.log, self._definition)
        self.desk = Shared(self)
        self.book: Book = bind(())
        self.on_client: Callable[[Dispatch], None] = lambda session: None
        self._numbers = itertools.count(1)

    # What is installed

    def load(self, rows: Rows, only: Mapping[str, frozenset[str] | None] | None = None) -> None:
        """Take over the installed servers, now and whenever they changed.

        Args:
            rows: the servers.
            only: server → the tools to offer, where a profile leaves some out.
        """
        only = only or {}
        fresh = {installed.name for installed, _, _ in rows}
        if self.settings.plain_names and len(fresh) > 1 >= len(self.slots):
            _log.warning("%d servers are offered now: tools bear their server's name", len(fresh))
        for name in [name for name in self.slots if name not in fresh]:
            del self.slots[name]
            self.retire(name, "it is not offered any more")
        for installed, said, states in rows:
            slot = self.slots.get(installed.name)
            if slot is None:
                view = ServerView(installed, said, states, only.get(installed.name))
                self.slots[installed.name] = Slot(view, self.limits)
            elif slot.update(installed, said, states, only.get(installed.name)):
                self.retire(slot.name, "its settings changed")
            else:
                for session in self.sessions:
                    if (link := session.links.get(slot.name)) is not None:
                        slot.keep_to_hosts(link.running)
            slot = self.slots[installed.name]
            if not slot.view.shown and slot.state != "off":
                self.set_state(slot, "off")
            elif slot.view.shown and slot.state == "off":
                self.set_state(slot, "stopped")
        self.rebind()

    @property
    def _plain(self) -> bool:
        """Whether names are shown without their server's before them."""
        return self.settings.plain_names and len(self.slots) <= 1

    def rebind(self) -> None:
        """Write the book anew and tell clients which lists changed."""
        before = self.book
        views = (slot.view for slot in self.slots.values())
        self.book = bind(views, plain=self._plain, http=self.shares)
        for server, text in self.book.reports:
            if (server, text) not in before.reports:
                self.scribe.log(server, f"[mcptui] {text}")
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

    def _definition(self, server: str, tool: str) -> Mapping[str, Any] | None:
        slot = self.slots.get(server)
        tools = slot.view.tools() if slot is not None else []
        return next((one.definition or one.approved for one in tools if one.name == tool), None)

    def guess(self, name: str) -> Target | None:
        """Where a tool's name must lead when nothing is known yet of the server it begins with."""
        for slot in self.slots.values():
            prefix = "" if self._plain else slot.name + SEPARATOR
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

    def next_key(self) -> str:
        """A call's key, unique over all gateways."""
        return f"{self.gateway}:{next(self._numbers)}"

    # Told by servers

    def lists_changed(self, link: Link) -> None:
        """A server says that a list changed."""
        slot = self.slots.get(link.server)
        if slot is not None:
            self._learner.look_again(slot, link)

    # What clients want to be told

    def listen(self, link: Link) -> None:
        """A server is ready: have it tell what its clients want to hear."""
        link.watch = Watch(
            link,
            lambda text: self.scribe.log(link.server, f"[mcptui] {text}"),
            lambda: self.lists_changed(link),
        )
        self._tune(link)
        if link.changed:
            self.lists_changed(link)

    def watch(self, session: Dispatch) -> None:
        """What a client wants to be told has changed."""
        for link in session.links.values():
            self._tune(link)
        for server in {session.server_of(uri) for uri in session.client.watched}:
            if server is not None and server not in session.links:
                self.open(session, server)

    def _tune(self, link: Link) -> None:
        if link.watch is None:
            return
        uris: set[str] = set()
        tasks: set[str] = set()
        for one in self._users(link):
            uris.update(uri for uri in one.client.watched if one.server_of(uri) == link.server)
            for task in one.client.awaited:
                route = one.tasks.find(task)
                if route is not None and route.server == link.server:
                    tasks.add(task)
        link.watch.want(frozenset(uris), frozenset(tasks))

    def tells_of(self, server: str) -> bool:
        """Whether a server tells when its resources change, as far as anyone knows."""
        slot = self.slots.get(server)
        if slot is None or slot.view.said is None:
            return slot is not None
        offered: Any = slot.view.said.capabilities.get("resources")
        return isinstance(offered, dict) and offered.get("subscribe") is True  # pyright: ignore[reportUnknownMemberType]

    def extended(self) -> list[str]:
        """The servers that have an extension whose methods we do not know."""
        return [
            slot.name
            for slot in self.slots.values()
            if slot.view.shown and (slot.extensions or frozenset()) - {TASKS, UI}
        ]

    # Wishes, time and the end

    def wish(self, wish: Wish) -> None:
        """Do what a person asked every gateway to do."""
        slot = self.slots.get(wish.server)
        if slot is None:
            return
        slot.quick_deaths = 0
        if wish.kind in ("stop", "restart"):
            self.retire(slot.name, "its user stopped it")
        if wish.kind in ("start", "restart") and slot.view.shown:
            for session in self.sessions:
                self.open(session, slot.name)
