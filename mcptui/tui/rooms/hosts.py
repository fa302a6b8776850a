"""The Network tab: whom a server talked to, how much and when, what was refused it and why.

One key allows the host under the cursor or takes it away; the running server follows at once, and
`z` takes it back. Names of hosts come from the server: they pass `visible()` like all of its text.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from mcptui.tui import keys
from mcptui.tui.widgets.draw import Column, Line, Span, wrap
from mcptui.tui.widgets.line_list import LineList
from mcptui.tui.widgets.steps import size
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.actions.network import HostRow, Reach
    from mcptui.tui.rooms.servers import ServersRoom

MODES: dict[str, Span] = {
    "none": ("✓ no network: it declares no host and you allowed none", "good"),
    "listed": ("✓ the hosts with a cross, nothing else", "good"),
    "any": ("▲ any public host, by TLS on port 443", "warn"),
    "remote": ("▲ it runs elsewhere: what it reaches from there is not in our hands", "warn"),
    "learn": ("▲ learning: any public host is let through and noted; L locks the list", "warn"),
}
"""What a server may reach, in words."""


def _box(row: HostRow) -> Span:
    if row.new:
        return ("▲", "warn")
    return ("[x]", "good") if row.allowed else ("[ ]", "off")


def _verdict(row: HostRow) -> Span:
    if row.refused and (row.new or not row.allowed):
        return (f"✗ refused {row.refused:,}", "warn" if row.new else "bad")
    if row.times:
        return (f"{row.times:,} times" if row.times != 1 else "once", "")
    return ("not yet", "dim") if row.allowed else ("off", "off")


def _bytes(count: int) -> Span:
    return (size(count), "") if count else ("–", "dim")


def _at(row: HostRow) -> Span:
    if not row.at:
        return ("", "")
    return (time.strftime("%H:%M:%S", time.localtime(row.at)), "dim")


COLUMNS = [
    Column("", 3, _box),
    Column("host", 24, lambda row: (row.place, "" if row.allowed else "dim"), grow=1, most=44),
    Column("", 12, _verdict),
    Column("out", 7, lambda row: _bytes(row.bytes_out), drop=1, right=True),
    Column("in", 7, lambda row: _bytes(row.bytes_in), drop=2, right=True),
    Column("", 8, _at, drop=3, right=True),
]


def about(reach: Reach | None, row: HostRow | None, width: int) -> list[Line]:
    """What the server may reach, and the story of the host under the cursor."""
    if reach is None:
        return []
    words, style = MODES.get(reach.mode, MODES["listed"])
    page = wrap(words, width, style)
    if row is not None:
        sign, look = ("✗ ", "bad") if row.refused and not row.allowed else ("", "dim")
        page += wrap(f"{sign}{row.place}{_why(row)}", width, look)
        page += wrap(_story(row), width, "dim")
    return page[:7]


def _why(row: HostRow) -> str:
    return f": {row.reason}" if row.reason else ""


def _story(row: HostRow) -> str:
    words = [f"{plural(row.times, 'connection')}"] if row.times else []
    words += [f"refused {plural(row.refused, 'time')}"] if row.refused else []
    if row.times:
        words.append(f"{size(row.bytes_out)} out, {size(row.bytes_in)} in")
    if row.at:
        words.append(time.strftime("last %d %b %H:%M:%S", time.localtime(row.at)))
    return ", ".join(words) or "never tried"


class HostList(LineList):
    """The hosts of the server under the room's cursor."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("hosts")

    def __init__(self, room: ServersRoom) -> None:
        super().__init__(COLUMNS, key=lambda row: row.place, quiet=True, classes="detail gone")
        self.room = room
        self.reach: Reach | None = None
        self.server = ""
        self.looked_at = ""

    def clear(self) -> None:
        """No server is selected."""
        self.server, self.reach = "", None
        self.show([])

    def fill(self, server: str, reach: Reach, *, seen: bool = False) -> None:
        """Show another server's hosts, or the same ones as they are now.

        Args:
            server: its name.
            reach: its network.
            seen: the tab is on the screen.
        """
        if seen and reach.new:
            self.looked_at = server
        if not reach.rows:
            self.say([[("  It has tried to reach nothing yet.", "dim")]])
        same = server == self.server
        self.server, self.reach = server, reach
        if list(reach.rows) != list(self.rows) or not same:
            self.show(reach.rows, keep=same)
        self.refresh_bindings()

    def left(self) -> None:
        """New refusals are new no more once the screen shows something else."""
        server, self.looked_at = self.looked_at, ""
        if server:
            feed = self.room.feed
            self.room.ask("saw", lambda: feed.saw_hosts(server), lambda _: None)

    def action_turn(self) -> None:
        """Allow the host under the cursor, for this server and for good, or take it away."""
        row: HostRow | None = self.row
        if row is None:  # not greyed: the room's own key for the whole server would be meant
            self.room.front.say("No host is selected", "warn")
            return
        server, feed = self.server, self.room.feed
        self.room.do("allow", lambda: feed.allow_host(server, row.place, not row.allowed))

    def action_learn(self) -> None:
        """Let every public host through and note it, after a question; or lock what was noted."""
        server, feed = self.server, self.room.feed
        if self.reach is None or self.reach.mode in ("", "remote"):
            self.room.front.say("It has no list of hosts here", "warn")
            return
        if self.reach.mode == "learn":
            self.room.do("allow", lambda: feed.lock_hosts(server))
            return
        from mcptui.tui.sheets.confirm import ConfirmSheet

        def answered(yes: bool | None) -> None:
            if yes:
                self.room.do("allow", lambda: feed.learn_hosts(server))

        lines = [
            f"Until you lock its list, {server} may reach any public host by TLS.",
            "Each one is noted. L again locks the list to what it used; z takes it back.",
        ]
        self.room.front.push_screen(ConfirmSheet(f"Learn {server}", lines, "Learn"), answered)

    def copies(self) -> list[tuple[str, str, Any]]:
        """The host, and all of them."""
        row: HostRow | None = self.row
        if row is None or self.reach is None:
            return []
        every = "\n".join(one.place for one in self.reach.rows)
        return [("h", "host", lambda: row.place), ("a", "all hosts", lambda: every)]


def seen(reach: Reach | None) -> str:
    """The words for a tab: how many refusals are new."""
    return f" ▲{reach.new}" if reach is not None and reach.new else ""
