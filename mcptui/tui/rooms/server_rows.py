"""How installed servers and their tools look in a list, and how a filter finds them."""

from __future__ import annotations

from time import localtime, strftime
from typing import TYPE_CHECKING

from mcptui.catalog.search import Compare, parse
from mcptui.tui.widgets.draw import Column, Line, Span, fit
from mcptui.tui.widgets.steps import size

if TYPE_CHECKING:
    from mcptui.actions.servers import ServerRow, ToolRow
    from mcptui.store.rows import LogLine

STATES: dict[str, Span] = {
    "running": ("● running", "good"),
    "starting": ("● starting", "accent"),
    "down": ("✗ down", "bad"),
    "sign in": ("▲ sign in", "warn"),
    "stopped": ("○ ready", "dim"),
    "off": ("– off", "off"),
}
FIELDS = {
    "is": Compare.WORD,
    "kind": Compare.WORD,
    "trust": Compare.WORD,
    "tools": Compare.NUMBER,
    "calls": Compare.NUMBER,
    "errors": Compare.NUMBER,
}


def matches(row: ServerRow, text: str) -> bool:
    """Whether a filter leaves a server in the list."""
    query = parse(text, FIELDS)
    values: dict[str, object] = {
        "is": (row.state, "changed") if row.waiting else row.state,
        "kind": row.kind,
        "trust": row.trust,
        "tools": row.tools_all,
        "calls": row.calls,
        "errors": row.errors,
    }
    return query.matches(values.get, f"{row.name} {row.title} {row.publisher}".casefold())


def state(row: ServerRow) -> Span:
    """Sign and word; a tool that changed comes before everything but trouble."""
    if row.waiting and row.state not in ("down", "off", "sign in"):
        return (f"▲ {row.waiting} changed", "warn")
    return STATES.get(row.state, (row.state, ""))


def _number(value: int, style: str = "") -> Span:
    return (f"{value:,}", style) if value else ("0", "dim")


def _cpu(row: ServerRow) -> Span:
    return ("–", "dim") if row.cpu is None else (f"{row.cpu * 100:.0f}%", "")


def _memory(row: ServerRow) -> Span:
    return ("–", "dim") if row.memory is None else (size(row.memory), "")


def _name(row: ServerRow) -> Span:
    return (row.name, "off" if row.state == "off" else "strong")


COLUMNS = [
    Column("server", 12, _name, grow=1, most=28),
    Column("state", 11, state),
    Column("cpu", 4, _cpu, drop=7, right=True),
    Column("memory", 7, _memory, drop=6, right=True),
    Column("calls", 5, lambda row: _number(row.calls), drop=5, right=True),
    Column("errors", 6, lambda row: _number(row.errors, "bad"), drop=4, right=True),
    Column("tools", 6, lambda row: (f"{row.tools_on}/{row.tools_all}", ""), drop=3, right=True),
]


def _box(row: ToolRow) -> Span:
    if row.state in ("changed", "new"):
        return ("▲", "warn")
    return ("[x]", "good") if row.on else ("[ ]", "off")


def _kind(row: ToolRow) -> Span:
    if row.destroys:
        return ("✗ destroys", "bad")
    return ("read", "dim") if row.reads else ("✎ write", "warn")


def _use(row: ToolRow) -> Span:
    if row.state == "changed":
        return ("▲ changed", "warn")
    if row.state == "new":
        return ("▲ new", "warn")
    if row.state == "gone":
        return ("gone", "dim")
    if not row.on:
        return ("off", "off")
    if not row.calls:
        return ("–", "dim")
    return (f"{row.calls:,} calls" if row.calls != 1 else "1 call", "")


TOOL_COLUMNS = [
    Column("", 3, _box),
    Column("tool", 12, lambda row: (row.name, "" if row.on else "dim"), grow=1, most=34),
    Column("", 10, _kind, drop=2),
    Column("", 9, _use, drop=1, right=True),
]


def log_line(row: LogLine, width: int) -> Line:
    """One line of a server's log."""
    stamp = strftime("%H:%M:%S", localtime(row.at))
    low = row.text[:200].casefold()
    style = "bad" if "error" in low or "traceback" in low else "warn" if "warn" in low else ""
    return [(f"{stamp}  ", "dim"), (fit(row.text, max(0, width - 10)), style)]
