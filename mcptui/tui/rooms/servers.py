"""The installed servers: what runs, what it takes, its tools, log, container and trust.

Numbers of cpu and memory are asked every two seconds, and only while the room is on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.timer import Timer
from textual.widget import Widget

from mcptui.errors import McptuiError
from mcptui.tui import keys
from mcptui.tui.rooms import server_pages
from mcptui.tui.rooms.hosts import HostList, about, seen
from mcptui.tui.rooms.room import Room
from mcptui.tui.rooms.server_rows import COLUMNS, TOOL_COLUMNS, log_line, matches
from mcptui.tui.widgets.detail import Detail
from mcptui.tui.widgets.draw import Column, Line, wrap
from mcptui.tui.widgets.line_list import LineList
from mcptui.tui.widgets.line_tail import LineTail
from mcptui.tui.widgets.line_view import LineView
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.actions.network import Reach
    from mcptui.actions.servers import ServerRow, ToolRow, Usage
    from mcptui.store.rows import LogLine

TABS = ("Tools", "Logs", "Net", "Plan", "Trust")
TOOLS, LOGS, NETWORK, PLAN, TRUST = range(len(TABS))
USAGE_SECONDS = 2.0
NEED_ROW = frozenset(
    "switch start_stop restart update remove logs network open tab copy sign_in".split()
)


class ServersRoom(Room):
    """All installed servers."""

    room = "servers"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("servers")

    def __init__(self, feed: Any) -> None:
        super().__init__(feed)
        self.rows: list[ServerRow] = []
        self.usage: dict[str, Usage] = {}
        self.tab = 0
        self.tools = LineList(TOOL_COLUMNS, key=lambda row: row.name, quiet=True, classes="detail")
        self.logs = LineTail(
            key=lambda row: row.id, draw=log_line, quiet=True, classes="detail gone"
        )
        self.hosts = HostList(self)
        self.trouble = Detail(classes="trouble")
        self.trouble.can_focus = False
        self.log_of = ""
        self.log_at = 0
        self.pages: dict[str, Callable[[int], list[Line]]] = {}
        self._timer: Timer | None = None

    def columns(self) -> list[Column]:
        """Name, state, tools, errors, calls, memory and cpu."""
        return COLUMNS

    def key(self, row: ServerRow) -> str:
        """Rows are known by name."""
        return row.name

    def details(self) -> Iterable[Widget]:
        """One widget per kind of tab."""
        self.detail.add_class("gone")
        return (self.trouble, self.tools, self.logs, self.hosts, self.detail)

    # ---- rows

    def shown(self) -> None:
        """Look, and go on looking at what they take."""
        self.refresh_rows()
        self._ask_usage()
        if self._timer is None:
            self._timer = self.set_interval(USAGE_SECONDS, self._ask_usage)
        self._timer.resume()

    def hidden(self) -> None:
        """Nobody looks, so nothing is asked."""
        self.hosts.left()
        if self._timer is not None:
            self._timer.pause()

    def _ask_usage(self) -> None:
        if not any(row.state in ("running", "starting") for row in self.rows):
            return

        def question() -> dict[str, Usage]:
            try:
                return self.feed.usage()
            except McptuiError:
                # The first row says that the engine is gone; once is enough.
                return {}

        def then(found: dict[str, Usage]) -> None:
            if found != self.usage:
                self.usage = found
                self.refresh_rows()

        self.ask("usage", question, then)

    def refresh_rows(self) -> None:
        """Ask for the rows, and for what the tab shows."""
        usage = self.usage
        self.ask("servers", lambda: self.feed.servers(usage), self._got)

    def _got(self, rows: list[ServerRow]) -> None:
        self.rows = rows
        self.apply_filter(self.filter.text)
        self._fill()

    def apply_filter(self, text: str) -> None:
        """Show the rows that match."""
        rows = [row for row in self.rows if matches(row, text)]
        if not self.rows:
            self.say_empty(
                [("No servers yet.", "strong")],
                [],
                [("1", "key"), (" catalog, ", ""), ("i", "key"), (" installs what you like", "")],
            )
        elif not rows:
            self.say_empty([("Nothing matches.", ""), ("  esc clears the filter", "dim")])
        if rows != list(self.list.rows) or not rows:
            self.list.show(rows)
        self.place()
        running = sum(row.state in ("running", "starting") for row in self.rows)
        self.filter.show_note([(f"{plural(len(rows), 'server')} · {running} running", "dim")])

    # ---- tabs

    def moved(self, row: ServerRow | None) -> None:
        """Show another server's tab."""
        self._fill()

    def action_tab(self, by: int) -> None:
        """The tab beside."""
        self.show_tab((self.tab + by) % len(TABS))

    def show_tab(self, tab: int) -> None:
        """Show one tab; the keys stay with the detail if they were there."""
        tabs = (self.tools, self.logs, self.hosts, self.detail)
        inside = self.screen.focused in tabs
        self.tab = tab
        for at, widget in enumerate(tabs):
            widget.set_class(min(tab, PLAN) != at, "gone")
        if inside:
            self.main_detail().focus()
        self._fill()

    def main_detail(self) -> LineView:
        """The widget of the tab."""
        return (self.tools, self.logs, self.hosts, self.detail, self.detail)[self.tab]

    def _fill(self) -> None:
        row: ServerRow | None = self.list.row
        if row is None or self.tab != NETWORK or row.name != self.hosts.server:
            self.hosts.left()
        if row is None:
            self.title.show_both([], [])
            self.tools.show([])
            self.hosts.clear()
            self.detail.show(lambda _width: [])
            self.logs.show([])
            return
        self._head(row)
        name = row.name
        self.ask("hosts", lambda: self.feed.reach(name), lambda reach: self._got_hosts(name, reach))
        if self.tab == TOOLS:
            self.ask("tab", lambda: self.feed.tools(name), self._got_tools)
        elif self.tab == LOGS:
            self._fill_log(name)
        elif self.tab == PLAN:
            self.ask("tab", lambda: server_pages.plan_of(self.feed, name), self._got_page)
        elif self.tab == TRUST:
            self.ask("tab", lambda: server_pages.trust_of(self.feed, row), self._got_page)

    def _head(self, row: ServerRow) -> None:
        """The tabs' names, and above the tab what is wrong or what the network's tab is about."""
        waits = {"Tools": f" ▲{row.waiting}" if row.waiting else ""}
        if self.hosts.server == row.name:
            waits["Net"] = seen(self.hosts.reach)
        left = server_pages.tabs(row.name, TABS, self.tab, waits)
        self.title.show_both(left, [("[ ]", "key")])
        reason, hosts = row.reason, self.hosts

        def lines(width: int) -> list[Line]:
            page = [*wrap(f"✗ {reason}", width, "bad"), []] if reason else []
            if self.tab == NETWORK:
                page += [*about(hosts.reach, hosts.row, width), []]
            return page

        self.trouble.set_class(not reason and self.tab != NETWORK, "none")
        self.trouble.show(lines)

    def _got_hosts(self, name: str, reach: Reach) -> None:
        row: ServerRow | None = self.list.row
        if row is not None and row.name == name:
            self.hosts.fill(name, reach, seen=self.tab == NETWORK)
            self._head(row)

    def _got_tools(self, tools: list[ToolRow]) -> None:
        if not tools:
            self.tools.say([[("  Its tools are known after its first start.", "dim")]])
        if tools != list(self.tools.rows):
            self.tools.show(tools)

    def _fill_log(self, name: str) -> None:
        if name != self.log_of:
            self.log_of, self.log_at = name, 0
            self.logs.follow = True
            self.logs.show([])
            self.logs.say([[("  Nothing in its log yet.", "dim")]])
        after = self.log_at

        def then(lines: list[LogLine]) -> None:
            if self.log_of == name and lines and self.log_at == after:
                self.log_at = lines[-1].id
                self.logs.extend(lines)

        self.ask("tab", lambda: self.feed.log(name, after), then)

    def _got_page(self, page: Callable[[int], list[Line]]) -> None:
        self.detail.show(page, top=False)

    # ---- keys

    def why_not(self, action: str) -> str:
        """Why a key does nothing for this server."""
        row: ServerRow | None = self.list.row
        if row is None:
            return "no server is selected" if action in NEED_ROW else ""
        if action == "start_stop" and row.state == "off":
            return "it is switched off"
        if action == "sign_in" and row.kind != "remote" and row.state != "sign in":
            return "it runs here: nobody signs in to it"
        if action == "restart" and row.state not in ("running", "starting", "down"):
            return "it does not run"
        return ""

    @on(LineList.Moved)
    def tool_moved(self, event: LineList.Moved) -> None:
        """Keys follow the cursor among tools, too."""
        if event.of in (self.tools, self.logs, self.hosts):
            event.stop()
        row: ServerRow | None = self.list.row
        if event.of is self.hosts and row is not None:
            self._head(row)

    def action_switch(self) -> None:
        """Switch the server, or the tool when the cursor is among tools."""
        row: ServerRow = self.list.row
        tool: ToolRow | None = self.tools.row if self.screen.focused is self.tools else None
        if tool is not None:
            if tool.state in ("changed", "new"):
                self.action_open()
                return
            self.do("switch", lambda: self.feed.switch_tool(row.name, tool.name, not tool.on))
        else:
            self.do("switch", lambda: self.feed.switch_server(row.name, row.state == "off"))

    def action_start_stop(self) -> None:
        """Stop what runs, start what does not."""
        row: ServerRow = self.list.row
        verb = "stop" if row.state in ("running", "starting") else "start"
        self.do("run", lambda: self.feed.run(verb, row.name))

    def action_sign_in(self) -> None:
        """Sign in to a remote server."""
        self.sign_in(self.list.row.name)

    def action_restart(self) -> None:
        """Stop it and start it again."""
        name = self.list.row.name
        self.do("run", lambda: self.feed.run("restart", name))

    def action_stop_all(self) -> None:
        """Stop everything that runs."""
        names = [row.name for row in self.rows if row.state in ("running", "starting")]

        def question() -> str:
            for name in names:
                self.feed.run("stop", name)
            return f"{len(names)} servers are stopped" if names else "Nothing runs"

        self.do("run", question)

    def action_update(self) -> None:
        """Look for a newer version; what it changes is shown before it is taken."""
        name = self.list.row.name

        def then(changes: list[str]) -> None:
            if not changes:
                self.front.say(f"{name} is the newest")
                return
            end = "It is built and started once before the old one goes; if that fails, all stays."
            self._asked("Update", name, [*changes, "", end], lambda _: self.feed.update(name))

        self.ask("update", lambda: self.feed.update_words(name), then)

    def action_remove(self) -> None:
        """Remove it, after a question."""
        name = self.list.row.name
        lines = [f"{name} is taken from every client, its containers are stopped and removed.",
                 "Folders you picked stay as they are; data in volumes of its own is gone "
                 "for good. z takes the rest back."]  # fmt: skip
        self._asked(
            "Remove", name, lines, lambda keep: self.feed.remove(name, keep_image=keep),
            "keep the image that was built for it",
        )  # fmt: skip

    def _asked(
        self,
        verb: str,
        name: str,
        lines: list[str],
        start: Callable[[bool], Any],
        option: str = "",
    ) -> None:
        from mcptui.tui.sheets.confirm import ConfirmSheet
        from mcptui.tui.sheets.progress import ProgressSheet

        def answered(yes: bool | None) -> None:
            if yes:
                self.front.push_screen(
                    ProgressSheet(f"{verb} {name}", lambda: start(sheet.chosen)),
                    lambda _done: self.refresh_rows(),
                )

        sheet = ConfirmSheet(f"{verb} {name}", lines, verb, option)
        self.front.push_screen(sheet, answered)

    def action_logs(self) -> None:
        """Its log, with the keys."""
        self._go_to(LOGS)

    def action_network(self) -> None:
        """Whom it talks to, with the keys."""
        self._go_to(NETWORK)

    def _go_to(self, tab: int) -> None:
        self.show_tab(tab)
        if self.folded:
            self.add_class("-opened")
        self.main_detail().focus()

    def action_clients(self) -> None:
        """Who may use the servers."""
        self.front.call_later(self.front.go, "clients")

    def action_open(self) -> None:
        """The change of a tool that waits, otherwise the detail."""
        row: ServerRow = self.list.row
        tool: ToolRow | None = self.tools.row if self.screen.focused is self.tools else None
        if tool is not None and tool.state in ("changed", "new"):
            self._change(row.name, tool.name)
        elif tool is None and row.waiting and self.tab == TOOLS and not self.opened:
            self._change(row.name, "")
        elif self.folded:
            super().action_open()
        else:
            self.main_detail().focus()

    def _change(self, server: str, tool: str) -> None:
        from mcptui.tui.sheets.change import ChangeSheet

        def then(changes: list[Any]) -> None:
            wanted = [one for one in changes if not tool or one.tool == tool]
            if wanted:
                self.front.push_screen(
                    ChangeSheet(self.feed, wanted), lambda _: self.refresh_rows()
                )

        self.ask("changes", lambda: self.feed.changes(server), then)

    def copies(self) -> list[tuple[str, str, Callable[[], str]]]:
        """What the tab shows, and names."""
        row: ServerRow | None = self.list.row
        return [] if row is None else server_pages.copies(self, row)
