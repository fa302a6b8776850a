"""Profiles: which servers, and which of their tools, a client is given; running gateways follow.

A client connected with a profile sees its servers and no others. Every change is one small value
in the state database, so that it can be taken back, and gateways notice it at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mcptui.actions.found import installed, near
from mcptui.actions.switch import tool_names
from mcptui.errors import McptuiError, UsageError
from mcptui.gateway.profile import PREFIX, Profile, Tools
from mcptui.gateway.profile import find_profile as _find
from mcptui.visible import visible
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.home import Home

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
KIND = "profile"


@dataclass(frozen=True, slots=True)
class ProfileServer:
    """One server of a profile.

    Args:
        name: the installed server's.
        installed: it is installed now; a profile remembers one that was removed.
        on: it is switched on.
        tools: names of the tools offered, None when no choice was made and all are.
        tools_all: how many tools it is known to have.
    """

    name: str
    installed: bool
    on: bool
    tools: tuple[str, ...] | None
    tools_all: int


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One profile.

    Args:
        warm: its servers are started before they are called.
    """

    name: str
    servers: tuple[ProfileServer, ...]
    warm: bool


def profiles(home: Home) -> list[ProfileRow]:
    """All profiles by name."""
    found = home.store.recalled(PREFIX)
    return [_row(home, Profile.read(key[len(PREFIX) :], value)) for key, value in found.items()]


def show(home: Home, name: str) -> ProfileRow:
    """One profile.

    Raises:
        UsageError: there is none of that name.
    """
    return _row(home, profile(home, name))


def profile(home: Home, name: str) -> Profile:
    """One profile as it is stored.

    Raises:
        UsageError: there is none of that name; offers the nearest.
    """
    try:
        return _find(home.store, name)
    except UsageError as error:
        names = [key[len(PREFIX) :] for key in home.store.recalled(PREFIX)]
        raise UsageError(error.what, error.why, near(name, names) or error.fix) from None


