"""What a server may take of the machine: said by its entry, and by the person who runs it.

A person's word counts more, in both directions. What the engine can change while a server runs is
changed at once; shared memory and graphics processors come with its next start.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from mcptui.actions.found import installed
from mcptui.entry import Kind
from mcptui.errors import McptuiError, UsageError
from mcptui.fields import Table
from mcptui.own_limits import BOUNDS, OwnLimits, own_limits
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.entry import Entry
    from mcptui.home import Home
    from mcptui.store.rows import Installed

UNDO = "limits"
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a server.

    Args:
        name: "memory", "cpus", "pids", "shm" or "gpu".
        value: what holds: a number, whether it may use it, None for what the engine gives.
        entry: what its entry says, the same way.
        own: a person said it.
        unit: in what it is counted, "" for a switch.
    """

    name: str
    value: float | bool | None
    entry: float | bool | None
    own: bool
    unit: str = ""

    @property
    def text(self) -> str:
        """The value for a person."""
        if isinstance(self.value, bool):
            return "all" if self.value else "none"
        return "as the engine says" if self.value is None else f"{self.value:g} {self.unit}"


def limits_of(home: Home, name: str) -> list[Limit]:
    """The limits of a server, each with where it comes from.

    Raises:
        UsageError: no such server.
        McptuiError: it does not run here.
    """
    row = _local(home, name)
    usual, own = _of_entry(row.entry), asdict(row.choices.limits)
    return [
        Limit(
            one,
            usual[one] if own[one] is None else own[one],
            usual[one],
            own[one] is not None,
            BOUNDS[one][2] if one in BOUNDS else "",
        )
        for one in own
    ]


def set_limits(home: Home, name: str, changes: dict[str, Any]) -> str:
    """Change limits of a server; returns what was done in words.

    Args:
        home: where.
        name: an installed server.
        changes: limit → value, None for what its entry says.

    Raises:
        UsageError: no such server, an unknown limit, or a value out of bounds.
        McptuiError: it does not run here.
    """
    row = _local(home, name)
    known = {one.name for one in fields(OwnLimits)}
    if unknown := changes.keys() - known:
        raise UsageError(f"{min(unknown)!r} is no limit", fix=f"Known: {', '.join(sorted(known))}")
    before = asdict(row.choices.limits)
    wanted = {key: value for key, value in {**before, **changes}.items() if value is not None}
    after = own_limits(Table(wanted, name))
    if after == row.choices.limits:
        return f"{name}: its limits are these already"
    said = _apply(home, row, after)
    home.store.push_undo(f"limits of {name}", UNDO, {"server": name, "limits": before})
    return f"{name}: {_words(before, asdict(after), _of_entry(row.entry))}; {said}"


def take_back(home: Home, payload: dict[str, Any]) -> None:
    """Undo a change of limits.

    Raises:
        UsageError: the server is gone.
    """
    _apply(home, _local(home, payload["server"]), OwnLimits(**payload["limits"]))


def _local(home: Home, name: str) -> Installed:
    row = installed(home, name)
    if row.entry.kind is Kind.REMOTE:
        raise McptuiError(f"{name} runs elsewhere", "nothing of this machine is used for it")
    return row


def _of_entry(entry: Entry) -> dict[str, float | bool | None]:
    usual = entry.resources
    found: dict[str, float | bool | None] = {
        "memory": usual.memory, "cpus": usual.cpus, "pids": usual.pids, "shm": None, "gpu": False,
    }  # fmt: skip
    for one in entry.relaxes:
        if one.control in ("pids", "memory") and one.value.isdecimal():
            found[one.control] = max(found[one.control] or 0, int(one.value))
    return found


def _apply(home: Home, row: Installed, after: OwnLimits) -> str:
    """Store limits and give them to what runs; says since when they hold."""
    before = row.choices.limits
    home.store.put_install(replace(row, choices=replace(row.choices, limits=after)))
    home.store.wish("reload", row.name)
    if before.fixed != after.fixed:
        return "what runs is ended, they hold from its next start"
    usual, own = _of_entry(row.entry), asdict(after)
    holds = {one: own[one] or usual[one] for one in ("memory", "cpus", "pids")}
    memory = int(holds["memory"] or 0) * _MIB
    body = {
        "Memory": memory,
        "MemorySwap": memory,
        "NanoCpus": round(float(holds["cpus"] or 0) * 1e9),
        "PidsLimit": int(holds["pids"] or 0),
    }
    try:
        running = _running(home, row.name)
        for container in running:
            home.engine().update(container, body)
    except McptuiError as error:
        return f"what runs keeps what it has, they hold from its next start ({error.why})"
    if not running:
        return "they hold from its next start"
    return f"they hold now, in {plural(len(running), 'container')}"


def _running(home: Home, name: str) -> list[str]:
    from mcptui.runtime.owner import HOME, SERVER

    wanted = {SERVER: name, HOME: str(home.paths.state)}
    return [one.id for one in home.engine().found(wanted) if one.running]


def _words(before: dict[str, Any], after: dict[str, Any], usual: dict[str, Any]) -> str:
    said: list[str] = []
    for name, value in after.items():
        if value != before[name]:
            shown = Limit(name, usual[name] if value is None else value, None, False,
                          BOUNDS[name][2] if name in BOUNDS else "").text  # fmt: skip
            said.append(f"{name} {shown}" + (" as its entry says" if value is None else ""))
    return ", ".join(said)
