"""A long action while it runs: its steps, esc cancels it, the end stays to be read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from mcptui.progress import Step
from mcptui.tui import keys
from mcptui.tui.jobs import Ended, Job, Stepped, told
from mcptui.tui.sheets.sheet import Sheet
from mcptui.tui.widgets.steps import Steps


class ProgressSheet(Sheet[bool]):
    """Runs one action; gives True when it was done.

    Args:
        title: what is done.
        start: begins it.
    """

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("progress")

    def __init__(self, title: str, start: Callable[[], AsyncIterator[Step]]) -> None:
        super().__init__(title)
        self.start = start
        self.steps = Steps(classes="steps")
        self.job: Job | None = None
        self.name_of_job = title
        self.last: Step | None = None

    def parts(self) -> list[Widget]:
        """The steps."""
        return [self.steps]

    def on_mount(self) -> None:
        """Begin."""
        self.steps.focus()
        self.job = Job(self, self.start, self.name_of_job)
        self.front.jobs.append(self.job)

    @on(Stepped)
    def stepped(self, event: Stepped) -> None:
        """One step further."""
        event.stop()
        self.last = event.step
        self.steps.add(event.step)

    @on(Ended)
    def ended(self, event: Ended) -> None:
        """Close when it was done; otherwise say why it was not."""
        event.stop()
        if self.job in self.front.jobs:
            self.front.jobs.remove(self.job)
        self.refresh_bindings()
        if event.cancelled:
            self.dismiss(False)
            self.front.say("Cancelled; nothing was changed", "warn")
        elif event.error is not None:
            self.steps.fail(told(event.error))
        else:
            self.dismiss(True)
            if self.last is not None:
                self.front.say(self.last.text)

    def why_not(self, action: str) -> str:
        """Enter has nothing to do while it runs."""
        return ""

    def action_close(self) -> None:
        """Cancel while it runs, close afterwards."""
        if self.job is not None and self.job.running:
            self.job.cancel()
            self.show_title([(f"{self.name_of_job}: cancelling…", "warn")])
        else:
            self.dismiss(False)
