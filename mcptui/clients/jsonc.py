"""JSON with comments, read as text with positions: nothing here ever re-serialises a file.

A file is blanked, not rewritten: comments, then trailing commas become spaces, so that the rest
is plain JSON of the same length, parsed at C speed, and every position holds in the original.
What is not valid is refused in words; a guess could cost the user's settings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, cast

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_COMMENTS = re.compile(_STRING + r"|//[^\r\n]*+|/\*.*?\*/", re.DOTALL)
_TRAILING = re.compile(_STRING + r"|,(?=[ \t\r\n]*+[}\]])", re.DOTALL)
_BLANK = re.compile(r"[ \t\r\n]*+")
_NOT_BLANK = re.compile(r"[^\r\n]")
BOM = "\ufeff"


class Malformed(ValueError):
    """The text is not what the client reads; says what and in which line."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a client's parser accepts beside plain JSON."""

    comments: bool = False
    trailing_commas: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """`key: value` of an object; positions in characters, `comma` where one follows."""

    key: str
    key_start: int
    start: int
    end: int
    comma: int | None


@dataclass(frozen=True, slots=True)
class Block:
    """An object from its `{` to behind its `}`."""

    start: int
    end: int
    members: tuple[Member, ...]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Numbers stay text: they are only compared, and none is too long to keep.
_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_int=str, parse_float=str)
_scan = cast("Callable[[str, int], tuple[Any, int]]", _decoder.raw_decode)


def _blanked(text: str) -> str:
    return _NOT_BLANK.sub(" ", text)


class Document:
    """One parsed text.

    Args:
        text: the whole file, byte order mark included.
        dialect: what the client's parser accepts.

    Raises:
        Malformed: it is not valid in that dialect.
    """

    __slots__ = ("_blocks", "bare", "dialect", "plain", "text", "value")

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text = text
        self.dialect = dialect
        self._blocks: dict[int, Block] = {}
        self.bare = self.plain = " " + text[1:] if text.startswith(BOM) else text
        try:
            # Most files are plain JSON: then there is nothing to blank.
            self.value: Any = _decoder.decode(self.plain)
        except (ValueError, RecursionError):
            self.bare = _COMMENTS.sub(self._blank_comment(dialect), self.plain)
            self.plain = _TRAILING.sub(self._blank_comma(dialect), self.bare)
            self.value = self._parse()

    @property
    def empty(self) -> bool:
        """Nothing but blanks and comments; clients take it for an empty object."""
        return not self.plain.strip(" \t\r\n")

    def _line(self, at: int) -> int:
        return self.text.count("\n", 0, at) + 1

    def _blank_comment(self, dialect: Dialect) -> Callable[[re.Match[str]], str]:
        def blank(match: re.Match[str]) -> str:
            found = match.group()
            if found[0] == '"':
                return found
            if not dialect.comments:
                line = self._line(match.start())
                raise Malformed(f"line {line} has a comment, and the client reads plain JSON only")
            return _blanked(found)

        return blank

    def _blank_comma(self, dialect: Dialect) -> Callable[[re.Match[str]], str]:
        def blank(match: re.Match[str]) -> str:
            found = match.group()
            if found != ",":
                return found
            at = match.start() - 1
            while at >= 0 and self.bare[at] in " \t\r\n":
                at -= 1
            if at < 0 or self.bare[at] in "{[," or not dialect.trailing_commas:
                raise Malformed(f"line {self._line(match.start())} has a comma too many")
            return " "

        return blank

    def _parse(self) -> Any:
        if self.empty:
            return {}
        try:
            return _decoder.decode(self.plain)
        except json.JSONDecodeError as error:
            raise Malformed(f"line {self._line(error.pos)}: {error.msg}") from None
        except RecursionError:
            raise Malformed("it is nested too deeply") from None
        except ValueError as error:
            raise Malformed(str(error)) from None

    def skip(self, at: int, text: str | None = None) -> int:
        """The first position at or behind `at` that is not blank."""
        match = _BLANK.match(self.plain if text is None else text, at)
        return match.end() if match else at

    def root(self) -> Block:
        """The outermost object.

        Raises:
            Malformed: the text holds something else.
        """
        start = self.skip(0)
        if self.plain[start : start + 1] != "{":
            raise Malformed("its outermost value is not an object")
        return self.block(start)

    def block(self, start: int) -> Block:
        """The members of the object whose `{` is at `start`."""
        if start not in self._blocks:
            self._blocks[start] = self._read_block(start)
        return self._blocks[start]

    def _read_block(self, start: int) -> Block:
        members: list[Member] = []
        at = self.skip(start + 1)
        while self.plain[at] != "}":
            key_start = at
            key, at = _scan(self.plain, at)
            value_start = self.skip(self.skip(at) + 1)
            _, end = _scan(self.plain, value_start)
            at = self.skip(end, self.bare)
            comma = at if self.bare[at] == "," else None
            members.append(Member(key, key_start, value_start, end, comma))
            at = self.skip(end)
            if self.plain[at] == ",":
                at = self.skip(at + 1)
        return Block(start, at + 1, tuple(members))

    def member(self, block: Block, key: str) -> Member | None:
        """The member of that name.

        Raises:
            Malformed: there are several: programs disagree on which one counts.
        """
        found = [member for member in block.members if member.key == key]
        if len(found) > 1:
            line = self._line(found[1].key_start)
            raise Malformed(f"line {line} has the key {json.dumps(key)} for the second time")
        return found[0] if found else None

    def child(self, member: Member) -> Block:
        """The object that is a member's value.

        Raises:
            Malformed: the value is something else.
        """
        if self.plain[member.start] != "{":
            line = self._line(member.start)
            raise Malformed(f"line {line}: {json.dumps(member.key)} is not an object")
        return self.block(member.start)

    def walk(self, path: tuple[str, ...]) -> tuple[Block | None, tuple[str, ...]]:
        """Follow `path` as far as it exists.

        Returns:
            The innermost object reached (None in an empty file) and the keys that are missing.
        """
        if self.empty:
            return None, path
        block = self.root()
        for done, key in enumerate(path):
            member = self.member(block, key)
            if member is None:
                return block, path[done:]
            block = self.child(member)
        return block, ()

    def comments(self) -> list[tuple[int, str]]:
        """Every comment with its position."""
        start = len(self.text) - len(self.text.removeprefix(BOM))
        if self.bare[start:] == self.text[start:]:
            return []
        found = _COMMENTS.finditer(self.text, start)
        return [(match.start(), match.group()) for match in found if match.group()[0] == "/"]

    def has_comment(self, start: int, end: int) -> bool:
        """Whether a part of the text holds a comment, or a part of one."""
        return self.text[start:end] != self.bare[start:end]