def create(home: Home, name: str, servers: Sequence[str] = (), *, warm: bool = False) -> str:
    """Make a profile; returns what was done in words.

    Raises:
        UsageError: the name cannot be one or is taken, or a server is not installed.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{visible(name, limit=80)!r} cannot be the name of a profile",
            "letters, digits, dots, dashes and underscores, 63 at most",
        )
    if home.store.recall(PREFIX + name) is not None:
        raise UsageError(
            f"There is a profile {name!r} already", fix=f"`mcptui profile show {name}`"
        )
    chosen: dict[str, Tools] = {installed(home, server).name: None for server in servers}
    _store(home, Profile(name, chosen, warm), None, f"create profile {name}")
    return f"profile {name} has {plural(len(chosen), 'server')}; {_use(name)}"


def add(home: Home, name: str, servers: Sequence[str], tools: Sequence[str] = ()) -> str:
    """Put servers into a profile, or some more tools of one; returns what was done in words.

    Args:
        home: the user's.
        name: the profile.
        servers: installed servers.
        tools: of the one server that is named: only these and those added before are offered.

    Raises:
        UsageError: no such profile, server or tool.
    """
    before = profile(home, name)
    chosen = dict(before.servers)
    if tools:
        server = _only_one(servers, "--tool")
        known = frozenset(_known_tools(home, server, tools))
        kept = chosen.get(server) if server in chosen else frozenset[str]()
        # All of them were offered until now; naming some is the wish to have just those.
        chosen[server] = known if kept is None else kept | known
        done = f"{server} with {', '.join(sorted(chosen[server] or ()))}"
    else:
        chosen |= {installed(home, server).name: None for server in servers}
        done = ", ".join(servers)
    return _changed(home, before, chosen, f"add to profile {name}", f"profile {name} has {done}")


def remove(home: Home, name: str, servers: Sequence[str], tools: Sequence[str] = ()) -> str:
    """Take servers out of a profile, or some tools of one; returns what was done in words.

    Raises:
        UsageError: no such profile, or the server or tool is not in it.
    """
    before = profile(home, name)
    chosen = dict(before.servers)
    for server in servers:
        if server not in chosen:
            fix = near(server, chosen) or f"`mcptui profile show {name}`"
            raise UsageError(f"{visible(server, limit=80)!r} is not in profile {name}", fix=fix)
    if tools:
        server = _only_one(servers, "--tool")
        have = chosen[server]
        offered = frozenset(tool_names(home, installed(home, server))) if have is None else have
        _must_have(tools, offered, f"{server} in profile {name}")
        chosen[server] = offered - frozenset(tools)
        done = f"profile {name} has {server} without {', '.join(tools)}"
    else:
        for server in servers:
            del chosen[server]
        done = f"{', '.join(servers)} left profile {name}"
    return _changed(home, before, chosen, f"remove from profile {name}", done)


def set_warm(home: Home, name: str, warm: bool) -> str:
    """Have gateways with this profile start its servers before they are called, or not."""
    before = profile(home, name)
    _store(home, replace(before, warm=warm), before, f"profile {name} warm {_word(warm)}")
    when = "with the client" if warm else "with their first call"
    return f"the servers of profile {name} start {when}"


def delete(home: Home, name: str) -> str:
    """Forget a profile; gateways that run with it offer nothing from then on.

    Raises:
        UsageError: there is none of that name.
        McptuiError: a client's config still starts us with it.
    """
    before = profile(home, name)
    from mcptui.actions.connect import clients

    using = [row.name for row in clients(home) if row.profile == name]
    if using:
        raise McptuiError(
            f"Profile {name} is in use",
            f"connected with it: {', '.join(using)}",
            "Connect them with another one first, or disconnect them",
        )
    home.store.forget(PREFIX + name)
    _remember(home, name, before, f"rm profile {name}")
    return f"profile {name} is gone"


def take_back(home: Home, payload: dict[str, Any]) -> None:
    """Undo a change of a profile."""
    key = PREFIX + str(payload["name"])
    if payload["before"] is None:
        home.store.forget(key)
    else:
        home.store.remember(key, payload["before"])


def _row(home: Home, one: Profile) -> ProfileRow:
    rows: list[ProfileServer] = []
    for server, tools in sorted(one.servers.items()):
        row = home.store.installed(server)
        count = len(tool_names(home, row)) if row is not None else 0
        shown = None if tools is None else tuple(sorted(tools))
        on = row is not None and row.choices.enabled
        rows.append(ProfileServer(server, row is not None, on, shown, count))
    return ProfileRow(one.name, tuple(rows), one.warm)


def _only_one(servers: Sequence[str], option: str) -> str:
    if len(servers) != 1:
        raise UsageError(f"{option} goes with one server", f"{len(servers)} are named")
    return servers[0]


def _known_tools(home: Home, server: str, tools: Sequence[str]) -> Sequence[str]:
    _must_have(tools, tool_names(home, installed(home, server)), server)
    return tools


def _must_have(tools: Sequence[str], known: Iterable[str], where: str) -> None:
    names = sorted(known)
    for tool in tools:
        if tool not in names:
            shown = visible(tool, limit=80)
            fix = near(tool, names) or f"known: {visible(', '.join(names), limit=300)}"
            raise UsageError(f"{where} has no tool {shown!r}", fix=fix)


def _changed(home: Home, before: Profile, chosen: dict[str, Tools], label: str, done: str) -> str:
    if chosen == dict(before.servers):
        return f"profile {before.name} is like that already"
    _store(home, replace(before, servers=chosen), before, label)
    return done


def _store(home: Home, after: Profile, before: Profile | None, label: str) -> None:
    home.store.remember(PREFIX + after.name, after.value())
    _remember(home, after.name, before, label)


def _remember(home: Home, name: str, before: Profile | None, label: str) -> None:
    value = None if before is None else before.value()
    home.store.push_undo(label, KIND, {"name": name, "before": value})


def _use(name: str) -> str:
    return f"`mcptui connect CLIENT --profile {name}` gives it to a client"


def _word(on: bool) -> str:
    return "on" if on else "off"
