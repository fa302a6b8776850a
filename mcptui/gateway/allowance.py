"""How much a server may tell unasked: a burst, and then so many notices a second.

A client has to read whatever it is sent before it finds the next answer, so one server's flood of
log messages or progress would hold up the answers of all others.
"""

from __future__ import annotations

import time
from collections.abc import Callable

BURST = 2000
PER_SECOND = 500


class Allowance:
    """A token bucket.

    Args:
        told: told, once a second at most, how many notices were left out.
        clock: seconds.
    """

    def __init__(
        self, told: Callable[[int], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._told = told
        self._clock = clock
        self._left = float(BURST)
        self._at = self._said = clock()
        self._dropped = 0

    def take(self) -> bool:
        """Whether one more notice may pass."""
        if self._left < 1 or self._dropped:
            self._refill()
        if self._left < 1:
            self._dropped += 1
            return False
        self._left -= 1
        return True

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._at) * PER_SECOND)
        self._at = now
        if self._dropped and now - self._said >= 1:
            dropped, self._dropped, self._said = self._dropped, 0, now
            self._told(dropped)
