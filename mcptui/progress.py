"""Steps: how a long action tells what it is doing, to the screen and the command line alike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class StepState(StrEnum):
    """Where one step stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an action's progress; a later step with the same key replaces it.

    Args:
        key: stable within one action ("base", "package", "start", …).
        text: what is being done, for a person.
        state: where it stands.
        done: bytes done so far, 0 when not counted.
        total: bytes in all, 0 when unknown.
        detail: a result or a reason ("90 MB", "12 tools").
        result: what the action yields, on its last step only.
    """

    key: str
    text: str
    state: StepState = StepState.RUNNING
    done: int = 0
    total: int = 0
    detail: str = ""
    result: Any = None
