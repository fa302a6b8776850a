"""Put one member into a JSON text and leave every other character alone.

An edit is a patch: a short stretch of text that became another. Turned round it gives the very
text from before; in a text that changed elsewhere since, the stretch is looked for again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mcptui.clients.jsonc import BOM, Block, Document, Member

BLANKS = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Patch:
    """At character `at`, `old` became `new`."""

    at: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """The text after the edit."""
        return text[: self.at] + self.new + text[self.at + len(self.old) :]

    def invert(self, text: str) -> str | None:
        """The text before the edit; None when `new` is neither there nor at just one place."""
        at = self.at
        if not text.startswith(self.new, at):
            at = text.find(self.new)
            if at < 0 or text.find(self.new, at + 1) >= 0:
                return None
        return text[:at] + self.old + text[at + len(self.new) :]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out, so that what we add looks like the rest of it."""

    eol: str
    unit: str
    inline: bool
    compact: bool

    @classmethod
    def of(cls, document: Document, root: Block) -> Layout:
        """The layout of a text with an outermost object."""
        text = document.text
        crlf = text.count("\r\n")
        eol = "\r\n" if crlf > text.count("\n") - crlf else "\n"
        unit = next((own for member in root.members if (own := own_indent(text, member))), "  ")
        inline = bool(root.members) and not _broken(text[root.start : root.end])
        first = document.plain.find(":", root.start)
        compact = inline and first >= 0 and document.plain[first + 1] not in BLANKS
        return cls(eol, unit, inline, compact)

    def render(self, key: str, value: Any, base: str) -> str:
        """`"key": value` as this file would write it at the indentation `base`."""
        name = json.dumps(key, ensure_ascii=False)
        if self.inline:
            colon, comma = (":", ",") if self.compact else (": ", ", ")
            body = json.dumps(value, ensure_ascii=False, separators=(comma, colon))
            return name + colon + body
        body = json.dumps(value, ensure_ascii=False, indent=self.unit)
        return f"{name}: {body}".replace("\n", self.eol + base)


def _broken(text: str) -> bool:
    return "\n" in text or "\r" in text


def own_indent(text: str, member: Member) -> str | None:
    """The blanks before a key that starts its line, None for any other."""
    start = text.rfind("\n", 0, member.key_start) + 1
    before = text[start : member.key_start]
    return before if start and not before.strip(" \t") else None


def line_indent(text: str, at: int) -> str:
    """The blanks at the start of the line that holds `at`."""
    start = text.rfind("\n", 0, at) + 1
    line = text[start:at].removeprefix("\ufeff")
    return line[: len(line) - len(line.lstrip(" \t"))]


def behind_comments(document: Document, at: int) -> int:
    """`at`, or the end of the comments that follow it on the same line."""
    text, end = document.text, at
    while True:
        start = end
        while text[start : start + 1] in (" ", "\t"):
            start += 1
        if text.startswith("//", start):
            stops = [stop for mark in "\r\n" if (stop := text.find(mark, start)) >= 0]
            return min(stops, default=len(text))
        close = text.find("*/", start + 2)
        if not text.startswith("/*", start) or _broken(text[start:close]):
            return end
        end = close + 2


def insert(
    document: Document, path: tuple[str, ...], key: str, value: Any, *, trailing_comma: bool
) -> Patch:
    """Add `key: value` to the object at `path`; objects that are missing on the way are made.

    Args:
        document: the text.
        path: keys from the outermost object to the one that gets the member.
        key: not there yet.
        value: what json can write.
        trailing_comma: whether our member may end in a comma where the file's own last one does.

    Raises:
        Malformed: `path` leads to something that is not an object, or a key is there twice.
    """
    block, missing = document.walk(path)
    for name in reversed((*missing, key)[1:]):
        value = {name: value}
    name = (*missing, key)[0]
    if block is None:
        return _fill_empty(document, name, value)
    layout = Layout.of(document, document.root())
    if block.members:
        pieces = _after_last(document, block, layout, (name, value), trailing_comma)
    else:
        pieces = _into_empty(document, block, layout, (name, value))
    return _as_patch(document.text, pieces)


def _as_patch(text: str, pieces: list[tuple[int, str]]) -> Patch:
    start, end = pieces[0][0], pieces[-1][0]
    new, at = "", start
    for position, piece in pieces:
        new += text[at:position] + piece
        at = position
    return Patch(start, text[start:end], new)


def _fill_empty(document: Document, key: str, value: Any) -> Patch:
    text = document.text
    crlf = text.count("\r\n")
    eol = "\r\n" if crlf > text.count("\n") - crlf else "\n"
    body = json.dumps({key: value}, ensure_ascii=False, indent=2).replace("\n", eol) + eol
    commented = document.has_comment(len(text) - len(text.lstrip(BOM)), len(text))
    lead = eol if commented and not text.endswith("\n") else ""
    return Patch(len(text), "", lead + body)


def _after_last(
    document: Document,
    block: Block,
    layout: Layout,
    item: tuple[str, Any],
    trailing_comma: bool,
) -> list[tuple[int, str]]:
    text, last = document.text, block.members[-1]
    several = _broken(text[block.start : last.key_start]) or _broken(text[last.end : block.end])
    own = own_indent(text, last)
    base = own if own is not None else line_indent(text, block.start) + layout.unit
    lead = layout.eol + base if several else "" if layout.compact else " "
    shape = layout if several else Layout(layout.eol, layout.unit, True, layout.compact)
    new = lead + shape.render(*item, base)
    if last.comma is not None:
        end = "," if trailing_comma else ""
        return [(behind_comments(document, last.comma + 1), new + end)]
    behind = behind_comments(document, last.end)
    if behind == last.end:
        return [(behind, "," + new)]
    return [(last.end, ","), (behind, new)]


def _into_empty(
    document: Document, block: Block, layout: Layout, item: tuple[str, Any]
) -> list[tuple[int, str]]:
    text, close = document.text, block.end - 1
    if layout.inline and not document.has_comment(block.start, block.end):
        return [(close, layout.render(*item, ""))]
    indent = line_indent(text, block.start)
    base = indent + layout.unit
    shape = Layout(layout.eol, layout.unit, False, False)
    body = layout.eol + base + shape.render(*item, base)
    inside = text[block.start + 1 : close]
    if not inside.strip(BLANKS) and not _broken(inside):
        return [(close, body + layout.eol + indent)]
    # Comments inside stay where they are; ours comes behind the last one.
    end = block.start + 1 + len(inside.rstrip(BLANKS))
    closing = "" if _broken(text[end:close]) else layout.eol + indent
    return [(end, body + closing)]


def replace(document: Document, path: tuple[str, ...], key: str, value: Any) -> Patch:
    """Give a member that exists another value."""
    member = find(document, path, key)
    if member is None:
        raise KeyError(key)
    text = document.text
    layout = Layout.of(document, document.root())
    shape = Layout(layout.eol, layout.unit, "\n" not in text[member.start : member.end], False)
    body = shape.render(key, value, line_indent(text, member.key_start))
    new = body[len(json.dumps(key, ensure_ascii=False)) + 2 :]
    return Patch(member.start, text[member.start : member.end], new)


def find(document: Document, path: tuple[str, ...], key: str) -> Member | None:
    """The member `key` of the object at `path`, None when any of them is missing.

    Raises:
        Malformed: `path` leads to something that is not an object, or a key is there twice.
    """
    block, missing = document.walk(path)
    if block is None or missing:
        return None
    return document.member(block, key)
