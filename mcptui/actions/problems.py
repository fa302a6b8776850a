"""What needs a person now, over all rooms: the `!` key walks it, the top bar counts it.

Reads the store, and the catalog where it is open already; asks no engine, so it is cheap enough
for every look at the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.access.standing import SignInState
from mcptui.actions.found import live_gateways
from mcptui.actions.secrets import server_secrets
from mcptui.actions.sign_in import sign_ins
from mcptui.errors import McptuiError
from mcptui.gateway.learn import LEFT_OUT

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.store.rows import ServerState


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that needs a person.

    Args:
        room: where it is solved: "servers", "access", "catalog" or "doctor".
        name: the row in that room: a server's or a finding's.
        text: one line.
        key: the key that begins to solve it there.
        tool: the tool, "" when it is not about one.
        host: the refused place on the network, "" when it is not about one.
    """

    room: str
    name: str
    text: str
    key: str
    tool: str = ""
    host: str = ""


def problems(home: Home) -> list[Problem]:
    """Everything that needs a person, the most urgent first."""
    try:
        found = [
            *_broken_file(home),
            *_changed(home),
            *_down(home),
            *_lacking(home),
            *_signed_out(home),
            *_refused(home),
            *_left_out(home),
        ]
    except McptuiError as error:
        return [Problem("doctor", "database", error.what, "enter")]
    return [*found, *_catalog(home)]


def _broken_file(home: Home) -> list[Problem]:
    """A file of interceptors that cannot be read: every call is refused for it."""
    from mcptui.guard.hook_file import read_hooks

    try:
        read_hooks(home.paths.interceptors)
    except McptuiError as error:
        return [Problem("doctor", "interceptors", f"every call is refused: {error.what}", "enter")]
    return []


def _changed(home: Home) -> list[Problem]:
    """Tools whose text differs from what was approved."""
    found: list[Problem] = []
    for row in home.store.installs():
        pins = {pin.name for pin in row.entry.tools}
        for state in home.store.tool_states(row.name):
            if state.quarantined:
                known = state.tool in pins or bool(state.approved_hash)
                text = f"{row.name}: {state.tool} {'changed' if known else 'is new'}"
                text = f"{text}, its calls are refused until you look"
                found.append(Problem("servers", row.name, text, "enter", state.tool))
    return found


def _down(home: Home) -> list[Problem]:
    """Servers that a living gateway cannot run."""
    live = {row.id for row in live_gateways(home)}
    down: dict[str, ServerState] = {}
    for state in home.store.states():
        if state.gateway in live and state.state == "down":
            down.setdefault(state.server, state)
    return [
        Problem("servers", name, f"{name} is down: {state.reason or 'nobody knows why'}", "l")
        for name, state in down.items()
    ]


def _lacking(home: Home) -> list[Problem]:
    """Servers that cannot start without a secret."""
    found: list[Problem] = []
    for one in server_secrets(home):
        if one.secret.required and not one.granted:
            verb, key = ("was not given", "space") if one.stored else ("lacks", "e")
            text = f"{one.server} {verb} the secret {one.secret.name}"
            found.append(Problem("access", one.server, text, key))
    return found


def _signed_out(home: Home) -> list[Problem]:
    """Servers that nobody is signed in to, or not with all scopes they want."""
    return [
        Problem("access", row.server, f"{row.server}: {row.state}{_because(row.reason)}", "a")
        for row in sign_ins(home)
        if row.state != SignInState.GOOD
    ]


def _because(reason: str) -> str:
    return f", {reason}" if reason else ""


def _refused(home: Home) -> list[Problem]:
    """Hosts that servers were refused since somebody last looked."""
    from mcptui.actions.network import new_refusals, suggested

    found: list[Problem] = []
    for row in home.store.installs():
        fresh = new_refusals(home, row.name)
        if fresh:
            place = suggested(fresh[0].host, fresh[0].port)
            more = f" and {len(fresh) - 1} more" if len(fresh) > 1 else ""
            text = f"{row.name} was refused {place}{more}: {fresh[0].reason}"
            found.append(Problem("servers", row.name, text, "n", host=place))
    return found


def _left_out(home: Home) -> list[Problem]:
    """Servers whose lists had items that no client can take."""
    found: list[Problem] = []
    kept = home.store.recalled(LEFT_OUT)
    for row in home.store.installs():
        texts = kept.get(LEFT_OUT + row.name)
        if texts:
            more = f" and {len(texts) - 1} more" if len(texts) > 1 else ""
            found.append(Problem("servers", row.name, f"{row.name}: {texts[0]}{more}", "l"))
    return found


def _catalog(home: Home) -> list[Problem]:
    try:
        facts = home.catalog().facts
    except McptuiError as error:
        return [Problem("doctor", "catalog", error.what, "enter")]
    if facts.stale:
        return [Problem("doctor", "catalog", "the catalog is stale: nothing new installs", "enter")]
    return []
