"""The steps of a long action, one line each, as they come; it stands still when nothing does."""

from __future__ import annotations

from typing import Any

from mcptui.errors import McptuiError
from mcptui.progress import Step, StepState
from mcptui.tui.widgets.detail import Detail
from mcptui.tui.widgets.draw import Line, Span, wrap

SIGNS: dict[StepState, Span] = {
    StepState.WAITING: ("○", "dim"),
    StepState.RUNNING: ("●", "accent"),
    StepState.DONE: ("✓", "good"),
    StepState.FAILED: ("✗", "bad"),
    StepState.SKIPPED: ("–", "dim"),
}


def size(count: float) -> str:
    """Bytes for a person."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"


class Steps(Detail):
    """What was done, what is being done, and how it ended."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(self._lines, **settings)
        self.steps: dict[str, Step] = {}
        self.error: McptuiError | None = None
        self.end: Line = []

    def add(self, step: Step) -> None:
        """Show a step, in the place of an earlier one with its key."""
        self.steps[step.key] = step
        self._again()

    def fail(self, error: McptuiError) -> None:
        """Say why it ended; what was running has failed."""
        for key, step in self.steps.items():
            if step.state is StepState.RUNNING:
                self.steps[key] = Step(key, step.text, StepState.FAILED, detail=step.detail)
        self.error = error
        self._again()

    def finish(self, words: Line) -> None:
        """Say that it is over."""
        self.end = words
        self._again()

    def restart(self) -> None:
        """Forget everything, for another attempt."""
        self.steps, self.error, self.end = {}, None, []
        self._again()

    def _again(self) -> None:
        self.show(self._lines, top=False)
        self.scroll_end(animate=False, immediate=True, force=True)

    def _lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for step in self.steps.values():
            sign, style = SIGNS[step.state]
            detail = step.detail
            if step.state is StepState.RUNNING and step.done:
                detail = size(step.done)
                if step.total:
                    share = min(1.0, step.done / step.total)
                    bar = "█" * round(share * 12)
                    detail = f"{bar:·<12} {size(step.done)} of {size(step.total)}"
            line: Line = [(f" {sign} ", style), (step.text, "")]
            if detail:
                line.append((f"  {detail}", "dim"))
            lines.append(line)
        if self.error is not None:
            lines.append([])
            lines += wrap(f"✗ {self.error.what}", width - 1, "bad", " ")
            lines += wrap(self.error.why, width - 3, "", "   ") if self.error.why else []
            lines += wrap(self.error.fix, width - 3, "accent", "   ") if self.error.fix else []
        if self.end:
            lines += [[], self.end]
        return lines
