"""How every widget says what to draw: lines of spans, measured in cells, safe to show.

A span is a text and the name of a style; `LineView` turns names into colours of the theme. Every
function here passes text through `visible()`, so what a server or a catalog says can be handed in
as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size

from mcptui.visible import visible

Span = tuple[str, str]
"""Text and the name of a style in `looks.py`, "" for plain."""
Line = list[Span]


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Cut or fill outside text to exactly `width` cells; an ellipsis marks the cut."""
    if width <= 0:
        return ""
    # No cell holds more than a character, so nothing longer has to be looked at.
    shown = visible(text if len(text) <= 4 * width else text[: 4 * width])
    size = len(shown) if shown.isascii() else cell_len(shown)
    if size == width:
        return shown
    if size > width:
        return set_cell_size(shown, width - 1) + "…"
    return " " * (width - size) + shown if right else shown + " " * (width - size)


def size_of(line: Iterable[Span]) -> int:
    """Cells that a line takes."""
    return sum(cell_len(text) for text, _ in line)


def text_of(line: Iterable[Span]) -> str:
    """A line without its styles."""
    return "".join(text for text, _ in line)


def between(left: Line, right: Line, width: int) -> Line:
    """Put one line at the left edge and another at the right one; the left one gives way."""
    room = width - size_of(right)
    return [*shorten(left, room - 1), (" ", ""), *right] if room > 1 else shorten(left, width)


def shorten(line: Line, width: int) -> Line:
    """Cut or fill a line to exactly `width` cells."""
    out: Line = []
    left = width
    for text, style in line:
        if left <= 0:
            break
        shown = visible(text)
        size = cell_len(shown)
        out.append((shown if size <= left else fit(shown, left), style))
        left -= min(size, left)
    if left > 0:
        out.append((" " * left, ""))
    return out


def wrap(text: str, width: int, style: str = "", indent: str = "") -> list[Line]:
    """Break outside text into lines of at most `width` cells, at spaces where it can.

    Args:
        text: outside text, may have line feeds.
        width: cells of a line, the indent included.
        style: of every line.
        indent: put before every line.
    """
    room = max(4, width - cell_len(indent))
    lines: list[str] = []
    for paragraph in visible(text, lines=True).split("\n"):
        lines.extend(_broken(paragraph.rstrip(), room))
    return [[(indent + line, style)] for line in lines]


def _broken(text: str, room: int) -> list[str]:
    if cell_len(text) <= room:
        return [text]
    lead = text[: len(text) - len(text.lstrip())][: room // 2]
    lines: list[str] = []
    line = lead
    for word in text.split():
        candidate = f"{line} {word}" if line.strip() else line + word
        if cell_len(candidate) <= room:
            line = candidate
            continue
        if line.strip():
            lines.append(line)
        line = lead + word
        while cell_len(line) > room:
            head = set_cell_size(line, room).rstrip()
            lines.append(head)
            line = line[max(1, len(head)) :]
    return [*lines, line]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list.

    Args:
        title: its heading.
        width: cells; of a growing column the least it may have.
        cell: gives text and style for a row.
        grow: its share of the cells left over, 0 for none.
        drop: the column with the highest number goes first when there is no room, 0 never goes.
        right: numbers stand at the right edge.
        most: a growing column takes no more than this, 0 for no limit.
    """

    title: str
    width: int
    cell: Callable[[Any], Span]
    grow: int = 0
    drop: int = 0
    right: bool = False
    most: int = 0


def fitting(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """Choose the columns that have room in `width` cells, each with its cells.

    Two cells stand between columns.
    """
    kept = list(columns)
    while kept and sum(column.width + 2 for column in kept) - 2 > width:
        loser = max(kept, key=lambda column: column.drop)
        if loser.drop == 0:
            break
        kept.remove(loser)
    spare = max(0, width - sum(column.width + 2 for column in kept) + 2)
    sizes = {id(column): column.width for column in kept}
    growing: list[Column] = [column for column in kept if column.grow]
    while growing and spare > 0:
        shares = sum(column.grow for column in growing)
        given = 0
        for column in growing:
            wanted = max(1, spare * column.grow // shares)
            if column.most:
                wanted = min(wanted, column.most - sizes[id(column)])
            wanted = min(wanted, spare - given)
            sizes[id(column)] += max(0, wanted)
            given += max(0, wanted)
        spare -= given
        growing = [c for c in growing if not c.most or sizes[id(c)] < c.most]
        if given == 0:
            break
    return [(column, sizes[id(column)]) for column in kept]


def row_of(shape: Sequence[tuple[Column, int]], row: Any) -> Line:
    """Draw one row of a list."""
    line: Line = []
    for index, (column, width) in enumerate(shape):
        text, style = column.cell(row)
        if index:
            line.append(("  ", ""))
        line.append((fit(text, width, right=column.right), style))
    return line


def head_of(shape: Sequence[tuple[Column, int]]) -> Line:
    """Draw the headings of a list."""
    line: Line = []
    for index, (column, width) in enumerate(shape):
        if index:
            line.append(("  ", ""))
        line.append((fit(column.title, width, right=column.right), "head"))
    return line


def facts(pairs: Sequence[tuple[str, str, str]], width: int, label: int = 12) -> list[Line]:
    """Lines of a label and a text that is wrapped beside it; each pair is label, text, style."""
    lines: list[Line] = []
    for name, text, style in pairs:
        for index, line in enumerate(wrap(text, width - label, style)):
            lines.append([(fit(name if index == 0 else "", label), "dim"), *line])
    return lines
