"""Numbers with the things they count, as a person reads them."""

from __future__ import annotations


def plural(count: int, word: str) -> str:
    """Count something in words: "1 server", "2 servers", "0 servers".

    Args:
        count: how many.
        word: one of them; its plural ends in s.
    """
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def span(seconds: float) -> str:
    """Tell how long something is, in its largest fitting unit: "0.5 s", "90 s", "15 min", "2 h"."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size and (seconds % size == 0 or seconds >= 2 * size):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"


def ago(now: float, at: float) -> str:
    """Tell how long ago something was: "never" for 0, "just now" within a minute, "3 h ago"."""
    if not at:
        return "never"
    seconds = max(0.0, now - at)
    for size, unit in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{plural(count, unit) if unit == 'day' else f'{count} {unit}'} ago"
    return "just now"
