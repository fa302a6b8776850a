"""Take one member out of a JSON text that changed since the member was put in.

Several cuts are tried, the neatest first; one counts only when the text left has every other
value and every comment that was there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from mcptui.clients.jsonc import Block, Document, Malformed, Member
from mcptui.clients.splice import BLANKS, Patch, behind_comments

Cut = tuple[int, int]


def remove(
    document: Document,
    path: tuple[str, ...],
    key: str,
    made: Collection[tuple[str, ...]] = (),
    patch: Patch | None = None,
) -> str:
    """The text without one member.

    Args:
        document: the text.
        path: keys from the outermost object to the member's.
        key: the member; the text comes back unchanged when it is not there.
        made: objects (as paths) that we made; one that is left empty goes too.
        patch: how the member was put in, if known: turned round it leaves the least behind.

    Raises:
        Malformed: it cannot be done without loss.
    """
    block, missing = document.walk(path)
    member = None if block is None or missing else document.member(block, key)
    if block is None or member is None:
        return document.text
    text = None if patch is None or not patch.new else patch.invert(document.text)
    if text is not None:
        pruned = _without_key(document.value, path, key, made)
        if _holds(text, document, pruned, member):
            return text
    if path and path in made and _alone(document, block, member):
        return remove(document, path[:-1], path[-1], made)
    expected = _without_key(document.value, path, key)
    for cuts in _ways(document, block, member):
        text = _without(document.text, cuts)
        if _holds(text, document, expected, member):
            return text
    raise Malformed("our entry cannot be told apart from what surrounds it")


def _without_key(
    value: Any, path: tuple[str, ...], key: str, made: Collection[tuple[str, ...]] = ()
) -> Any:
    """A parsed value without one member, and without objects of ours left empty."""
    left = dict(value)
    if path:
        inner = _without_key(value[path[0]], path[1:], key, [one[1:] for one in made])
        if inner or path[:1] not in made:
            return {**left, path[0]: inner}
        key = path[0]
    del left[key]
    return left


def _alone(document: Document, block: Block, member: Member) -> bool:
    before = document.text[block.start + 1 : member.key_start]
    behind = document.text[member.end : block.end - 1]
    return len(block.members) == 1 and not (before + behind).strip(BLANKS + ",")


def _ways(document: Document, block: Block, member: Member) -> Iterator[list[Cut]]:
    text, index = document.text, block.members.index(member)
    before = block.members[index - 1] if index else None
    last = index + 1 == len(block.members)
    end = member.end if member.comma is None else member.comma + 1
    first: list[Cut] = []
    behind = block.start + 1
    if before is not None and before.comma is not None:
        behind = behind_comments(document, before.comma + 1)
        if last and member.comma is None:
            first = [(before.comma, before.comma + 1)]
    if before is None and not last:
        following = block.members[index + 1].key_start
        if not text[end:following].strip(BLANKS):
            yield [(member.key_start, following)]
    ends = [end]
    if before is None and last and not text[end : block.end - 1].strip(BLANKS):
        ends = [block.end - 1, end]
    blank = not text[behind : member.key_start].strip(BLANKS)
    line = _line_start(text, behind, member.key_start)
    for start in ([behind] if blank else []) + [line, member.key_start]:
        for stop in ends:
            yield [*first, (start, stop)]


def _line_start(text: str, least: int, at: int) -> int:
    """Where the line of `at` begins, its line break included, blanks permitting."""
    while at > least and text[at - 1] in " \t":
        at -= 1
    for mark in "\n\r":
        if at > least and text[at - 1] == mark:
            at -= 1
    return at


def _without(text: str, cuts: list[Cut]) -> str:
    out, at = "", 0
    for start, end in cuts:
        out += text[at:start]
        at = end
    return out + text[at:]


def _holds(text: str, document: Document, expected: Any, member: Member) -> bool:
    """Whether `text` has every value and every comment that must stay."""
    try:
        left = Document(text, document.dialect)
    except Malformed:
        return False
    stay = [text for at, text in document.comments() if not member.key_start <= at < member.end]
    return left.value == expected and [found for _, found in left.comments()] == stay
