"""Random JSON texts with comments, and a second reader of them that shares nothing with ours."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

_KEYS = [
    "a",
    "b",
    "mcp",
    "servers",
    "ключ",
    "key with space",
    'qu"ote',
    "//",
    "/*",
    "",
    "\u2028",
    ",",
]
_STRINGS = ["", "x", "// no", "/* no */", ",]", "}", '\\"', "\t", "é", "😀", "${env:X}", "\u0000"]


class Maker:
    """Makes one text after the other from one seed.

    Args:
        seed: the same seed gives the same texts.
        comments: whether texts may have comments and trailing commas.
    """

    def __init__(self, seed: int, *, comments: bool) -> None:
        self._random = random.Random(seed)  # noqa: S311 - tests must be repeatable
        self._comments = comments
        self._eol = "\n"
        self._unit = "  "
        self._wild = False
        self._path: tuple[str, ...] = ()

    def text(self, path: tuple[str, ...]) -> str:
        """One text whose outermost value is an object, `path` in it or not."""
        choose = self._random
        self._eol = choose.choice(["\n", "\n", "\r\n"])
        self._unit = choose.choice(["  ", "    ", "\t", " ", ""])
        self._wild = choose.random() < 0.4
        self._path = path
        style = choose.random()
        if style < 0.03:
            return choose.choice(["", "\n", "  ", "\ufeff"])
        compact = style < 0.15
        out = self._object(0, 0, compact)
        if self._comments and choose.random() < 0.2:
            out = f"// first{self._eol}{out}"
        if choose.random() < 0.1:
            out = "\ufeff" + out
        if self._wild and choose.random() < 0.3:
            out = out.replace("\r\n", "\n", 1)
        return out + choose.choice(["", self._eol, self._eol * 2, " "])

    def _space(self, default: str) -> str:
        if not self._wild:
            return default
        options = [default, "", " ", self._eol, "\t", "  " + self._eol]
        if self._comments:
            options += ["/* c */", " // c" + self._eol, "/* c" + self._eol + " */", "/**/ "]
        return self._random.choice(options)

    def _object(self, depth: int, on_path: int, compact: bool) -> str:
        choose = self._random
        count = choose.choice([0, 1, 1, 2, 3, 5]) if depth < 4 else 0
        keys = choose.sample(_KEYS, count)
        want = self._path[on_path] if 0 <= on_path < len(self._path) else None
        keys = [key for key in keys if key not in (want, "mcptui")]
        if want is not None and choose.random() < 0.75:
            keys.insert(choose.randint(0, len(keys)), want)
        items = [
            f"{json.dumps(key, ensure_ascii=choose.random() < 0.5)}{self._space('')}:"
            + self._space("" if compact else " ")
            + (
                self._object(depth + 1, on_path + 1, compact)
                if key == want
                else self._value(depth + 1, compact)
            )
            for key in keys
        ]
        return self._group("{", "}", items, depth, compact)

    def _value(self, depth: int, compact: bool) -> str:
        choose = self._random
        kind = choose.random()
        if kind < 0.25 and depth < 4:
            return self._object(depth, -9, compact)
        if kind < 0.4 and depth < 4:
            items = [self._value(depth + 1, compact) for _ in range(choose.randint(0, 3))]
            return self._group("[", "]", items, depth, compact)
        if kind < 0.7:
            text = choose.choice(_STRINGS)
            return json.dumps(text, ensure_ascii=choose.random() < 0.5)
        return choose.choice(["0", "-1.5e3", "true", "false", "null", "12345678901234567890"])

    def _group(
        self, opening: str, closing: str, items: list[str], depth: int, compact: bool
    ) -> str:
        choose = self._random
        if compact:
            lead, join, end = "", ",", ""
        else:
            lead = self._eol + self._unit * (depth + 1)
            join, end = "," + lead, self._eol + self._unit * depth
        if not items:
            return opening + self._space(choose.choice(["", "", " ", end])) + closing
        out = opening + self._space(lead)
        for number, item in enumerate(items):
            out += item
            if number + 1 < len(items):
                out += self._space("") + self._space(join if not self._wild else ",")
                out += "" if out.rstrip(" \t\r\n").endswith(",") else self._comma(out)
        if items and self._comments and choose.random() < 0.25:
            out += self._space("") + ","
        return out + self._space(end) + closing

    def _comma(self, out: str) -> str:
        return "," if "," not in plain_tail(out) else ""


def plain_tail(out: str) -> str:
    """What follows the last value of a text, comments taken away."""
    kept: list[str] = []
    _walk(out, kept.append)
    tail = "".join(kept)
    return tail[len(tail.rstrip(" \t\r\n,")) :]


def _walk(text: str, keep: Callable[[str], None]) -> None:
    """A state machine, character by character: gives every character outside comments."""
    state = "plain"
    at = 0
    while at < len(text):
        mark, pair = text[at], text[at : at + 2]
        if state == "plain" and pair in ("//", "/*"):
            state = "line" if pair == "//" else "block"
            at += 2
            continue
        if state == "line" and mark in "\r\n":
            state = "plain"
        if state == "block" and pair == "*/":
            state = "plain"
            keep(" ")
            at += 2
            continue
        if state == "string" and mark == "\\":
            keep(pair)
            at += 2
            continue
        if mark == '"' and state in ("plain", "string"):
            state = "string" if state == "plain" else "plain"
        if state in ("plain", "string"):
            keep(mark)
        at += 1


def second_reader(text: str) -> Any:
    """The value of a text: comments dropped by a state machine, trailing commas by retrying.

    Numbers stay text.
    """
    kept: list[str] = []
    _walk(text.removeprefix("\ufeff"), kept.append)
    plain = "".join(kept)
    if not plain.strip():
        return {}
    while True:
        try:
            return json.loads(plain, parse_int=str, parse_float=str)
        except json.JSONDecodeError as error:
            # The parser stops at the bracket behind a comma too many, or at the comma itself.
            comma = plain.rfind(",", 0, error.pos + 1)
            if comma < 0 or plain[comma + 1 :].lstrip()[:1] not in ("}", "]"):
                raise
            plain = plain[:comma] + " " + plain[comma + 1 :]
