"""Write mcptui into clients' configs and take it out again; every change can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcptui.actions.found import near
from mcptui.clients import edit, write
from mcptui.clients.edit import Preview, Request, entry_for
from mcptui.clients.locate import Found, detect
from mcptui.errors import McptuiError, UsageError
from mcptui.paths import Paths
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.home import Home

CONNECTED, FOUND, ABSENT = "connected", "found", "not installed"
CHANGED, BROKEN = "changed outside", "broken"
_FOLDERS = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")


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
    home: Home, client: str, *, connect: bool | None = None, replace: bool = False
) -> Preview:
    """What `connect` or `disconnect` would do to the client's file, exactly.

    Args:
        home: the user's.
        client: its id.
        connect: put in or take out; None does what the key `c` does: the other way round.
        replace: whether another entry of our name may give way.

    Raises:
        UsageError: no such client.
        McptuiError: it would be refused; says why.
    """
    found = _find(home, client)
    entry = _entry(home, found)
    noted = None if found.path is None else write.noted(home.store, found.id, found.path)
    if connect is None:
        connect = edit.standing(found, entry, noted).state != CONNECTED
    return edit.plan(Request(found, entry, connect, replace), noted)


def connect(home: Home, client: str, *, replace: bool = False, force: bool = False) -> str:
    """Write mcptui into a client's config; returns what was done in words.

    Args:
        home: the user's.
        client: its id.
        replace: whether another entry of our name may give way.
        force: also when nothing shows that the client is installed.

    Raises:
        UsageError: no such client, or it is not installed.
        McptuiError: its file is left as it is; says why.
    """
    found = _find(home, client)
    if not found.installed and not force:
        raise UsageError(
            f"{found.name} is not installed here",
            f"nothing of it was found; its config would be {found.path}",
            "Start it once, or connect with --force",
        )
    shown = preview(home, client, connect=True, replace=replace)
    done = write.apply(shown, home.store, home.paths.state)
    if not done.changes:
        return f"{found.name} is connected already"
    _remember(home, found, "connect", replace)
    return f"{found.name} is connected; it starts mcptui {found.spec.reload}"


def disconnect(home: Home, client: str) -> str:
    """Take mcptui out of a client's config; returns what was done in words.

    Raises:
        UsageError: no such client.
        McptuiError: its file is left as it is; says why.
    """
    found = _find(home, client)
    noted = None if found.path is None else write.noted(home.store, found.id, found.path)
    done = write.apply(preview(home, client, connect=False), home.store, home.paths.state)
    if not done.changes:
        return f"{found.name} was not connected"
    _remember(home, found, "disconnect", noted is not None and noted.replaced)
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
    back = payload["did"] == "disconnect"
    shown = preview(home, found.id, connect=back, replace=back and payload["replace"])
    write.apply(shown, home.store, home.paths.state)


def gateway_environ(environ: dict[str, str], paths: Paths) -> dict[str, str]:
    """Variables that a gateway needs to find this very state, and would not inherit.

    Clients give what they start a few variables at most, and programs started from a desktop
    never see the shell's. Nothing is needed where the folders are the usual ones.
    """
    if own := environ.get("MCPTUI_HOME"):
        return {"MCPTUI_HOME": str(Path(own).absolute())}
    usual = Paths.of({name: value for name, value in environ.items() if name not in _FOLDERS})
    moved = (usual.config, usual.state, usual.cache) != (paths.config, paths.state, paths.cache)
    return {name: environ[name] for name in _FOLDERS if moved and environ.get(name)}


def _remember(home: Home, found: Found, did: str, replace: bool) -> None:
    payload = {"client": found.id, "path": str(found.path), "did": did, "replace": replace}
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


def _entry(home: Home, found: Found) -> edit.Entry:
    command = (*home.gateway_command, "gateway", "run", "--client", found.spec.id)
    return entry_for(found.spec, command, gateway_environ(dict(home.environ), home.paths))


def _row(home: Home, found: Found, servers: int) -> ClientRow:
    noted = None if found.path is None else write.noted(home.store, found.id, found.path)
    try:
        standing = edit.standing(found, _entry(home, found), noted)
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
    )
