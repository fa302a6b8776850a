"""The account of a soak: every call made, what came back, and what the store says of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcptui.store import Store

UNWRITTEN_SECONDS = 3.0
"""A gateway writes its record in batches: what came within this time of its SIGKILL may be lost.
A batch takes 25 ms on a quiet machine; this one runs two hundred containers on two cores."""
_ROWS = (
    "SELECT coalesce(bodies.request, '') AS request, tool, outcome, ms"
    " FROM calls LEFT JOIN bodies ON bodies.call = calls.id"
)
PLAUSIBLE = {
    "right": {"ok"},
    "tool error": {"error"},
    "reason": {"error", "refused", "timed out"},
    "none": {"ok", "error", "cancelled", "lost", "refused", "timed out"},
}
"""What a client saw of a call, and the outcomes that fit it."""


@dataclass(slots=True)
class Made:
    """One call.

    Args:
        token: in its arguments, and so in its row; nothing else has it.
        kind: which sort of call.
        recorded: its method gets a row.
        at: when it was sent, unix seconds.
        seen: what came back: "right", "tool error" (as it was asked to), "reason" (the gateway
            told why not), "none" (its gateway or client was killed first) or "wrong".
        ended_at: when its gateway was killed or its client vanished, 0 when neither happened.
        ended: "kill", "vanish" or nothing.
    """

    token: str
    kind: str
    recorded: bool
    at: float
    seen: str = "none"
    detail: str = ""
    ended_at: float = 0.0
    ended: str = ""

    @property
    def may_be_unwritten(self) -> bool:
        """The end came before the record, or even the reading, can be expected.

        A gateway whose client vanished does not read what is still in the pipe: nobody is there
        to be answered.
        """
        sudden = self.ended == "kill" or (self.ended == "vanish" and self.seen == "none")
        return sudden and self.ended_at - self.at < UNWRITTEN_SECONDS


@dataclass(slots=True)
class Account:
    """What a soak found; `faults` must be empty."""

    calls: dict[str, Made] = field(default_factory=dict[str, Made])
    done: Counter[str] = field(default_factory=Counter[str])
    faults: list[str] = field(default_factory=list[str])
    unwritten: int = 0
    rows: int = 0

    def fault(self, text: str) -> None:
        """Note what must not be."""
        self.faults.append(text[:500])

    def compare(self, store: Store) -> None:
        """Hold every call against its rows."""
        found: dict[str, list[tuple[str, float]]] = {}
        for row in store.read(_ROWS):
            for token in _tokens(f"{row['request']} {row['tool']}"):
                found.setdefault(token, []).append((row["outcome"], row["ms"]))
        self.rows = sum(map(len, found.values()))
        for made in self.calls.values():
            rows = found.pop(made.token, [])
            if made.seen == "wrong":
                self.fault(f"a wrong answer to {made.kind} {made.token}: {made.detail}")
            elif made.recorded:
                self._compare(made, [outcome for outcome, _ in rows])
        for token in found:
            self.fault(f"a row of a call nobody made: {token}")

    def _compare(self, made: Made, outcomes: list[str]) -> None:
        fitting = PLAUSIBLE[made.seen]
        if made.may_be_unwritten:
            fitting = fitting | PLAUSIBLE["none"]
            self.unwritten += not outcomes
        if len(outcomes) != 1 and not (made.may_be_unwritten and not outcomes):
            late = f", {made.ended} after {made.ended_at - made.at:.2f} s" if made.ended else ""
            self.fault(f"{len(outcomes)} rows of {made.kind} {made.token} ({made.seen}{late})")
        elif outcomes and outcomes[0] not in fitting:
            self.fault(f"{made.kind} {made.token}: {made.seen}, but its row says {outcomes[0]}")

    def report(self) -> list[str]:
        """The figure: calls made, answered, recorded; and what was done to everybody."""
        seen = Counter(made.seen for made in self.calls.values())
        kinds = Counter(made.kind for made in self.calls.values())
        recorded = sum(made.recorded for made in self.calls.values())
        answered = sum(count for name, count in seen.items() if name != "none")
        return [
            f"made      {len(self.calls):8,}  {_joined(kinds)}",
            f"answered  {answered:8,}  {_joined(seen)}",
            f"recorded  {self.rows:8,}  of {recorded:,} that get a row; {self.unwritten:,} made or "
            f"answered less than {UNWRITTEN_SECONDS:g} s before a SIGKILL or unread have none",
            f"done      {_joined(self.done)}",
            f"faults    {len(self.faults):8,}",
            *(f"  {fault}" for fault in self.faults[:40]),
        ]


def _joined(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _tokens(text: str) -> set[str]:
    parts = text.split("soak-")[1:]
    return {"soak-" + part.split("-end")[0] for part in parts if "-end" in part}
