"""The doctor's checks, each row as soon as it is known, and what to do about it.

Nothing is changed without enter. Settings of the screen stand below the checks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType

from mcptui.progress import Step
from mcptui.tui import keys
from mcptui.tui.jobs import Ended, Job, Stepped, told
from mcptui.tui.rooms.clients import edit_file
from mcptui.tui.rooms.room import Room
from mcptui.tui.widgets.draw import Column, Line, Span, facts, wrap

if TYPE_CHECKING:
    from mcptui.actions.diagnose import Finding

SIGNS: dict[str, Span] = {"ok": ("✓", "good"), "warn": ("▲", "warn"), "bad": ("✗", "bad")}


class DoctorRoom(Room):
    """All checks."""

    room = "doctor"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("doctor")

    def __init__(self, feed: Any) -> None:
        super().__init__(feed)
        self.rows: list[Finding] = []
        self.job: Job | None = None

    def columns(self) -> list[Column]:
        """Sign and title, and what can be done."""
        return [
            Column("", 1, lambda row: SIGNS.get(row.state, ("?", ""))),
            Column("check", 10, lambda row: (row.id, "dim")),
            Column("finding", 24, lambda row: (row.title, _style(row)), grow=1),
            Column("", 9, lambda row: ("enter fix" if row.fixable else "", "key"), drop=1),
        ]

    def key(self, row: Finding) -> Any:
        """Rows are known by check and title."""
        return (row.id, row.title)

    # ---- checks

    def shown(self) -> None:
        """Check at the first visit; `r` checks again."""
        if not self.rows and self.job is None:
            self.action_again()

    def stored(self) -> None:
        """What others store is no reason to check again."""

    def refresh_rows(self) -> None:
        """After a fix everything is checked again."""
        self.action_again()

    def action_again(self) -> None:
        """Run all checks."""
        if self.job is not None and self.job.running:
            return
        self.fresh: list[Finding] = []
        self.job = Job(self, self._steps, "the doctor")
        self.filter.show_note([("checking…", "accent")])

    async def _steps(self) -> AsyncIterator[Step]:
        async for finding in self.feed.diagnose():
            yield Step(finding.id, finding.title, result=finding)

    @on(Stepped)
    def stepped(self, event: Stepped) -> None:
        """One more is known."""
        event.stop()
        self.fresh.append(event.step.result)
        # While a first round runs the rows fill up; a later one replaces them at its end.
        if len(self.fresh) > len(self.rows):
            self._show(list(self.fresh))

    @on(Ended)
    def ended(self, event: Ended) -> None:
        """All are known."""
        event.stop()
        self._show(list(self.fresh))
        bad = sum(row.state != "ok" for row in self.rows)
        if event.error is not None:
            self.front.say(str(told(event.error)), "bad")
        note: Span = (f"{bad} to look at", "warn") if bad else ("Everything works", "good")
        self.filter.show_note([note])
        self.refresh_bindings()

    def _show(self, rows: list[Finding]) -> None:
        self.rows = rows
        self.apply_filter(self.filter.text)

    def apply_filter(self, text: str) -> None:
        """Show the findings that hold all words."""
        words = text.casefold().split()
        rows = [
            row for row in self.rows if all(w in f"{row.id} {row.title}".casefold() for w in words)
        ]
        self.list.show(rows)
        self.place()

    def reach(self, key: str) -> bool:
        """The first finding of a check that needs somebody."""
        for at, row in enumerate(self.list.rows):
            if row.id == key and row.state != "ok":
                self.list.cursor = at
                return True
        return False

    def moved(self, row: Finding | None) -> None:
        """Show a finding with what to do."""
        if row is None:
            self.title.show_both([], [])
            self.detail.show(lambda _width: [])
            return
        self.title.show_both([(row.id, "strong")], [])

        def lines(width: int) -> list[Line]:
            sign, style = SIGNS.get(row.state, ("?", ""))
            page = wrap(f"{sign} {row.title}", width, style)
            page += [[], *wrap(row.detail, width)] if row.detail else []
            page += [[], *wrap(row.fix_text, width, "accent")] if row.fix_text else []
            if row.fixable:
                page += [[], [("enter", "key"), (" does it from here", "dim")]]
            return [*page, [], [], *self._settings(width)]

        self.detail.show(lines)

    def _settings(self, width: int) -> list[Line]:
        paths = self.feed.home.paths
        pairs = [
            ("theme", f"{self.front.theme}   : theme … changes it", ""),
            ("settings", str(paths.settings), ""),
            ("state", str(paths.database), ""),
            ("cache", str(paths.cache), ""),
        ]
        return [[("Settings", "head")], *facts(pairs, width)]

    # ---- keys

    def why_not(self, action: str) -> str:
        """Why a key does nothing here."""
        row: Finding | None = self.list.row
        if action == "fix" and (row is None or not row.fixable):
            return "nothing to fix from here"
        if action == "again" and self.job is not None and self.job.running:
            return "it is checking"
        return ""

    def action_fix(self) -> None:
        """Do what the finding says."""
        from mcptui.tui.sheets.progress import ProgressSheet

        row: Finding = self.list.row
        self.front.push_screen(
            ProgressSheet(f"Fix {row.id}", lambda: self.feed.fix(row.id)),
            lambda _done: self.action_again(),
        )

    def action_edit(self) -> None:
        """Open the settings in the editor; the file is made when there is none."""
        path = self.feed.home.paths.settings
        if not path.exists():
            self.feed.home.paths.private(path.parent)
            path.touch(mode=0o600)
        edit_file(self, str(path))

    def copies(self) -> list[tuple[str, str, Callable[[], str]]]:
        """The whole page, for a bug report."""
        return [("r", "report", self._report)] if self.rows else []

    def _report(self) -> str:
        from mcptui import __version__

        lines = [f"mcptui {__version__}"]
        for row in self.rows:
            lines.append(f"{row.state:<5} {row.id}: {row.title}")
            if row.detail:
                lines.append(f"      {row.detail}")
        return "\n".join(lines)


def _style(row: Finding) -> str:
    return "" if row.state == "ok" else row.state
