"""The calls a room knows: new ones are added, running ones are replaced when they end.

Plain data, so that ten thousand a second can be tested without a screen.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcptui.store.rows import CallRow

LIMIT = 20_000
REFUSED = frozenset({"blocked", "refused", "sign in"})


def gap(first: CallRow) -> CallRow:
    """A row that says that older calls exist: nothing may be missing silently."""
    words = "older calls are not shown here; mcptui calls finds them"
    return replace(
        first, id=first.id - 1, key="", client_name="", server="…", tool="…", outcome="gap", ms=0.0,
        bytes_in=0, bytes_out=0, reason="", what=words, findings=0,
    )  # fmt: skip


class CallFeed:
    """Calls by number, and those of them that a filter shows."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.cursor: int | None = None
        self.rows: list[CallRow] = []
        self.shown: list[CallRow] = []
        self.total = 0
        self.refused = 0
        self.flagged = 0
        self._matches: Callable[[CallRow], bool] | None = None

    def begin(self, rows: list[CallRow], cursor: int) -> None:
        """Start with the newest calls, oldest first."""
        self.rows, self.cursor = rows, cursor
        self.total = len(rows)
        self._count()
        self.filter(self._matches)

    def filter(self, matches: Callable[[CallRow], bool] | None) -> None:
        """Show only what matches."""
        self._matches = matches
        self.shown = list(self.rows) if matches is None else [r for r in self.rows if matches(r)]
        # Only a full list can have left something out.
        if matches is None and len(self.rows) >= self.limit:
            self.shown.insert(0, gap(self.rows[0]))

    def take(self, rows: Sequence[CallRow], cursor: int) -> tuple[list[CallRow], list[CallRow]]:
        """Take calls that began or ended since the cursor.

        Returns:
            The new calls and the changed ones that the filter shows.
        """
        self.cursor = cursor
        last = self.rows[-1].id if self.rows else 0
        new: list[CallRow] = []
        changed: list[CallRow] = []
        newest: dict[int, CallRow] = {row.id: row for row in rows}
        for number in sorted(newest):
            row = newest[number]
            if number > last:
                new.append(row)
            else:
                at = bisect_left(self.rows, number, key=lambda known: known.id)
                if at < len(self.rows) and self.rows[at].id == number:
                    self._tally(self.rows[at], -1)
                    self.rows[at] = row
                    self._tally(row, 1)
                    changed.append(row)
        self.rows.extend(new)
        self.total += len(new)
        for row in new:
            self._tally(row, 1)
        self._trim()
        if self._matches is not None:
            new = [row for row in new if self._matches(row)]
        return new, changed

    def places(
        self, changed: Sequence[CallRow], rows: Sequence[CallRow]
    ) -> list[tuple[int, CallRow]]:
        """Where changed calls are among the rows of a list."""
        found: list[tuple[int, CallRow]] = []
        for row in changed:
            at = bisect_left(rows, row.id, key=lambda known: known.id)
            if at < len(rows) and rows[at].id == row.id:
                found.append((at, row))
        return found

    def _trim(self) -> None:
        if len(self.rows) > self.limit + self.limit // 10:
            for row in self.rows[: len(self.rows) - self.limit]:
                self._tally(row, -1)
            del self.rows[: len(self.rows) - self.limit]

    def _count(self) -> None:
        self.refused = self.flagged = 0
        for row in self.rows:
            self._tally(row, 1)

    def _tally(self, row: CallRow, by: int) -> None:
        if row.outcome in REFUSED:
            self.refused += by
        if row.findings:
            self.flagged += by
