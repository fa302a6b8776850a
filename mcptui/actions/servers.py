"""The installed servers as a person looks at them: state, use, tools, log and exact container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcptui.access.standing import SignInState, standing
from mcptui.actions.found import installed, live_gateways
from mcptui.actions.install_remote import host_of
from mcptui.actions.sign_in import signs_in_at
from mcptui.actions.signed_images import signed_words
from mcptui.entry import Kind
from mcptui.errors import McptuiError

if TYPE_CHECKING:
    from mcptui.entry import ToolPin
    from mcptui.home import Home
    from mcptui.runtime.plan import ContainerPlan
    from mcptui.store.rows import Installed, LogLine, ServerState, ToolState

DAY = 86_400.0
ORDER = ("running", "starting", "down", "stopped")
"""Of the states a server has in several gateways, the first of these is told."""
STRAINED, NEARLY_FULL = 0.25, 0.9
"""From these shares on it is told that a server is slowed down, or near the end of its memory."""
FAILED = frozenset({"error", "timed out", "lost"})
"""Outcomes of calls that count as errors."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server's containers take together.

    Args:
        cpu: cores, 0.5 is half a core.
        memory: bytes.
        containers: how many there are.
        limit: bytes that one of them may take, 0 when not known.
        held: how much of the time the kernel held the worst of them back, 0 to 1.
        full: how much of its memory the fullest of them has in use, 0 to 1.
    """

    cpu: float
    memory: int
    containers: int
    limit: int = 0
    held: float = 0.0
    full: float = 0.0


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One installed server.

    Args:
        state: "running", "starting", "down", "stopped" (starts with the next call), "off", or
            "sign in" for a remote server that does not let us in.
        reason: why it is down or wants a sign-in, in words.
        cpu: cores, None while nothing is known.
        memory: bytes, None while nothing is known.
        calls, errors: of the last day.
        tools_on, tools_all: tools that may be called, and all it has.
        waiting: tools whose text changed and waits for a decision.
        since: when the state began, unix seconds, 0 when it never did.
        gateways: in how many gateways it runs or starts.
        containers: the engine's ids.
        strain: which of its limits holds it up now, in words.
    """

    name: str
    title: str
    state: str
    reason: str
    cpu: float | None
    memory: int | None
    calls: int
    errors: int
    tools_on: int
    tools_all: int
    waiting: int
    kind: str
    trust: str
    publisher: str
    origin: str
    image_id: str
    network: str
    restarts: int
    since: float
    installed_at: float
    updated_at: float
    gateways: int
    containers: tuple[str, ...]
    strain: str = ""
    image_signed: str = ""


@dataclass(frozen=True, slots=True)
class ToolRow:
    """One tool of a server.

    Args:
        name: the server's own name for it.
        exposed: the name under which clients see it.
        on: it may be called.
        state: "ok", "changed", "new" (nobody approved it yet) or "gone" (no longer offered).
        reads, destroys: what it says of itself.
        calls, errors, blocked: of the last day.
        definition: the approved text, or the new one of a tool that was never approved.
    """

    server: str
    name: str
    exposed: str
    title: str
    description: str
    on: bool
    state: str
    reads: bool
    destroys: bool
    calls: int
    errors: int
    blocked: int
    definition: dict[str, Any] | None


def servers(home: Home, usage: Mapping[str, Usage] | None = None) -> list[ServerRow]:
    """All installed servers by name; cheap enough to be asked ten times a second.

    Args:
        home: whose servers.
        usage: what `usage()` found last.
    """
    store = home.store
    live = {row.id for row in live_gateways(home)}
    states: dict[str, list[ServerState]] = {}
    for state in store.states():
        if state.gateway in live:
            states.setdefault(state.server, []).append(state)
    counts = _counts(store.call_counts(home.clock() - DAY))
    usage = usage or {}
    return [
        _row(home, row, states.get(row.name, []), counts.get(row.name, {}), usage.get(row.name))
        for row in store.installs()
    ]


