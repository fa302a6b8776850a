"""JSON as a tree that folds: enter or space opens and closes what is under the cursor.

Text that is no JSON is shown as lines. Strings that hold JSON or line feeds are laid out, since
that is what tools answer with. Only lines in sight are drawn; at most `MOST` are ever made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from textual.binding import Binding, BindingType

from mcptui.tui.widgets.draw import Line, fit
from mcptui.tui.widgets.line_list import LineList

MOST = 20_000
OPEN_BELOW = 40
"""Objects and lists with more lines than this start folded below the first level."""
LONGEST = 2_000
LONGEST_DOCUMENT = 200_000


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One line.

    Args:
        at: where in the document, the key of a fold.
        depth: indentation.
        name: its key, "" in lists.
        text: the value, or the bracket.
        style: of the value.
        folds: it can be opened and closed.
    """

    at: tuple[str, ...]
    depth: int
    name: str
    text: str
    style: str
    folds: bool = False


class JsonView(LineList):
    """A folding document."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "fold", "Fold", id="json.fold"),
    ]

    def __init__(self, **settings: Any) -> None:
        super().__init__(key=lambda line: line.at, draw=_draw, quiet=True, **settings)
        self.text = ""
        self.value: Any = None
        self.folded: set[tuple[str, ...]] = set()

    def show_text(self, text: str, *, empty: str = "") -> None:
        """Show a document; folds start anew when it is another one."""
        self.say([[(f"  {empty}", "dim")]] if empty else [])
        if text == self.text and self.rows:
            return
        self.text = text
        self.folded = set()
        try:
            self.value = _unpacked(json.loads(text)) if text else None
        except (ValueError, RecursionError):
            self.value = text
        if text:
            self.folded = set(_deep(self.value, ()))
        self._again(keep=False)

    def _again(self, *, keep: bool = True) -> None:
        rows: list[JsonLine] = []
        if self.text:
            for line in _lines(self.value, (), 0, "", self.folded):
                rows.append(line)
                if len(rows) >= MOST:
                    rows.append(JsonLine(("…",), 0, "", f"… more than {MOST:,} lines", "warn"))
                    break
        self.show(rows, keep=keep)

    def action_fold(self) -> None:
        """Open or close."""
        row: JsonLine | None = self.row
        if row is not None and row.folds:
            self.folded ^= {row.at}
            self._again()


def _draw(line: JsonLine, width: int) -> Line:
    sign = ("▸ " if line.text.endswith("…") else "▾ ") if line.folds else "  "
    lead = "  " * line.depth + sign
    name = f"{line.name}: " if line.name else ""
    return [
        (lead, "dim"),
        (name, "accent"),
        (fit(line.text, max(0, width - len(lead) - len(name))), line.style),
    ]


def _unpacked(value: Any, depth: int = 0) -> Any:
    """The same document, with texts that are JSON themselves read as such and said to be so.

    That is what most tools answer with.
    """
    if depth > 40:
        return value
    if isinstance(value, list):
        return [_unpacked(one, depth + 1) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, child in cast("dict[str, Any]", value).items():
        inner = _document(child) if isinstance(child, str) else None
        if inner is None:
            found[name] = _unpacked(child, depth + 1)
        else:
            found[f"{name} (JSON)"] = _unpacked(inner, depth + 1)
    return found


def _document(text: str) -> Any:
    if text[:1] not in ("{", "[") or len(text) > LONGEST_DOCUMENT:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _weight(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + len(value)  # pyright: ignore[reportUnknownArgumentType]
    return 1


def _deep(value: Any, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The places that start folded: large ones below the first level."""
    if len(at) > 40:
        return
    if at and _weight(value) > OPEN_BELOW:
        yield at
        return
    for name, child in _children(value):
        yield from _deep(child, (*at, name))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, child in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield str(name), child  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list):
        for index, child in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield str(index), child


def _lines(
    value: Any, at: tuple[str, ...], depth: int, name: str, folded: set[tuple[str, ...]]
) -> Iterator[JsonLine]:
    if isinstance(value, dict | list) and value:
        opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
        count = len(value)  # pyright: ignore[reportUnknownArgumentType]
        # Deeper than anybody reads; a hostile document must not exhaust the stack.
        if at in folded or depth > 60:
            yield JsonLine(at, depth, name, f"{opening}{closing} {count} …", "dim", folds=True)
            return
        yield JsonLine(at, depth, name, opening, "dim", folds=True)
        listed = isinstance(value, list)
        for key, child in _children(value):  # pyright: ignore[reportUnknownArgumentType]
            yield from _lines(child, (*at, key), depth + 1, "" if listed else key, folded)
        yield JsonLine((*at, closing), depth, "", closing, "dim")
    elif isinstance(value, str):
        yield from _string(value, at, depth, name)
    else:
        yield JsonLine(at, depth, name, json.dumps(value), "strong")


def _string(value: str, at: tuple[str, ...], depth: int, name: str) -> Iterator[JsonLine]:
    lines = value.split("\n") if "\n" in value else [value]
    if len(lines) == 1 and len(value) <= LONGEST:
        yield JsonLine(at, depth, name, f'"{value}"' if depth else value, "")
        return
    if name:
        yield JsonLine(at, depth, name, f"{len(value):,} characters", "dim")
    inner = depth + 1 if name else depth
    number = 0
    for line in lines:
        for start in range(0, max(1, len(line)), LONGEST):
            number += 1
            yield JsonLine(
                (*at, str(number)), inner, "", line[start : start + LONGEST].rstrip("\r"), ""
            )
