"""Numbers with the things they count, as a person reads them."""

from __future__ import annotations


def plural(count: int, word: str) -> str:
    """Count something in words: "1 server", "2 servers", "0 servers".

    Args:
        count: how many.
        word: one of them; its plural ends in s.
    """
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