def usage(home: Home) -> dict[str, Usage]:
    """What the running containers take now, by server; slow, it asks the engine.

    Raises:
        TryAgain: no engine answers.
    """
    live = {row.id for row in live_gateways(home)}
    owners = {
        state.container: state.server
        for state in home.store.states()
        if state.container and state.gateway in live
    }
    if not owners:
        return {}
    found: dict[str, Usage] = {}
    for container, stats in home.engine().stats(list(owners)).items():
        before = found.get(owners[container], Usage(0.0, 0, 0))
        found[owners[container]] = Usage(
            before.cpu + stats.cpu,
            before.memory + stats.memory,
            before.containers + 1,
            stats.limit,
            max(before.held, stats.held),
            max(before.full, stats.memory / stats.limit if stats.limit else 0.0),
        )
    return found


def tools_of(home: Home, name: str) -> list[ToolRow]:
    """The tools of one server, as it lists them, pinned ones first.

    Raises:
        UsageError: no such server.
    """
    return _tools(home, installed(home, name))


def all_tools(home: Home) -> list[ToolRow]:
    """The tools of all servers."""
    return [tool for row in home.store.installs() for tool in _tools(home, row)]


def log_of(home: Home, name: str, limit: int = 1_000, after: int = 0) -> list[LogLine]:
    """The last lines a server wrote to its stderr, oldest first; outside text as it is.

    Raises:
        UsageError: no such server.
    """
    installed(home, name)
    return home.store.log(name, after=after, limit=limit)


def plan_of(home: Home, name: str) -> ContainerPlan:
    """The exact container a server runs in.

    Raises:
        UsageError: no such server.
        McptuiError: it is remote, or its image is gone.
        TryAgain: no engine answers.
    """
    from mcptui.actions.planning import plan_for

    row = installed(home, name)
    if row.entry.kind is Kind.REMOTE:
        raise McptuiError(
            f"{name} runs in no container of yours",
            f"it is a remote server at {host_of(row.entry)}",
        )
    facts = home.engine().image_facts(row.image_id)
    return plan_for(home, row.entry, row.choices, facts, row.name)


def _row(
    home: Home,
    row: Installed,
    states: list[ServerState],
    counts: Mapping[tuple[str, str], int],
    used: Usage | None,
) -> ServerRow:
    tools = _views(home, row)
    waiting = sum(one.quarantined for one in home.store.tool_states(row.name))
    state = min(states, key=_rank, default=None)
    said = "off" if not row.choices.enabled else state.state if state else "stopped"
    wanted = _sign_in(home, row)
    if wanted and said in ("stopped", "down"):
        said = "sign in"
    return ServerRow(
        name=row.name,
        title=row.entry.title,
        state=said,
        reason=wanted or (state.reason if state and said != "off" else ""),
        cpu=used.cpu if used else None,
        memory=used.memory if used else None,
        calls=sum(counts.values()),
        errors=sum(count for (_, outcome), count in counts.items() if outcome in FAILED),
        tools_on=sum(on for _, on in tools),
        tools_all=len(tools),
        waiting=waiting,
        kind=row.entry.kind.value,
        trust=row.trust.value,
        publisher=row.entry.publisher,
        origin=row.origin,
        image_id=row.image_id,
        network=row.choices.network,
        restarts=max((one.restarts for one in states), default=0),
        since=state.since if state else 0.0,
        installed_at=row.installed_at,
        updated_at=row.updated_at,
        gateways=sum(one.state in ("running", "starting") for one in states),
        containers=tuple(one.container for one in states if one.container),
        strain=_strain(row, used) if used else "",
        image_signed=signed_words(row.entry),
    )


def _strain(row: Installed, used: Usage) -> str:
    """Which limits hold a server up, "" when none does."""
    said: list[str] = []
    if used.held >= STRAINED:
        cores = row.choices.limits.cpus or row.entry.resources.cpus
        said.append(
            f"slowed down {used.held * 100:.0f} % of the time: it wants more than {cores:g} cores"
        )
    if used.full >= NEARLY_FULL:
        mib = used.limit // (1 << 20)
        said.append(f"its memory is {used.full * 100:.0f} % full: at {mib} MiB it is ended")
    return "; ".join(said)


