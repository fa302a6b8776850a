"""Write mcptui into clients' configs and take it out again; every change can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcptui.actions.connect_way import TOKEN_VARIABLE, Way, entry_of
from mcptui.actions.found import near
from mcptui.clients import edit, write
from mcptui.clients.edit import Preview, Request
from mcptui.clients.locate import Found, detect
from mcptui.clients.receipt import Written
from mcptui.errors import McptuiError, UsageError
from mcptui.gateway.profile import find_profile
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.home import Home

CONNECTED, FOUND, ABSENT = "connected", "found", "not installed"
CHANGED, BROKEN = "changed outside", "broken"


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One client's config as a list shows it. Names in it are outside text.

    Args:
        id: names it in commands.
        name: as its maker writes it, a profile behind a colon.
        state: connected, found, not installed, changed outside or broken.
        servers: how many installed servers it reaches through us.
        own_entries: names of its entries that run outside mcptui.
        path: its config file; None when it cannot be told which one counts.
        reload: when it reads a changed config.
        reason: why it is in this state, "" when there is nothing to say.
        evidence: what shows that it is installed.
        tool_limit: how many tools it takes, 0 when no limit is known.
        profile: the profile it was connected with, "" for all servers.
        address: of the gateway it reaches over HTTP, "" when it starts its own.
    """

    id: str
    name: str
    state: str
    servers: int
    own_entries: tuple[str, ...]
    path: Path | None
    reload: str
    reason: str = ""
    evidence: tuple[str, ...] = ()
    tool_limit: int = 0
    profile: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one client when all were connected."""

    id: str
    done: bool
    text: str


def clients(home: Home) -> list[ClientRow]:
    """Every client that we know, installed or not, connected ones first."""
    servers = sum(1 for row in home.store.installs() if row.choices.enabled)
    rows = [_row(home, found, servers) for found in _detected(home)]
    order = (CONNECTED, CHANGED, BROKEN, FOUND, ABSENT)
    return sorted(rows, key=lambda row: order.index(row.state))


def preview(
    home: Home,
    client: str,
    *,
    connect: bool | None = None,
    replace: bool = False,
    profile: str | None = None,
    http: str | None = None,
) -> Preview:
    """What `connect` or `disconnect` would do to the client's file, exactly.

    Args:
        home: the user's.
        client: its id.
        connect: put in or take out; None does what the key `c` does: the other way round.
        replace: whether another entry of our name may give way.
        profile: the profile it is to have, "" for all servers, None for what it had.
        http: the address of a gateway that it is to reach, "" for its own, None as it was.

    Raises:
        UsageError: no such client or profile, or no address of this machine.
        McptuiError: it would be refused; says why.
    """
    found = _find(home, client)
    noted = _noted(home, found)
    way = Way.wanted(profile, http) or Way.of(noted)
    if profile:
        find_profile(home.store, profile)
    entry = entry_of(home, found, way)
    if connect is None:
        connect = edit.standing(found, entry, noted).state != CONNECTED
    return edit.plan(Request(found, entry, connect, replace), noted)


def connect(
    home: Home,
    client: str,
    *,
    replace: bool = False,
    force: bool = False,
    profile: str | None = None,
    http: str | None = None,
) -> str:
    """Write mcptui into a client's config; returns what was done in words.

    Args:
        home: the user's.
        client: its id.
        replace: whether another entry of our name may give way.
        force: also when nothing shows that the client is installed.
        profile: the profile it is to have, "" for all servers, None for what it had.
        http: the address of a gateway that it is to reach, "" for its own, None as it was.

    Raises:
        UsageError: no such client or profile, no such address, or it is not installed.
        McptuiError: its file is left as it is; says why.
    """
    found = _find(home, client)
    if not found.installed and not force:
        raise UsageError(
            f"{found.name} is not installed here",
            f"nothing of it was found; its config would be {found.path}",
            "Start it once, or connect with --force",
        )
    noted = _noted(home, found)
    was = Way.of(noted) if _state(home, found, noted) == CONNECTED else None
    wanted = Way.wanted(profile, http)
    if wanted in (None, was):
        was = None  # it keeps its way, so there is none to be given back
    shown = preview(home, client, connect=True, replace=replace, profile=profile, http=http)
    done = write.apply(shown, home.store, home.paths.state)
    if not done.changes:
        return f"{found.name} is connected already"
    _remember(home, found, "connect", replace, was)
    if address := (wanted or Way.of(noted)).address:
        holds = "" if address.startswith("unix:") else f" with the token in ${TOKEN_VARIABLE}"
        return f"{found.name} is connected to the gateway at {address}{holds}"
    return f"{found.name} is connected; it starts mcptui {found.spec.reload}"


def disconnect(home: Home, client: str) -> str:
    """Take mcptui out of a client's config; returns what was done in words.

    Raises:
        UsageError: no such client.
        McptuiError: its file is left as it is; says why.
    """
    found = _find(home, client)
    noted = _noted(home, found)
    done = write.apply(preview(home, client, connect=False), home.store, home.paths.state)
    if not done.changes:
        return f"{found.name} was not connected"
    replaced = noted is not None and noted.replaced
    _remember(home, found, "disconnect", replaced, Way.of(noted))
    if done.after is None:
        return f"{found.name} is disconnected; its config, which mcptui had made, is gone"
    return f"{found.name} is disconnected"


def connect_all(home: Home) -> list[Outcome]:
    """Connect every client that is installed; one that refuses does not stop the others."""
    outcomes: list[Outcome] = []
    for row in clients(home):
        if row.state in (ABSENT, CONNECTED):
            continue
        try:
            outcomes.append(Outcome(row.id, True, connect(home, row.id)))
        except McptuiError as error:
            outcomes.append(Outcome(row.id, False, str(error)))
    return outcomes


def take_back(home: Home, payload: dict[str, Any]) -> None:
    """Undo a connect or a disconnect.

    Raises:
        McptuiError: the file is left as it is; says why.
    """
    found = _find(home, payload["client"])
    if str(found.path) != payload["path"]:
        raise McptuiError(
            f"{found.name} reads another config now", f"the change was in {payload['path']}"
        )
    # A connect that only changed the way of a connected client gives it the old one back.
    profile, http = payload.get("profile"), payload.get("address")
    back = payload["did"] == "disconnect" or profile is not None
    replace = back and payload["replace"]
    shown = preview(home, found.id, connect=back, replace=replace, profile=profile, http=http)
    write.apply(shown, home.store, home.paths.state)


def _remember(home: Home, found: Found, did: str, replace: bool, way: Way | None) -> None:
    payload = {
        "client": found.id,
        "path": str(found.path),
        "did": did,
        "replace": replace,
        "profile": None if way is None else way.profile,
        "address": None if way is None else way.address,
    }
    home.store.push_undo(f"{did} {found.name}", did, payload)


def _detected(home: Home) -> Sequence[Found]:
    return detect(home.paths, home.environ, home.platform)


def _find(home: Home, client: str) -> Found:
    every = _detected(home)
    for found in every:
        if found.id == client:
            return found
    names = [found.id for found in every]
    raise UsageError(
        f"No client {visible(client, limit=80)!r} is known",
        f"known: {', '.join(names)}",
        near(client, names),
    )


def _noted(home: Home, found: Found) -> Written | None:
    return None if found.path is None else write.noted(home.store, found.id, found.path)


def _state(home: Home, found: Found, noted: Written | None) -> str:
    return edit.standing(found, entry_of(home, found, Way.of(noted)), noted).state


def _row(home: Home, found: Found, servers: int) -> ClientRow:
    noted = _noted(home, found)
    way = Way.of(noted)
    try:
        standing = edit.standing(found, entry_of(home, found, way), noted)
    except McptuiError as error:
        standing = edit.Standing(BROKEN, reason=str(error))
    state = standing.state
    if state == FOUND and not found.installed:
        state = ABSENT
    return ClientRow(
        found.id,
        found.name,
        state,
        servers if state == CONNECTED else 0,
        standing.others,
        found.path,
        found.spec.reload,
        standing.reason,
        found.evidence,
        found.spec.tool_limit,
        way.profile if state == CONNECTED else "",
        way.address if state == CONNECTED else "",
    )
