"""Every tool call as it happens: follow, filter, look inside, copy, export, block.

Following is one state: going up stops it, `G` or `f` follows again, a filter keeps it. Calls are
read in batches ten times a second, so thousands a second cost one paint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from time import localtime, monotonic, strftime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.widget import Widget

from mcptui.tui import keys
from mcptui.tui.rooms import call_rows
from mcptui.tui.rooms.call_feed import CallFeed
from mcptui.tui.rooms.room import Room
from mcptui.tui.widgets.draw import Column, Line
from mcptui.tui.widgets.json_view import JsonView
from mcptui.tui.widgets.line_list import LineList
from mcptui.tui.widgets.line_tail import LineTail
from mcptui.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from mcptui.store.rows import CallBody, CallRow

TABS = ("Answer", "Request", "Findings", "Raw")
LOOK_SECONDS = 0.4
"""How often the inspector follows the tail at most."""


class CallsRoom(Room):
    """The tail of all calls, and an inspector."""

    room = "calls"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("calls")

    def __init__(self, feed: Any) -> None:
        self.json = JsonView(classes="detail")
        super().__init__(feed)
        self.calls = CallFeed()
        self.tab = 0
        self.body: CallBody | None = None
        self.body_of = 0
        self.inspected: CallRow | None = None
        self._reading = False
        self._looked = 0.0
        self._will_look = False

    def make_list(self) -> LineTail:
        """The tail."""
        self.tail = LineTail(self.columns(), key=self.key, classes="list")
        return self.tail

    def columns(self) -> list[Column]:
        """Time, client, tool, result, ms, in, out and what."""
        return call_rows.COLUMNS

    def key(self, row: CallRow) -> int:
        """Rows are known by number."""
        return row.id

    def details(self) -> Iterable[Widget]:
        """Folded JSON, or a page."""
        self.detail.add_class("gone")
        return (self.json, self.detail)

    # ---- rows

    def refresh_rows(self) -> None:
        """Read what began or ended since the last look."""
        if self._reading:
            # The answer under way will look again.
            self._again = True
            return
        self._reading, self._again = True, False
        since = self.calls.cursor
        if since is None:
            self.ask("calls", lambda: self.feed.newest_calls(self.calls.limit), self._first)
        else:
            self.ask("calls", lambda: self.feed.call_changes(since), self._more)

    def _first(self, found: tuple[list[CallRow], int]) -> None:
        self._reading = False
        self.calls.begin(*found)
        self.tail.show(self.calls.shown)
        self._say()
        self.place()
        # What came while the first rows were read.
        if self._again:
            self.refresh_rows()

    def _more(self, found: tuple[list[CallRow], int]) -> None:
        self._reading = False
        new, changed = self.calls.take(*found)
        if changed and (places := self.calls.places(changed, self.tail.rows)):
            self.tail.replace(places)
        self.tail.extend(new)
        if new or changed:
            self._say()
        if self._again:
            self.refresh_rows()

    def apply_filter(self, text: str) -> None:
        """Filter; following goes on."""
        self.calls.filter(self.feed.call_matcher(text) if text.strip() else None)
        self.tail.show(self.calls.shown)
        self._say()

    def _say(self) -> None:
        if not self.tail.rows and self.calls.total:
            self.say_empty([("Nothing matches.", ""), ("  esc clears the filter", "dim")])
        elif not self.tail.rows:
            self.say_empty(
                [("No calls yet.", "strong"), (" Ask your agent something.", "")],
                [],
                [("4", "key"), (" shows which clients are connected", "dim")],
            )
        note: Line = []
        if self.tail.unseen:
            note += [(f"▼ {self.tail.unseen:,} new · G to follow   ", "accent")]
        elif not self.tail.follow:
            note += [("not following   ", "dim")]
        shown, total = len(self.tail.rows), self.calls.total
        filtered = bool(self.filter.text.strip())
        note.append(
            (
                f"{shown:,} of {total:,}" if filtered else f"{total:,} call{'s' * (total != 1)}",
                "dim",
            )
        )
        if self.calls.refused:
            note.append((f" · {self.calls.refused:,} blocked", "warn"))
        self.filter.show_note(note)

    @on(LineTail.Followed)
    def followed(self) -> None:
        """The badge follows."""
        self._say()
        self.refresh_bindings()

    # ---- inspector

    def moved(self, row: CallRow | None) -> None:
        """Show another call, when somebody can see it."""
        if row is None or row.outcome == "gap":
            self.body, self.body_of, self.inspected = None, 0, None
            self._fill()
            return
        if self.folded and not self.opened:
            return
        if row.id == self.body_of and row.outcome == "open":
            return
        # While hundreds arrive only some of them are read, and the last one always is.
        wait = self._looked + LOOK_SECONDS - monotonic()
        if not self.tail.follow or wait <= 0:
            self._look(row)
        elif not self._will_look:
            self._will_look = True
            self.set_timer(wait, self._look_at_last)

    def _look_at_last(self) -> None:
        self._will_look = False
        row: CallRow | None = self.tail.row
        if row is not None and row.outcome != "gap":
            self._look(row)

    def _look(self, row: CallRow) -> None:
        self._looked = monotonic()

        def then(body: CallBody) -> None:
            self.body, self.body_of, self.inspected = body, row.id, row
            self._fill()

        self.ask("body", lambda: self.feed.call_body(row.id), then)

    def _fill(self) -> None:
        row = self.inspected
        if row is None or self.body is None:
            self.title.show_both([], [])
            self.json.show_text("")
            self.detail.show(lambda _width: [])
            return
        stamp = strftime("%H:%M:%S", localtime(row.at)) + f".{int(row.at % 1 * 1000):03}"
        who = f"   {row.client_name or '–'} → {row.server}   {stamp}   {row.ms:,.0f} ms "
        left: Line = [(f"{row.server}.{row.tool or row.method}", "strong"), (who, "dim")]
        right: Line = []
        for at, name in enumerate(TABS):
            count = f" {row.findings}" if name == "Findings" and row.findings else ""
            here = at == self.tab
            right.append(
                (f"[{name}{count}]" if here else f" {name}{count} ", "room" if here else "dim")
            )
        self.title.show_both(left, [*right, (" [ ]", "key")])
        tree = self.tab in (0, 1)
        self.json.set_class(not tree, "gone")
        self.detail.set_class(tree, "gone")
        if tree:
            text = self.body.request if self.tab == 1 else self.body.answer
            self.json.show_text(text, empty=call_rows.no_answer(row) if self.tab == 0 else "–")
        else:
            body = self.body
            page = call_rows.findings if self.tab == 2 else call_rows.raw
            self.detail.show(lambda width: page(row, body, width))

    def main_detail(self) -> LineView:
        """The widget of the tab."""
        return self.json if self.tab in (0, 1) else self.detail

    def action_tab(self, by: int) -> None:
        """The tab beside."""
        inside = self.screen.focused in (self.json, self.detail)
        self.tab = (self.tab + by) % len(TABS)
        self._fill()
        if inside:
            self.main_detail().focus()

    def action_open(self) -> None:
        """Look inside, over the whole height."""
        super().action_open()
        self.moved(self.tail.row)

    def action_focus_detail(self) -> None:
        """Look inside."""
        super().action_focus_detail()
        self.moved(self.tail.row)

    def on_resize(self, event: events.Resize) -> None:
        """The inspector may have come into sight."""
        super().on_resize(event)
        self.moved(self.tail.row)

    @on(LineList.Moved)
    def json_moved(self, event: LineList.Moved) -> None:
        """The cursor inside an answer is no room's business."""
        if event.of is self.json:
            event.stop()

    # ---- keys

    def why_not(self, action: str) -> str:
        """Why a key does nothing for this call."""
        row: CallRow | None = self.tail.row
        if action in ("open", "copy", "tab") and row is None:
            return "no call is selected"
        if action == "export" and not self.tail.rows:
            return "there are no calls to export"
        if action == "finding" and not self.calls.flagged:
            return "there are no findings"
        if action == "sign_in" and (row is None or row.outcome != "sign in"):
            return "this call needs no sign-in"
        if action == "block" and (row is None or not row.tool):
            return "no tool is selected"
        if action == "follow" and not self.tail.rows:
            return "there are no calls yet"
        return ""

    def action_follow(self) -> None:
        """Follow, or stand still."""
        self.tail.set_follow(not self.tail.follow)

    def action_finding(self) -> None:
        """The next call with a finding; after the last one the first."""
        rows, start = self.tail.rows, self.tail.cursor
        for step in range(1, len(rows) + 1):
            at = (start + step) % len(rows)
            if rows[at].findings:
                self.tail.set_follow(False)
                self.tail.cursor = at
                self.tab = 2
                self.moved(self.tail.row)
                return
        self.front.say("No finding among the calls shown", "warn")

    def action_block(self) -> None:
        """Switch the call's tool off."""
        row: CallRow = self.tail.row
        self.do("block", lambda: self.feed.switch_tool(row.server, row.tool, False) + " · z undoes")

    def action_sign_in(self) -> None:
        """Sign in to the server that did not let us in."""
        self.sign_in(self.tail.row.server)

    def action_export(self) -> None:
        """Write what the filter shows to a file."""
        from mcptui.tui.sheets.ask import AskSheet

        query = self.filter.text
        stamp = strftime("%Y%m%d-%H%M%S", localtime(self.feed.now()))
        default = str(Path.cwd() / f"mcptui-calls-{stamp}.jsonl")

        def answered(text: str | None) -> None:
            if text:
                path = Path(text).expanduser()
                self.do(
                    "export", lambda: f"Wrote {self.feed.export(query, path):,} calls to {path}"
                )

        words = f"Calls that match {query!r}" if query else "All calls"
        self.front.push_screen(
            AskSheet("Export", f"{words}, with their bodies, to a .jsonl or .csv file", default),
            answered,
        )

    def action_copy(self) -> None:
        """Ask what to copy; the bodies are read first where they were not shown."""
        row: CallRow | None = self.tail.row
        if row is None:
            return

        def then(body: CallBody) -> None:
            self.body, self.body_of, self.inspected = body, row.id, row
            self.front.copy_menu(self.copies())

        self.ask("copy", lambda: self.feed.call_body(row.id), then)

    def copies(self) -> list[tuple[str, str, Callable[[], str]]]:
        """Answer, request, the row, the number."""
        row: CallRow | None = self.tail.row
        body = self.body
        if row is None:
            return []
        offers = [("r", "row", lambda: call_rows.row_text(row)),
                  ("j", "row as JSON", lambda: call_rows.row_json(row)),
                  ("i", "number", lambda: str(row.id))]  # fmt: skip
        if body is not None and self.body_of == row.id:
            offers[:0] = [
                ("a", "answer", lambda: body.answer),
                ("q", "request", lambda: body.request),
            ]
        return offers
