"""The program on the screen: six rooms, one row of facts above, one row of keys below.

It only puts rooms on the screen and carries out what works everywhere; what a room does is the
room's. The first frame needs Textual and the first room, nothing else: the catalog, the state and
the engine are asked in threads once something is on the screen.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.css.query import NoMatches

from mcptui.tui import everywhere, keys, looks
from mcptui.tui.asking import asker
from mcptui.tui.everywhere_keys import EverywhereKeys
from mcptui.tui.jobs import Answered, Job, Pool
from mcptui.tui.rooms.room import Room, make
from mcptui.tui.watch import Changed, Watcher
from mcptui.tui.widgets import strip_guard
from mcptui.tui.widgets.flash import Flash
from mcptui.tui.widgets.key_bar import KeyBar
from mcptui.tui.widgets.line_view import OneLine
from mcptui.tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.tui.feed import Feed

TOO_SMALL = [(" mcptui needs 60 × 16 characters. Please make the window larger.", "")]


class McptuiApp(EverywhereKeys, App[None]):
    """The rooms of one home.

    Args:
        feed: what it shows and does.
        room: the room to begin in.
        theme: one of `looks.THEMES`.
        ascii_only: draw with plain characters.
    """

    CSS_PATH = Path(__file__).with_name("look.tcss")
    TITLE = "mcptui"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("app")

    def __init__(
        self,
        feed: Feed,
        *,
        room: str = "catalog",
        theme: str = looks.DEFAULT,
        ascii_only: bool = False,
    ) -> None:
        super().__init__()
        strip_guard.install(ascii_only=ascii_only)
        looks.register(self)
        self.theme = theme
        # Read with this theme's colours from the start, so that once is enough.
        self.stylesheet.set_variables(self.get_css_variables())
        self.feed = feed
        feed.home.ask_secret = asker(self)
        self.pool = Pool()
        self.room = self.first_room = room
        self.went = False
        self.jobs: list[Job] = []
        self.problem_at = -1
        self.counting = False
        self.sheets_of = ""
        self.watcher = Watcher(self, feed.changed)
        self.top = TopBar()
        self.flash = Flash()

    def compose(self) -> ComposeResult:
        """One room; the others come when they are visited."""
        looks.fold(self.screen, self.size)
        yield self.top
        yield Container(make(self.room, self.feed), id="body")
        yield OneLine(TOO_SMALL, id="small")
        yield self.flash
        yield KeyBar(id="bottom")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own variables, for themes that do not know them."""
        return looks.DEFAULTS

    def refresh_css(self, animate: bool = True) -> None:
        """Read the style sheets again for another theme; at start they were read just now."""
        first, self.sheets_of = not self.sheets_of, self.theme
        if not first:
            super().refresh_css(animate)

    def on_mount(self) -> None:
        """Begin to look around once the first frame is out."""
        self.animation_level = "none"
        self.top.update(room=self.room)
        self.call_after_refresh(self._begin)

    def on_resize(self, event: events.Resize) -> None:
        """Fold what has no room."""
        for screen in self.screen_stack:
            looks.fold(screen, event.size)

    async def on_event(self, event: events.Event) -> None:
        """Whoever has pressed a key is not brought anywhere by memory."""
        self.went = self.went or isinstance(event, events.Key)
        await super().on_event(event)

    def _begin(self) -> None:
        self.here.shown()
        self.here.focus_main()
        self.watcher.start()
        everywhere.look_around(self)

    def on_unmount(self) -> None:
        """Let go of threads."""
        self.watcher.stop()
        self.pool.close()

    # ---- rooms

    @property
    def here(self) -> Room:
        """The room on the screen."""

        return self.screen_stack[0].query_one(f"#room-{self.room}", Room)

    async def action_room(self, room: str) -> None:
        """Go to a room; it is built at the first visit."""

        if room == self.room:
            return
        base = self.screen_stack[0]
        body = base.query_one("#body", Container)
        with self.batch_update():
            old = self.here
            try:
                new = base.query_one(f"#room-{room}", Room)
            except NoMatches:
                new = make(room, self.feed)
                new.display = False
                await body.mount(new)
            old.display = False
            old.hidden()
            new.display = True
            self.room = room
        self.top.update(room=room)
        new.shown()
        new.focus_main()

    async def go(self, room: str, name: str = "", action: str = "") -> None:
        """Go to a room, put its cursor on something, and then do something with it."""
        await self.action_room(room)
        here = self.here

        def act() -> None:
            if action and (why := here.why_not(action)):
                self.say(f"{name}: {why}" if name else why, "warn")
            elif action:
                self.call_later(self.run_action, action, here)

        here.select(name, act)

    @on(TopBar.Chosen)
    async def room_clicked(self, event: TopBar.Chosen) -> None:
        """The mouse chose a room."""
        await self.action_room(event.room)

    @on(Changed)
    def stored(self) -> None:
        """Something was stored: the room on the screen and the first row look again."""
        if self.is_running:
            self.here.stored()
            everywhere.count_soon(self)

    # ---- telling

    @on(Answered)
    def answered(self, event: Answered) -> None:
        """Take an answer to a question of the program itself."""
        self.take(event)

    def _print_error_renderables(self) -> None:
        # A traceback would carry outside text to the terminal; the command line says it cleanly.
        self._exit_renderables.clear()


def run(home: Home, **settings: Any) -> int:
    """Show the screen until it is left; returns the exit code."""
    from mcptui.tui.feed import Feed

    feed = Feed(home)
    app = McptuiApp(feed, **{**looks.chosen(home.environ), **settings})
    app.run()
    if app._exception is not None:  # pyright: ignore[reportPrivateUsage]
        raise app._exception  # pyright: ignore[reportPrivateUsage]
    return app.return_code or 0