def _sign_in(home: Home, row: Installed) -> str:
    """Why a server needs a sign-in, "" when it does not."""
    if not signs_in_at(row) or not row.choices.enabled:
        return ""
    stands = standing(home.store, row.name)
    if stands.state in (SignInState.NEEDED, SignInState.MORE):
        return stands.reason or stands.state
    first = stands.state == SignInState.NONE and row.entry.oauth is not None
    return "nobody is signed in yet" if first else ""


def _rank(state: ServerState) -> int:
    return ORDER.index(state.state) if state.state in ORDER else len(ORDER)


def _counts(
    counted: Mapping[tuple[str, str, str], int],
) -> dict[str, dict[tuple[str, str], int]]:
    """Calls by server, then by tool and outcome."""
    found: dict[str, dict[tuple[str, str], int]] = {}
    for (server, tool, outcome), count in counted.items():
        found.setdefault(server, {})[tool, outcome] = count
    return found


def _views(home: Home, row: Installed) -> list[tuple[str, bool]]:
    """Names of a server's tools, and whether each may be called."""
    from mcptui.gateway.view import ServerView

    states = {state.tool: state for state in home.store.tool_states(row.name)}
    view = ServerView(row, home.store.definitions(row.name), states)
    return [(tool.name, tool.verdict is None) for tool in view.tools()]


def _tools(home: Home, row: Installed) -> list[ToolRow]:
    from mcptui.gateway.names import exposed_names
    from mcptui.gateway.view import ServerView

    states = {state.tool: state for state in home.store.tool_states(row.name)}
    view = ServerView(row, home.store.definitions(row.name), states)
    pins = {pin.name: pin for pin in row.entry.tools}
    counts = _counts(home.store.call_counts(home.clock() - DAY)).get(row.name, {})
    tools = view.tools()
    names = exposed_names((row.name, tool.name) for tool in tools)
    found: list[ToolRow] = []
    for tool in tools:
        state, pin = states.get(tool.name), pins.get(tool.name)
        definition = tool.approved or (state.seen_definition if state else None)
        reads, destroys = _hints(definition, pin)
        mine = {outcome: count for (name, outcome), count in counts.items() if name == tool.name}
        found.append(
            ToolRow(
                server=row.name,
                name=tool.name,
                exposed=names[row.name, tool.name],
                title=str((definition or {}).get("title") or ""),
                description=str((definition or {}).get("description") or _words(pin)),
                on=tool.verdict is None,
                state=_tool_state(state, pin),
                reads=reads,
                destroys=destroys,
                calls=sum(mine.values()),
                errors=sum(count for outcome, count in mine.items() if outcome in FAILED),
                blocked=mine.get("blocked", 0) + mine.get("refused", 0),
                definition=dict(definition) if definition is not None else None,
            )
        )
    return found


def _tool_state(state: ToolState | None, pin: ToolPin | None) -> str:
    if state is None:
        return "ok"
    if state.quarantined:
        return "changed" if pin is not None or state.approved_hash else "new"
    return "ok" if state.seen_hash else "gone"


def _hints(definition: Mapping[str, Any] | None, pin: ToolPin | None) -> tuple[bool, bool]:
    if definition is not None:
        return hints_of(definition)
    return (pin.reads, pin.destroys) if pin is not None else (False, False)


def hints_of(definition: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether a tool says of itself that it only reads, and that it may destroy."""
    hints: Any = definition.get("annotations")
    if not isinstance(hints, Mapping):
        return False, False
    reads = hints.get("readOnlyHint") is True  # pyright: ignore[reportUnknownMemberType]
    destroys = hints.get("destructiveHint") is True  # pyright: ignore[reportUnknownMemberType]
    return reads, destroys and not reads


def _words(pin: ToolPin | None) -> str:
    return pin.description if pin is not None else ""
