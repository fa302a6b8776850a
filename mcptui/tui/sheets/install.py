"""The install sheet: the one place where consent is given.

It shows what would run, what it may reach and read and what it needs; enter installs. Missing
things are asked for in the sheet. While it runs the steps stream, and esc breaks it off.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.widget import Widget

from mcptui.errors import McptuiError
from mcptui.tui import keys
from mcptui.tui.jobs import Ended, Job, Stepped, told
from mcptui.tui.rooms.server_pages import argument_lines
from mcptui.tui.sheets import install_form as form
from mcptui.tui.sheets.install_form import Field
from mcptui.tui.sheets.sheet import Sheet
from mcptui.tui.widgets.detail import Detail
from mcptui.tui.widgets.draw import Line, wrap
from mcptui.tui.widgets.filter import FilterBar
from mcptui.tui.widgets.line_list import LineList
from mcptui.tui.widgets.steps import Steps

if TYPE_CHECKING:
    from mcptui.actions.connect import ClientRow
    from mcptui.actions.install import Review
    from mcptui.entry import Choices
    from mcptui.tui.feed import Feed


class Body(VerticalScroll, can_focus=False):
    """Summary and form; tells when it has another height."""

    def __init__(self, *parts: Widget, resized: Callable[[], None]) -> None:
        super().__init__(*parts, classes="install")
        self.resized = resized

    def on_resize(self) -> None:
        """Tell it."""
        self.resized()


class InstallSheet(Sheet[str]):
    """Installs one server; gives its name when it was installed.

    Args:
        feed: the actions.
        target: a catalog id, a path or an image.
        title: what a person calls it.
    """

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("install")

    def __init__(self, feed: Feed, target: str, title: str) -> None:
        super().__init__(f"Install {title}")
        self.feed = feed
        self.target = target
        self.called = title
        self.review: Review | None = None
        self.clients: list[ClientRow] = []
        self.chosen: frozenset[str] = frozenset()
        self.secrets: dict[str, str | None] = {}
        self.stored: frozenset[str] = frozenset()
        self.page = Detail(self._summary, classes="page")
        self.form = LineList(key=lambda one: (one.kind, one.name), draw=form.draw, classes="picks")
        self.line = FilterBar(sign=" > ")
        self.steps = Steps(classes="steps")
        self.job: Job | None = None
        self.installed = False
        self.shows_arguments = False
        self.typing: Field | None = None
        self.trouble: McptuiError | None = None

    def parts(self) -> list[Widget]:
        """Summary, form, a line to type in, steps."""
        self.page.can_focus = False
        self.line.display = False
        self.steps.display = False
        self.scroll = Body(self.page, self.form, resized=self._settle)
        return [self.scroll, self.line, self.steps]

    def on_mount(self) -> None:
        """Look at what would happen."""
        self.form.focus(scroll_visible=False)
        self._look(None, first=True)

    # ---- review

    def _look(self, choices: Choices | None, *, first: bool = False) -> None:
        """Ask what would happen with other choices."""

        given = dict(self.secrets)

        def question() -> tuple[Review | McptuiError, list[ClientRow], frozenset[str]]:
            clients = self.feed.clients() if first else self.clients
            try:
                review = self.feed.review(self.target, choices, given)
                return review, clients, self.feed.stored_for(review.entry)
            except McptuiError as error:
                return error, clients, frozenset()

        def then(found: tuple[Review | McptuiError, list[ClientRow], frozenset[str]]) -> None:
            review, self.clients, self.stored = found
            if isinstance(review, McptuiError):
                self.trouble = review
            else:
                self.trouble, self.review = None, review
            self._show(first)

        self.front.pool.ask(self, "review", question, then)

    def _show(self, first: bool = False) -> None:
        review = self.review
        rows: list[Field] = []
        if review is not None:
            rows = form.fields(review, self.clients, self.chosen, self.secrets, self.stored)
        if review is not None and review.refused is not None:
            rows = []
        self.form.show(rows)
        self.form.display = bool(rows) and not self.shows_arguments
        self.form.styles.height = len(rows)
        if first and rows:
            self.form.cursor = next((at for at, one in enumerate(rows) if one.missing), 0)
        self._fit()
        trust = review.trust.value if review else ""
        sign = ("● signed", "good") if trust == "signed" else ("▲ unsigned", "warn")
        self.show_title([(f"Install {self.called}", "strong")], [sign] if review else [])
        self.refresh_bindings()

    def _fit(self) -> None:
        self.page.show(self._arguments if self.shows_arguments else self._summary, top=False)
        self.page.styles.height = max(1, self.page.count())
        self.scroll.styles.max_height = self.room_for_parts - 2 * self.line.display
        self.steps.styles.max_height = self.room_for_parts
        self.call_after_refresh(self._reveal)

    def _settle(self) -> None:
        """Begin at the top again: where it lies must not hang on the sizes it had on the way."""
        self.scroll.scroll_to(0, 0, animate=False, immediate=True, force=True)
        self._reveal()

    def _reveal(self) -> None:
        """Keep the form's cursor in sight where the sheet is higher than the screen."""
        if self.form.display:
            line = Region(0, self.form.virtual_region.y + self.form.cursor, 1, 1)
            self.scroll.scroll_to_region(line, animate=False, immediate=True)

    def on_resize(self) -> None:
        """As high as the text is."""
        self.call_after_refresh(self._fit)

    def _summary(self, width: int) -> list[Line]:
        if self.trouble is not None:
            page = [[], *wrap(f"✗ {self.trouble.what}", width, "bad")]
            page += wrap(self.trouble.why, width) if self.trouble.why else []
            return page + (wrap(self.trouble.fix, width, "accent") if self.trouble.fix else [])
        if self.review is None:
            return [[], [("Looking at what it would do…", "dim")]]
        return [[], *form.summary(self.review, width), []]

    def _arguments(self, width: int) -> list[Line]:
        arguments = self.review.docker_arguments if self.review else ()
        if not arguments:
            text = "They are known once its image is: choose what is missing, or install it."
            if self.review is not None and self.review.entry.remote is not None:
                text = "It runs elsewhere: no container is started for it."
            return [[], *wrap(text, width, "dim"), []]
        return [[], *argument_lines(arguments, width), []]

    # ---- keys

    def why_not(self, action: str) -> str:
        """Why a key does nothing now."""
        busy = self.job is not None and self.job.running
        if action == "go":
            if busy:
                return "it is being installed"
            if self.review is None:
                return "nothing is known of it yet"
            return self.review.refused.what if self.review.refused is not None else ""
        if action in ("turn", "arguments", "copy") and (
            self.job is not None or self.review is None
        ):
            return "not while it is installed"
        return ""

    def action_go(self) -> None:
        """Install, or go to what is missing."""
        review = self.review
        if self.typing is not None or review is None or self.why_not("go"):
            return
        if self.installed:
            self.dismiss(self.target)
            return
        rows: list[Field] = list(self.form.rows)
        missing = next((at for at, one in enumerate(rows) if one.missing), None)
        if missing is None:
            self._start(review)
            return
        self.form.cursor = missing
        if rows[missing].on is None:
            self._type(rows[missing])
        else:
            self.front.say(f"space allows it: {rows[missing].label}", "warn")

    def action_turn(self) -> None:
        """Turn a switch, or type into a line."""
        field: Field | None = self.form.row
        review = self.review
        if field is None or review is None:
            return
        if field.kind == "client":
            row = next(one for one in self.clients if one.id == field.name)
            if row.state != "connected":
                self.chosen ^= {field.name}
                self._show()
        elif field.kind == "secret" and field.on is not None:
            if field.on:
                self.secrets.pop(field.name)
            else:
                self.secrets[field.name] = None
            self._look(review.choices)
        elif (choices := form.turned(review, field)) is not None:
            self._look(choices)
        else:
            self._type(field)

    def action_arguments(self) -> None:
        """The exact docker arguments, and back."""
        self.shows_arguments = not self.shows_arguments
        self._show()

    def action_copy(self) -> None:
        """The arguments, or the command that does the same."""
        review = self.review
        if review is None:
            return
        offers = [("c", "install command", lambda: f"mcptui install {self.target}")]
        if review.docker_arguments:
            offers.append(("d", "docker arguments", lambda: " ".join(review.docker_arguments)))
        self.front.copy_menu(list(offers))

    def action_close(self) -> None:
        """Break it off while it runs, otherwise close."""
        if self.typing is not None:
            self._typed(None)
        elif self.job is not None and self.job.running:
            self.job.cancel()
            self.show_title([(f"Install {self.called}: cleaning up…", "warn")])
        elif self.shows_arguments:
            self.action_arguments()
        else:
            self.dismiss(self.target if self.installed else None)

    # ---- a line to type in

    def _type(self, field: Field) -> None:
        self.typing = field
        self.line.display = True
        self._fit()
        self.line.mask(field.kind == "secret")
        self.line.set_text("" if field.kind == "secret" else field.value)
        more = "tab completes · " if field.kind == "folder" else ""
        wide = self.front.size.width >= 80
        self.line.show_note([(f"{more}enter takes it", "dim")] if wide else [])
        self.line.start()

    def _typed(self, text: str | None) -> None:
        field, review = self.typing, self.review
        self.typing = None
        self.line.display = False
        self._fit()
        self.form.focus(scroll_visible=False)
        self.line.set_text("")
        if field is None or review is None or text is None:
            return
        if field.kind == "secret":
            self.secrets.pop(field.name, None)
            if text:
                self.secrets[field.name] = text
            self._look(review.choices)
        else:
            self._look(form.typed(review, field, text))

    @on(FilterBar.Changed)
    def line_changed(self, event: FilterBar.Changed) -> None:
        """Nothing happens before enter."""
        event.stop()

    @on(FilterBar.Left)
    def line_left(self, event: FilterBar.Left) -> None:
        """Take the text, or not; tab completes a folder."""
        event.stop()
        if event.key == "enter":
            self._typed(self.line.text)
        elif event.key == "escape":
            self._typed(None)
        elif event.key == "tab" and self.typing is not None and self.typing.kind == "folder":
            self.line.set_text(completed(self.line.text))

    @on(LineList.Moved)
    def moved(self, event: LineList.Moved) -> None:
        """Follow the form's cursor."""
        event.stop()
        self._reveal()

    # ---- installing

    def _start(self, review: Review) -> None:
        for widget in (self.page, self.form):
            widget.display = False
        self.steps.restart()
        self.steps.display = True
        self.steps.focus()
        self.job = Job(
            self,
            lambda: self.feed.install(self.target, review.choices, self.secrets),
            f"installing {self.called}",
        )
        self.front.jobs.append(self.job)
        self.refresh_bindings()

    @on(Stepped)
    def stepped(self, event: Stepped) -> None:
        """One step further."""
        event.stop()
        self.steps.add(event.step)

    @on(Ended)
    def ended(self, event: Ended) -> None:
        """Connect what was chosen and close; or say why it failed."""
        event.stop()
        if self.job in self.front.jobs:
            self.front.jobs.remove(self.job)
        if event.cancelled:
            self.dismiss(None)
            self.front.say("Cancelled; nothing was installed", "warn")
        elif event.error is not None:
            self.steps.fail(told(event.error))
            self.job = None
            self.steps.finish(
                [("enter", "key"), (" tries again   ", "dim"), ("esc", "key"), (" closes", "dim")]
            )
            self.refresh_bindings()
        else:
            self.installed = True
            self._connect()

    def _connect(self) -> None:
        chosen = sorted(self.chosen)

        def question() -> list[str]:
            failed: list[str] = []
            for client in chosen:
                try:
                    self.feed.connect(client)
                except McptuiError as error:
                    failed.append(str(error))
            return failed

        def then(failed: list[str]) -> None:
            self.dismiss(self.target)
            if failed:
                self.front.say(failed[0], "bad")

        self.front.pool.ask(self, "connect", question, then)


def completed(text: str) -> str:
    """A path with its last part completed as far as it is certain, as a shell does."""
    head, comma, last = text.rpartition(",")
    path = Path(last.strip() or ".").expanduser()
    folder, start = (path, "") if last.endswith("/") else (path.parent, path.name)
    try:
        names = sorted(one.name for one in folder.iterdir() if one.is_dir())
    except OSError:
        return text
    fits = [
        name for name in names if name.startswith(start) and (start or not name.startswith("."))
    ]
    if not fits:
        return text
    common = fits[0]
    for name in fits[1:]:
        while not name.startswith(common):
            common = common[:-1]
    done = str(folder / common) + ("/" if len(fits) == 1 else "")
    return f"{head}{comma} {done}" if comma else done
