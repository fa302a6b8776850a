"""Signing in: where the browser goes, what is asked for, and how it ended.

esc cancels, `y` copies the address, `p` takes the address a browser on another machine ended at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from mcptui.tui import everywhere, keys
from mcptui.tui.jobs import Stepped
from mcptui.tui.sheets.progress import ProgressSheet
from mcptui.tui.widgets.detail import Detail
from mcptui.tui.widgets.draw import Line, facts, wrap

if TYPE_CHECKING:
    from mcptui.actions.sign_in_steps import Shown
    from mcptui.tui.feed import Feed


class SignInSheet(ProgressSheet):
    """One sign-in; gives True when it succeeded.

    Args:
        feed: does it.
        server: the installed server's name.
    """

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("sign_in")

    def __init__(self, feed: Feed, server: str) -> None:
        super().__init__(f"Sign in to {server}", lambda: feed.sign_in(server))
        self.page = Detail(self._lines, classes="page")
        self.shown: Shown | None = None

    def parts(self) -> list[Widget]:
        """What is asked for, then the steps."""
        return [self.page, self.steps]

    def on_mount(self) -> None:
        """Begin, and leave the page its height."""
        self.page.can_focus = False
        self._fit()
        super().on_mount()

    @on(Stepped)
    def page_known(self, event: Stepped) -> None:
        """The sign-in page is open: show where."""
        found: Any = event.step.result
        if hasattr(found, "paste"):
            self.shown = found
            self.page.show(self._lines)
            self._fit()
            self.refresh_bindings()

    def on_resize(self) -> None:
        """As high as the text is."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self.page.styles.height = max(3, min(14, self.room_for_parts - 6, self.page.count()))

    def _lines(self, width: int) -> list[Line]:
        shown = self.shown
        if shown is None:
            return wrap("Nothing is sent before the addresses were checked.", width, "dim")
        page = facts(
            [
                ("you type at", shown.host, "strong"),
                ("signs you in", shown.issuer, ""),
                ("token for", shown.server, ""),
                ("may", shown.scopes or "what the server usually gives", ""),
            ],
            width,
            14,
        )
        if shown.closed:
            page += [[], *wrap(f"No browser was opened: {shown.closed}.", width, "warn")]
            page += wrap("Open this address, here or elsewhere:", width)
        else:
            page += [[], *wrap("If no page opened, open this address:", width, "dim")]
        page += wrap(shown.url, width, "accent")
        if shown.closed:
            words = "A browser on another machine ends at an address that does not load: p takes it"
            page += wrap(words, width, "dim")
        return page

    def why_not(self, action: str) -> str:
        """Without a page there is nothing to copy and nothing to paste."""
        if action in ("copy", "paste") and self.shown is None:
            return "the sign-in page is not known yet"
        return super().why_not(action)

    def action_copy(self) -> None:
        """Copy the address of the sign-in page."""
        if self.shown is not None:
            everywhere.copy(self.front, self.shown.url, "the address")

    def action_paste(self) -> None:
        """Take the address that a browser elsewhere ended at."""
        from mcptui.tui.sheets.ask import AskSheet

        shown = self.shown
        if shown is None:
            return

        def taken(text: str | None) -> None:
            if text:
                self.front.pool.ask(self, "paste", lambda: shown.paste(text), lambda _: None)

        words = "The address the browser ended at (it begins with http://127.0.0.1)"
        self.front.push_screen(AskSheet("Paste the address", words, ""), taken)
