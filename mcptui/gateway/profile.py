"""Profiles: named sets of installed servers, each with all its tools or some, and what they offer.

A profile lives in the state database as one small value, so a running gateway that was started
with it follows every change within a moment. A bare list of names is read as well: servers with
all their tools.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from mcptui.errors import UsageError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.gateway.hub import Rows
    from mcptui.store import Store
    from mcptui.store.rows import Installed

PREFIX = "profile/"
"""Begins the names under which the store remembers profiles."""
Tools = frozenset[str] | None
"""The tools of a server that a profile has, None for all of them."""
_log = logging.getLogger("mcptui.gateway")


@dataclass(frozen=True, slots=True)
class Profile:
    """A named set of servers.

    Args:
        name: what `--profile` is given.
        servers: installed server → its tools.
        warm: a gateway with this profile starts the servers before they are called.
    """

    name: str
    servers: Mapping[str, Tools] = field(default_factory=dict[str, Tools])
    warm: bool = False

    @classmethod
    def read(cls, name: str, value: Any) -> Profile:
        """A profile from what the store remembers."""
        if isinstance(value, dict):
            found = cast("dict[str, Any]", value)
            servers = {
                str(server): None if tools is None else frozenset(map(str, tools))
                for server, tools in cast("dict[str, Any]", found.get("servers") or {}).items()
            }
            return cls(name, servers, found.get("warm") is True)
        return cls(name, dict.fromkeys(map(str, cast("list[Any]", value or [])), None))

    def value(self) -> dict[str, Any]:
        """What the store remembers."""
        tools = {
            server: None if tools is None else sorted(tools)
            for server, tools in self.servers.items()
        }
        return {"servers": tools, "warm": self.warm}


def find_profile(store: Store, name: str) -> Profile:
    """The profile of that name.

    Raises:
        UsageError: there is none.
    """
    value = store.recall(PREFIX + name)
    if value is None:
        raise UsageError(
            f"There is no profile {visible(name, limit=80)!r}", fix="`mcptui profile ls` lists them"
        )
    return Profile.read(name, value)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a gateway offers its clients.

    Args:
        rows: the servers, with what the store knows of them.
        only: server → the tools offered, where not all are.
        warm: the profile wants them started before they are called.
    """

    rows: Rows
    only: Mapping[str, Tools]
    warm: bool = False


def read_offer(store: Store, profile: str | None) -> Offer:
    """What a gateway with this profile, or with none, offers now.

    Raises:
        UsageError: there is no such profile.
        McptuiError: the store cannot be read.
    """
    chosen = None if profile is None else find_profile(store, profile)
    names = [name for name in store.names() if chosen is None or name in chosen.servers]
    found = [_readable(store, name) for name in names]
    rows: Rows = [
        (
            row,
            store.definitions(row.name),
            {state.tool: state for state in store.tool_states(row.name)},
        )
        for row in found
        if row is not None
    ]
    if chosen is None:
        return Offer(rows, {})
    return Offer(rows, chosen.servers, chosen.warm)


def offer_mark(store: Store, profile: str | None) -> str:
    """A text that differs when what is offered may differ: cheap to poll."""
    if profile is None:
        return store.mark()
    return f"{store.mark()}{store.recall(PREFIX + profile)!r}"


def _readable(store: Store, name: str) -> Installed | None:
    """One installed server; one that cannot be read is left out, not the others with it."""
    try:
        return store.installed(name)
    except UsageError as error:
        _log.error("%s was left out: %s", name, error)
        return None
