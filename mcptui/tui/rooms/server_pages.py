"""The pages beside a server: its exact container, and what it is trusted for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mcptui.errors import McptuiError
from mcptui.tui.widgets.draw import Line, facts, text_of, wrap

if TYPE_CHECKING:
    from mcptui.actions.servers import ServerRow, ToolRow
    from mcptui.runtime.plan import ContainerPlan
    from mcptui.store.rows import Installed

Page = Callable[[int], list[Line]]


def page_text(lines: Sequence[Line]) -> str:
    """A page as plain text."""
    return "\n".join(text_of(line).rstrip() for line in lines)


def tool_json(tool: ToolRow) -> str:
    """A tool's definition."""
    return json.dumps(tool.definition or {"name": tool.name}, indent=2, ensure_ascii=False)


def trouble(error: McptuiError) -> Page:
    """Why a page cannot be shown."""

    def lines(width: int) -> list[Line]:
        page = wrap(f"▲ {error.what}", width, "warn")
        page += wrap(error.why, width) if error.why else []
        return page + (wrap(error.fix, width, "accent") if error.fix else [])

    return lines


def plan(made: ContainerPlan) -> Page:
    """The exact docker arguments, one option a line, and what is unusual about them."""
    arguments = made.docker_arguments()
    warnings = made.warnings

    def lines(width: int) -> list[Line]:
        page: list[Line] = [[("The exact container, as docker would be told", "head")]]
        page += argument_lines(arguments, width)
        for text in warnings:
            page += [[], *wrap(f"▲ {text}", width, "warn")]
        page += [
            [],
            *wrap("Secrets never stand here: they reach the server by a pipe.", width, "dim"),
        ]
        return page

    return lines


def argument_lines(arguments: Sequence[str], width: int) -> list[Line]:
    """A command line for reading: one option with its value a line."""
    page: list[Line] = []
    line = ""
    for word in arguments:
        shown = word if word and " " not in word else f"'{word}'"
        fresh = word.startswith("-") or (line and not line.lstrip().startswith("-"))
        if fresh and line:
            page += wrap(line, width, "", "  ")
            line = ""
        line = f"{line} {shown}" if line else shown
    return page + (wrap(line, width, "", "  ") if line else [])


def trust(row: ServerRow, found: Installed, now: float) -> Page:
    """Where it comes from, what was approved, what it may do, how it is."""
    entry, choices = found.entry, found.choices
    signed = row.trust == "signed"
    source = "✓ signed catalog" if signed else "▲ unsigned, your own"
    pairs = [
        ("from", f"{source}, {found.origin}", "good" if signed else "warn"),
        ("address", entry.remote.url, "")
        if entry.remote is not None
        else ("image", f"{found.image_id[:19] or '–'}…", ""),
        ("installed", _day(found.installed_at), ""),
    ]
    if found.updated_at != found.installed_at:
        pairs.append(("updated", _day(found.updated_at), ""))
    pins = sum(1 for tool in entry.tools if tool.hash)
    pairs.append(("tools", f"✓ {pins} pinned by the catalog" if pins else "▲ pinned as first seen",
                  "good" if pins else "warn"))  # fmt: skip
    if row.waiting:
        pairs.append(("", f"▲ {row.waiting} changed: refused until you look (enter)", "warn"))
    reach = [("network", "✓ none", "good")]
    if entry.remote is not None:
        reach = [("network", "▲ runs elsewhere: what its tools are called with goes there", "warn")]
    elif choices.open_network:
        reach = [("network", "▲ open: any host", "warn")]
    for name, picked in choices.mounts.items():
        for path, writable in picked:
            how = "▲ read and write" if writable else "✓ read only"
            reach.append((name, f"{path}  {how}", "warn" if writable else ""))
    state = [("state", f"{row.state}{_ago(row.since, now)}", "")]
    if row.reason:
        state.append(("why", row.reason, "bad"))
    if row.strain:
        state.append(("limits", row.strain, "warn"))
    state.append(("restarts", str(row.restarts), ""))
    state.append(("gateways", str(row.gateways), ""))

    def lines(width: int) -> list[Line]:
        page: list[Line] = [[("Trust", "head")], *facts(pairs, width)]
        page += [[], [("May reach", "head")], *facts(reach, width)]
        for one in entry.relaxes:
            page += facts([(f"▲ {one.control}", f"relaxed: {one.reason}", "warn")], width)
        return page + [[], [("Now", "head")], *facts(state, width)]

    return lines


def _day(at: float) -> str:
    return time.strftime("%d %b %Y %H:%M", time.localtime(at))


def _ago(since: float, now: float) -> str:
    if not since:
        return ""
    minutes = max(0, int(now - since) // 60)
    if minutes < 60:
        return f" for {minutes} min"
    return f" for {minutes // 60} h {minutes % 60} min"
