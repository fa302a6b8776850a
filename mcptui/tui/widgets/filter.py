"""The row above a list: a filter that works as you type, and how many rows it leaves."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input

from mcptui.tui.widgets.draw import Line, between
from mcptui.tui.widgets.line_view import OneLine


class FilterInput(Input):
    """A bare line to type in: nothing blinks and nothing is drawn around it.

    Textual's own lays out the whole screen at each key, because some inputs grow; this one never
    does, so that a key costs a line and not a screen.
    """

    value = reactive("", layout=False, init=False)
    virtual_size = reactive(Size(0, 0), layout=False)

    def __init__(self) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self.cursor_blink = False

    def action_copy(self) -> None:
        """What is masked on the screen does not go to the clipboard either."""
        if not self.password:
            super().action_copy()

    def action_cut(self) -> None:
        """The same."""
        if not self.password:
            super().action_cut()

    async def on_key(self, event: events.Key) -> None:
        """Leave on the keys that mean the list."""
        if event.key in ("escape", "enter", "down", "up", "tab"):
            event.stop()
            event.prevent_default()
            self.post_message(FilterBar.Left(event.key))


class Note(OneLine):
    """Words at the right edge."""

    def fitted(self, width: int) -> Line:
        """Filled at the left."""
        return [(" " * max(0, width - self.cells() - 1), ""), *self.spans, (" ", "")]


class FilterBar(Horizontal):
    """A slash, the line, and a note at the right edge.

    The line can only be reached by its key, so moving through a room never lands in it.
    """

    class Changed(Message):
        """The text is another one."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The line was left by a key."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, sign: str = " / ") -> None:
        super().__init__()
        self.sign = sign
        self.input = FilterInput()
        self.input.can_focus = False
        self.note = Note(classes="note")

    def compose(self) -> ComposeResult:
        """Slash, line, note."""
        yield OneLine([(self.sign, "key")], classes="slash")
        yield self.input
        yield self.note

    @property
    def text(self) -> str:
        """What is typed."""
        return self.input.value

    def mask(self, masked: bool) -> None:
        """Show dots in place of what is typed, or show it."""
        self.input.value = ""
        self.input.password = masked

    def set_text(self, text: str) -> None:
        """Replace what is typed."""
        self.input.value = text
        self.input.cursor_position = len(text)

    def show_note(self, spans: Line) -> None:
        """Replace the note; it takes the room it needs."""
        if spans != self.note.spans:
            self.note.show(spans)
            # In steps, since each other width lays out the whole screen anew.
            wanted = -(-(self.note.cells() + 1) // 12) * 12
            if self.note.styles.width is None or self.note.styles.width.value != wanted:
                self.note.styles.width = wanted

    def start(self) -> None:
        """Take the keys."""
        self.input.can_focus = True
        # At once, not `focus()`, which comes a turn of the loop later: the next key may be here.
        self.screen.set_focus(self.input)

    def on_descendant_blur(self) -> None:
        """Out of the way of tab again."""
        self.input.can_focus = False

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the room."""
        event.stop()
        self.post_message(self.Changed(event.value))


class Title(OneLine):
    """A line with a left and a right part."""

    right: Line = []

    def show_both(self, left: Line, right: Line) -> None:
        """Replace both parts."""
        if right != self.right or left != self.spans:
            self.spans, self.right = left, right
            self.refresh()

    def fitted(self, width: int) -> Line:
        """Left part cut where the right one begins."""
        return between(self.spans, self.right, width)
