"""What all rooms share: a list with a filter at the left, a detail that follows it at the right.

Below 100 columns the detail folds away; `enter` opens it over the whole width and `esc` closes
it. A room asks its feed in threads and touches widgets only when the answer has come.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from mcptui.tui import everywhere
from mcptui.tui.jobs import Answered, front_of
from mcptui.tui.keys import ROOMS
from mcptui.tui.widgets.detail import Detail
from mcptui.tui.widgets.draw import Column, Line
from mcptui.tui.widgets.filter import FilterBar, Title
from mcptui.tui.widgets.line_list import LineList, ListHead
from mcptui.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from mcptui.tui.app import McptuiApp
    from mcptui.tui.feed import Feed

Result = TypeVar("Result")
WIDE = 100
"""Columns from which list and detail stand side by side."""


class Room(Widget):
    """One pane. A subclass says which list it has and what the detail shows."""

    room: ClassVar[str] = ""

    def __init__(self, feed: Feed) -> None:
        super().__init__(id=f"room-{self.room}")
        self.feed = feed
        self.list = self.make_list()
        self.filter = FilterBar()
        self.title = Title(classes="title")
        self.detail = Detail(classes="detail")
        self.errand: tuple[str, Callable[[], None] | None] | None = None

    # ---- what a subclass gives

    def make_list(self) -> LineList:
        """The list at the left."""
        return LineList(self.columns(), key=self.key, classes="list")

    def columns(self) -> list[Column]:
        """Its columns."""
        return []

    def key(self, row: Any) -> Any:
        """What a row is known by."""
        return row

    def refresh_rows(self) -> None:
        """Ask for the rows again."""

    def apply_filter(self, text: str) -> None:
        """The filter's text is another one."""

    def moved(self, row: Any) -> None:
        """The cursor is on a row, or on none."""

    def why_not(self, action: str) -> str:
        """Why an action cannot be done now, "" when it can."""
        return ""

    def copies(self) -> list[tuple[str, str, Callable[[], str]]]:
        """What can be copied: key, name, and how to get the text."""
        return []

    def details(self) -> Iterable[Widget]:
        """The widgets below the detail's title."""
        return (self.detail,)

    def stored(self) -> None:
        """Something was stored while this room is on the screen."""
        self.refresh_rows()

    def shown(self) -> None:
        """The room has come onto the screen."""
        self.refresh_rows()

    def hidden(self) -> None:
        """The room has gone from the screen."""

    # ---- building

    def compose(self) -> ComposeResult:
        """List and detail."""
        with Horizontal(classes="split"):
            with Vertical(classes="left"):
                yield self.filter
                yield ListHead(self.list, classes="heads")
                yield self.list
            with Vertical(classes="right"):
                yield self.title
                yield from self.details()

    @property
    def front(self) -> McptuiApp:
        """The program this room belongs to."""
        return front_of(self)

    def ask(
        self, name: str, question: Callable[[], Result], then: Callable[[Result], None]
    ) -> None:
        """Ask in a thread; the newest answer of a name is handed to `then`."""
        self.front.pool.ask(self, name, question, then)

    @on(Answered)
    def answered(self, event: Answered) -> None:
        """Take an answer, or say what went wrong."""
        event.stop()
        self.front.take(event)

    def do(self, name: str, verb: Callable[[], str | None]) -> None:
        """Do something short in a thread, say what was done, and look again."""

        def then(words: str | None) -> None:
            if words:
                self.front.say(words)
            self.refresh_rows()
            self.refresh_bindings()

        self.ask(name, verb, then)

    def sign_in(self, server: str) -> None:
        """Sign in to a server, and look again."""
        from mcptui.tui.sheets.sign_in import SignInSheet

        sheet = SignInSheet(self.feed, server)
        self.front.push_screen(sheet, lambda _done: self.refresh_rows())

    # ---- the list and its filter

    @on(LineList.Moved)
    def list_moved(self, event: LineList.Moved) -> None:
        """Show what the cursor is on."""
        if event.of is self.list:
            event.stop()
            self.moved(self.list.row)
            self.refresh_bindings()

    @on(FilterBar.Changed)
    def filter_changed(self, event: FilterBar.Changed) -> None:
        """Filter as it is typed."""
        event.stop()
        self.apply_filter(event.text)

    @on(FilterBar.Left)
    def filter_left(self, event: FilterBar.Left) -> None:
        """Escape clears and leaves; the other keys leave."""
        event.stop()
        if event.key == "escape":
            self.filter.set_text("")
        self.focus_main()

    def select(self, key: str, then: Callable[[], None] | None = None) -> None:
        """Put the cursor on a row and go on from there, now or when the rows have come.

        Args:
            key: of the row, "" for wherever the cursor is.
            then: what to do next.
        """
        self.errand = (key, then)
        if self.filter.text and key and not self.list.select(key):
            self.filter.set_text("")
        if self.list.rows:
            self.place()

    def reach(self, key: str) -> bool:
        """Put the cursor on a row, if it is there."""
        return self.list.select(key)

    def place(self) -> None:
        """Do the errand, if there is one and its row is there."""
        if self.errand is None:
            return
        key, then = self.errand
        if not key or self.reach(key):
            self.errand = None
            if then is not None:
                self.call_after_refresh(then)

    # ---- focus and folding

    @property
    def folded(self) -> bool:
        """There is no room for list and detail side by side."""
        return self.front.size.width < WIDE

    @property
    def opened(self) -> bool:
        """The detail has the whole width."""
        return self.has_class("-opened")

    def focus_main(self) -> None:
        """Give the keys to the list, or to the detail when that is all there is.

        At once, not a turn of the loop later: what is typed next is meant for it.
        """
        self.screen.set_focus(self.main_detail() if self.opened else self.list)

    def main_detail(self) -> LineView:
        """What takes the keys in the detail."""
        return self.detail

    def on_resize(self, event: events.Resize) -> None:
        """Keep the focus on something that can be seen."""
        focused = self.screen.focused
        if (
            self.folded
            and not self.opened
            and focused is not None
            and focused is not self.list
            and focused in self.query(".right *")
        ):
            self.list.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that cannot work now is greyed, not hidden."""
        return None if self.why_not(action) else True

    def action_filter(self) -> None:
        """Type a filter."""
        self.set_class(False, "-opened")
        self.filter.start()

    def action_back(self) -> None:
        """One step back: close the detail, then clear the filter."""
        if self.opened:
            self.remove_class("-opened")
            self.list.focus()
        elif self.screen.focused is not self.list:
            self.list.focus()
        elif self.filter.text:
            self.filter.set_text("")
        else:
            everywhere.welcomed(self.front)

    def action_open(self) -> None:
        """Give the detail the whole width."""
        if self.list.row is not None:
            self.add_class("-opened")
            self.main_detail().focus()

    def action_focus_list(self) -> None:
        """To the list."""
        self.remove_class("-opened")
        self.list.focus()

    def action_focus_detail(self) -> None:
        """To the detail, which opens when it is folded."""
        if self.list.row is None:
            return
        if self.folded:
            self.add_class("-opened")
        self.main_detail().focus()

    def action_scroll_detail(self, by: int) -> None:
        """Scroll the detail without leaving the list."""
        detail = self.main_detail()
        step = max(1, detail.size.height // 3)
        top = max(0, min(detail.scroll_offset.y + by * step, detail.max_scroll_y))
        detail.scroll_to(y=top, animate=False, immediate=True)

    def action_copy(self) -> None:
        """Ask what to copy."""
        if offers := self.copies():
            self.front.copy_menu(offers)
        else:
            self.front.say("Nothing to copy here", "warn")

    def say_empty(self, *lines: Line) -> None:
        """What the list says while it has no rows."""
        self.list.say([[], *([("  ", ""), *line] for line in lines)])


def make(room: str, feed: Feed) -> Room:
    """Make a room's widget, importing its module."""
    name = next(one for one in ROOMS if one.id == room)
    module = importlib.import_module(f"mcptui.tui.rooms.{name.module}")
    made: Room = getattr(module, name.cls)(feed)
    return made
