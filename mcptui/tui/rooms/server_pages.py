"""The pages beside a server: its exact container, and what it is trusted for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mcptui.entry import VOLUME
from mcptui.errors import McptuiError
from mcptui.tui.widgets.draw import Line, facts, text_of, wrap
from mcptui.tui.widgets.steps import size as big

if TYPE_CHECKING:
    from mcptui.actions.servers import ServerRow, ToolRow
    from mcptui.runtime.plan import ContainerPlan
    from mcptui.store.rows import Installed
    from mcptui.store.written import WrittenRow
    from mcptui.tui.feed import Feed
    from mcptui.tui.rooms.servers import ServersRoom

_RUNS, _FILES = 3, 12
"""Runs and files of each that are shown."""
Page = Callable[[int], list[Line]]


def page_text(lines: Sequence[Line]) -> str:
    """A page as plain text."""
    return "\n".join(text_of(line).rstrip() for line in lines)


def tool_json(tool: ToolRow) -> str:
    """A tool's definition."""
    return json.dumps(tool.definition or {"name": tool.name}, indent=2, ensure_ascii=False)


def tabs(server: str, names: Sequence[str], at: int, waits: Mapping[str, str]) -> Line:
    """The names of the tabs, with what waits in them; the one that is shown in brackets."""
    line: Line = [(server, "strong"), ("  ", "")]
    for number, name in enumerate(names):
        text, here = f"{name}{waits.get(name, '')}", number == at
        line.append((f"[{text}]" if here else f" {text} ", "room" if here else "dim"))
    return line


def copies(room: ServersRoom, row: ServerRow) -> list[tuple[str, str, Callable[[], str]]]:
    """Name, reason, exposed tool name, the tool's definition, the log, hosts, the page."""
    from mcptui.tui.rooms.servers import LOGS, NETWORK, TOOLS

    offers = [("i", "name", lambda: row.name)]
    if row.reason:
        offers.append(("r", "reason", lambda: row.reason))
    tool: ToolRow | None = room.tools.row if room.tab == TOOLS else None
    if tool is not None:
        offers.append(("t", "tool name", lambda: tool.exposed))
        offers.append(("j", "tool as JSON", lambda: tool_json(tool)))
    if room.tab == LOGS and room.logs.rows:
        offers.append(("l", "log", lambda: "\n".join(line.text for line in room.logs.rows)))
    if room.tab == NETWORK:
        offers += room.hosts.copies()
    if room.tab > NETWORK:
        offers.append(("p", "this page", lambda: page_text(room.detail.lines())))
    return offers


def trouble(error: McptuiError) -> Page:
    """Why a page cannot be shown."""

    def lines(width: int) -> list[Line]:
        page = wrap(f"▲ {error.what}", width, "warn")
        page += wrap(error.why, width) if error.why else []
        return page + (wrap(error.fix, width, "accent") if error.fix else [])

    return lines


def plan_of(feed: Feed, name: str) -> Page:
    """The page of a server's container; asks the engine."""
    try:
        return plan(feed.plan(name))
    except McptuiError as error:
        return trouble(error)


def trust_of(feed: Feed, row: ServerRow) -> Page:
    """The page of what a server is trusted for; asks the store."""
    found = feed.installed().get(row.name)
    if found is None:
        return lambda _width: []
    return trust(row, found, feed.now(), feed.written(row.name))


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


def trust(row: ServerRow, found: Installed, now: float, wrote: Sequence[WrittenRow] = ()) -> Page:
    """Where it comes from, what was approved, what it may do, how it is."""
    from mcptui.actions.install_words import reaches

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
    wide = entry.remote is not None or choices.network != "listed"
    words = f"{'▲' if wide else '✓'} {reaches(entry, choices)}"
    reach = [("network", words, "warn" if wide else "good")]
    for name, picked in choices.mounts.items():
        for path, writable in picked:
            if path == VOLUME:
                reach.append((name, "✓ a volume of its own", "good"))
                continue
            how = "▲ read and write" if writable else "✓ read only"
            reach.append((name, f"{path}  {how}", "warn" if writable else ""))
    reach += [(kept.name, "✓ a volume of its own", "good") for kept in entry.volumes]
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
        page += [[], [("Now", "head")], *facts(state, width)]
        return page + [line for run in wrote[:_RUNS] for line in _wrote(run, width)]

    return lines


def _wrote(run: WrittenRow, width: int) -> list[Line]:
    """What one run left, the first few files."""
    from mcptui.actions.written import WHERE

    page: list[Line] = [[], [(f"Written until {_day(run.ended)}", "head")]]
    pairs = [
        ("–" if count < 0 else big(count), f"{path}  {WHERE.get(where, where)}".rstrip(), "")
        for path, count, where in run.files[:_FILES]
    ]
    left = len(run.files) - _FILES
    if left > 0 or run.more:
        rest = f"{left} more" if left > 0 and not run.more else "more"
        pairs.append(("", f"and {rest}: `mcptui written {run.server}`", "dim"))
    return page + facts(pairs, width)


def _day(at: float) -> str:
    return time.strftime("%d %b %Y %H:%M", time.localtime(at))


def _ago(since: float, now: float) -> str:
    if not since:
        return ""
    minutes = max(0, int(now - since) // 60)
    if minutes < 60:
        return f" for {minutes} min"
    return f" for {minutes // 60} h {minutes % 60} min"
