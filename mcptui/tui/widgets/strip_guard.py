"""The last door before the terminal: no control, direction or invisible character gets past it.

Textual 8.2.8 writes the text of every widget to the terminal as it is, escape sequences included.
Our own widgets pass outside text through `visible()`; this guard stands behind all widgets, ours
and Textual's, and also behind what nobody thought of. It keeps the number of cells, so layout
never shifts. `install(ascii_only=True)` also swaps our drawing characters for plain ones.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size, set_cell_size
from rich.console import Console
from rich.segment import Segment
from textual.strip import Strip

from mcptui.visible import visible

ASCII = str.maketrans(
    {
        **dict(zip("●○▲▼✓✗–—·…│─┌┐└┘├┤┬┴┼", "*o!v+x--..|-+++++++++", strict=True)),
        **dict(zip("⋮✎▸▾→←↑↓⏎‹›█▌▐▎▏▔▁", ":wv->><^v<<>#||||--", strict=False)),
        **dict(zip("▸▾→←↑↓⏎‹›", ">v><^v<<>", strict=True)),
        **dict.fromkeys("━═┄┈▂▃▄▀▆▇╸╺", "-"),
        **dict.fromkeys("┃║▊▋▉▕", "|"),
        **dict.fromkeys("╭╮╰╯┏┓┗┛╔╗╚╝╋", "+"),
    }
)
"""Our drawing characters, each with a plain one of the same width."""

_original = Strip.render
_plain = False


@lru_cache(maxsize=4096)
def _kept(character: str) -> str:
    """The character itself, or what stands for it without moving its neighbours."""
    if visible(character) == character:
        return character
    return "\ufffd" * get_character_cell_size(character)


def clean(text: str) -> str:
    """Return `text` as it may go to the terminal, of the same width in cells."""
    if not (text.isascii() and text.isprintable()):
        kept = "".join(map(_kept, text))
        if kept != text and (width := cell_len(text)) != cell_len(kept):
            # Joiners merge their neighbours into one cell; without them there are more.
            kept = set_cell_size(kept, width)
        return kept.translate(ASCII) if _plain else kept
    return text


def _render(self: Strip, console: Console) -> str:
    # The private attributes are why Textual is pinned exactly; tests/tui prove the effect.
    if self._render_cache is None:  # pyright: ignore[reportPrivateUsage]
        segments = [
            Segment(clean(text), style.update_link(None) if style and style.link else style)
            for text, style, _ in self
        ]
        guarded = Strip(segments)
        self._render_cache = _original(guarded, console)  # pyright: ignore[reportPrivateUsage]
    return self._render_cache  # pyright: ignore[reportPrivateUsage]


def install(*, ascii_only: bool = False) -> None:
    """Put the guard in front of the terminal; calling it again only changes `ascii_only`."""
    global _plain
    _plain = ascii_only
    Strip.render = _render
