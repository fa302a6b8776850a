"""Who the client is and what it wants to hear: the part of a session that is no call.

A legacy client says it once, in `initialize`; a modern one with every request. Both may speak
on one pipe, so both are kept beside each other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcptui import __version__
from mcptui.gateway.capable import Abilities
from mcptui.gateway.wire import (
    CAPABILITIES_KEY,
    CLIENT_KEY,
    LATEST_LEGACY,
    LEGACY_VERSIONS,
    MALFORMED,
    SUBSCRIPTION_KEY,
    Part,
    anything,
    encode,
    fields,
    joined,
    notification_line,
    text,
    texts,
)

if TYPE_CHECKING:
    from mcptui.gateway.front import Front

_log = logging.getLogger("mcptui.gateway")
CHANGED = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
}
"""Notification → the name under which modern clients ask for it."""


@dataclass(slots=True)
class Listen:
    """One `subscriptions/listen` of a modern client: its id for us, and as the client wrote it."""

    identity: bytes
    shown: bytes
    wanted: frozenset[str]
    resources: frozenset[str]
    tasks: frozenset[str] = frozenset()


@dataclass(slots=True)
class Client:
    """What is known of one client.

    Args:
        name: what the client's config calls it, until it says its own name.
        pid: of the process that started us.
        several: it may be several clients that nobody can tell apart.
    """

    name: str
    pid: int
    version: str = ""
    protocol: str = ""
    info: bytes = b""
    capabilities: bytes = b"{}"
    abilities: Abilities = Abilities()
    several: bool = False
    log_level: str = ""
    listens: dict[bytes, Listen] = field(default_factory=dict[bytes, Listen])
    subscribed: set[str] = field(default_factory=set[str])
    _seen: dict[bytes, tuple[str, str, int]] = field(
        default_factory=dict[bytes, tuple[str, str, int]]
    )

    @property
    def legacy(self) -> bool:
        """Whether an `initialize` was answered on this connection."""
        return bool(self.protocol)

    @property
    def who(self) -> tuple[str, str, int]:
        """Name, version and pid, for the record."""
        return (self.name, self.version, self.pid)

    def introduce(self, members: dict[str, Part]) -> None:
        """Take over the params of `initialize`.

        Raises:
            MALFORMED: a part of them is not what it should be.
        """
        wanted = text(members.get("protocolVersion", b'""'))
        self.protocol = wanted if wanted in LEGACY_VERSIONS else LATEST_LEGACY
        self.info = bytes(members.get("clientInfo", b""))
        self._can(members.get("capabilities", b"{}"))
        self.name, self.version, _ = self._read(self.info)

    def modern_who(self, meta: dict[str, Part]) -> tuple[str, str, int]:
        """Who sends a modern request; remembers what the client can do."""
        raw = bytes(meta.get(CLIENT_KEY, b""))
        found = self._seen.get(raw)
        if found is None:
            if len(self._seen) > 16:
                self._seen.clear()
            found = self._seen[raw] = self._read(raw)
            if not self.legacy:
                self.name, self.version, _ = found
                self.info = raw
        if not self.legacy:
            said = meta.get(CAPABILITIES_KEY)
            if said is not None and bytes(said) != self.capabilities:
                self._can(said)
        return found

    def _can(self, capabilities: Part) -> None:
        self.capabilities = bytes(capabilities)
        self.abilities = Abilities.of(capabilities)

    def _read(self, info: bytes) -> tuple[str, str, int]:
        try:
            said: Any = anything(info) if info else {}
            name, version = said.get("name", self.name), said.get("version", "")
        except (*MALFORMED, AttributeError):
            return self.who  # whatever it is, it is no name
        return (str(name)[:100] or self.name, str(version)[:100], self.pid)

    @property
    def introduction(self) -> bytes:
        """The clientInfo that servers are given: the client's own."""
        return self.info or encode({"name": self.name or "mcptui", "version": __version__})

    def subscribe(
        self, identity: bytes, shown: bytes, wanted: Part,
        known: Callable[[str], bool], own: Callable[[str], bool],
    ) -> bytes:  # fmt: skip
        """Open a listen stream; returns the acknowledgement that must be its first message.

        Args:
            identity: the request's id as the session knows it.
            shown: the same as the client wrote it.
            wanted: what it asks to be told.
            known: whether a resource is one that can be watched.
            own: whether a task is one of this client's.

        Raises:
            MALFORMED: `wanted` is not what it should be.
        """
        asked = fields(wanted)
        kinds = frozenset(key for key in CHANGED.values() if bytes(asked.get(key, b"")) == b"true")
        uris = [uri for uri in texts(asked.get("resourceSubscriptions", b"[]")) if known(uri)]
        tasks = [task for task in texts(asked.get("taskIds", b"[]")) if own(task)]
        self.listens[identity] = Listen(identity, shown, kinds, frozenset(uris), frozenset(tasks))
        agreed: dict[str, Any] = dict.fromkeys(sorted(kinds), True)
        if "resourceSubscriptions" in asked:
            agreed["resourceSubscriptions"] = uris
        if "taskIds" in asked:
            agreed["taskIds"] = tasks
        return notification_line(
            "notifications/subscriptions/acknowledged",
            b'{"_meta":{"%b":%b},"notifications":%b}'
            % (SUBSCRIPTION_KEY.encode(), shown, encode(agreed)),
        )

    def tell_changed(self, method: str, front: Front) -> None:
        """Tell that a list changed, in the way each era allows."""
        if self.legacy:
            front.send(notification_line(method))
        kind = CHANGED[method]
        for listen in self.listens.values():
            if kind in listen.wanted:
                front.send(notification_line(method, _subscribed({}, listen)), listen.identity)

    def tell_updated(self, params: Part, front: Front) -> None:
        """Tell that a resource changed."""
        try:
            members = fields(params)
            uri = text(members.get("uri", b'""'))
        except MALFORMED:
            return
        method = "notifications/resources/updated"
        if self.legacy and any(_within(uri, watched) for watched in self.subscribed):
            front.send(notification_line(method, joined(_unsubscribed(members))))
        for listen in self.listens.values():
            if any(_within(uri, watched) for watched in listen.resources):
                line = notification_line(method, _subscribed(members, listen))
                front.send(line, listen.identity)

    def tell_task(self, task: str, params: Part, front: Front) -> None:
        """Tell a modern client how one of its tasks is."""
        for listen in self.listens.values():
            if task in listen.tasks:
                line = notification_line("notifications/tasks", _subscribed(fields(params), listen))
                front.send(line, listen.identity)

    @property
    def watched(self) -> frozenset[str]:
        """Resources it wants to be told of, in whichever way."""
        return frozenset(self.subscribed).union(*(one.resources for one in self.listens.values()))

    @property
    def awaited(self) -> frozenset[str]:
        """Tasks it wants to be told of."""
        return frozenset[str]().union(*(one.tasks for one in self.listens.values()))

    def end_listens(self, front: Front) -> None:
        """Close the listen streams in good order: their requests are answered."""
        for listen in self.listens.values():
            front.answer(
                listen.identity,
                b'{"resultType":"complete","_meta":{"%b":%b}}'
                % (SUBSCRIPTION_KEY.encode(), listen.shown),
            )
        self.listens.clear()


def _within(uri: str, watched: str) -> bool:
    """Whether a resource is the watched one, or a part of it."""
    return uri == watched or uri.startswith(watched.removesuffix("/") + "/")


def _meta_of(members: dict[str, Part]) -> dict[str, Part]:
    try:
        return fields(members.get("_meta", b"{}"))
    except MALFORMED:
        return {}


def _subscribed(members: dict[str, Part], listen: Listen) -> bytes:
    meta = {**_meta_of(members), SUBSCRIPTION_KEY: listen.shown}
    return joined({**members, "_meta": joined(meta)})


def _unsubscribed(members: dict[str, Part]) -> dict[str, Part]:
    """A notice of a modern server without its stream's id, which is between it and us."""
    meta = _meta_of(members)
    if meta.pop(SUBSCRIPTION_KEY, None) is None:
        return members
    out = {key: value for key, value in members.items() if key != "_meta"}
    return {**out, "_meta": joined(meta)} if meta else out
