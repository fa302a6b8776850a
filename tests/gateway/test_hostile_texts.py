"""Text is never altered: arguments and results arrive byte for byte, in every pair of eras."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

from tests.gateway.conftest import Start
from tests.gateway.local import installed
from tests.gateway.talk import MODERN_META, Talk

PIECES = [
    "👩\u200d👩\u200d👧", "\ufeff", "\u202e\u200f", "\ufffd", "\ue000\U000f0000", "\x7f", "\u00a0",
    "\\u0000", "\\ud83d", "\\uDE00x", "\\ud83d\\ude00", "𝄞", "\u2028\u2029\u0085", "\\/", "\\u0061",
    "\\\\ud83d", "e\u0301", "\\n\\r\\t\\b\\f", "\\\"", "<mcptui-", " ", "plain",
    "\u0600", "\U0010ffff",
]  # fmt: skip
NUMBERS = [
    "1e400",
    "-0",
    "12345678901234567890",
    "1E+2",
    "0.1000",
    "-1.5e-300",
    "0",
    "true",
    "null",
]
SPACES = ["", "", "", " ", "  ", "\t"]


def value(chance: random.Random, depth: int = 0) -> str:
    """A random JSON value as text."""
    space = lambda: chance.choice(SPACES)  # noqa: E731
    kind = chance.random()
    if depth > 4 or kind < 0.45:
        return f'"{"".join(chance.choices(PIECES, k=chance.randrange(5)))}"'
    if kind < 0.65:
        return chance.choice(NUMBERS)
    items = [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind < 0.8:
        return f"[{space()}" + f"{space()},{space()}".join(items) + f"{space()}]"
    keys = [f'"{chance.choice(PIECES)}{n % 3}"' for n in range(len(items))]  # some come twice
    pairs = [f"{key}{space()}:{space()}{item}" for key, item in zip(keys, items, strict=True)]
    return f"{{{space()}" + f"{space()},{space()}".join(pairs) + f"{space()}}}"


def raw_call(talk: Talk, identity: str, name: str, arguments: str, *, modern: bool) -> bytes:
    """Call with arguments as they are; gives the answer as it is."""
    meta = f',"_meta":{json.dumps(MODERN_META)}' if modern else ""
    talk.write(
        f'{{"jsonrpc":"2.0","id":"{identity}","method":"tools/call","params":'
        f'{{"name":"{name}","arguments":{arguments}{meta}}}}}'.encode()
    )
    talk.wait(identity)
    mark = f'"id":"{identity}"'.encode()
    return next(raw for raw in reversed(talk.raw) if mark in raw)


def test_arguments_and_results_of_any_kind_in_all_pairs_of_eras(start: Start) -> None:
    chance = random.Random(20261124)  # noqa: S311 repeatable, not secret
    talk = start(installed("old", "--era", "legacy"), installed("new", "--era", "modern"))
    talk.hello()
    pairs = list(itertools.product(("old", "new"), (False, True)))
    for number in range(160):
        server, modern = pairs[number % 4]
        given = f'{{"x":{value(chance)},"more":{value(chance)}}}'
        raw = raw_call(talk, f"a{number}", f"{server}__raw", given, modern=modern)
        said: Any = json.loads(raw)["result"]["content"][0]["text"]
        assert given in said, (server, modern, given)


def test_results_as_they_are(start: Start) -> None:
    from tests.gateway.hostile import hostile

    chance = random.Random(20261125)  # noqa: S311 repeatable, not secret
    talk = start(hostile())
    talk.hello()
    for number in range(120):
        given = value(chance)
        template = (
            '{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"complete","content":[],"x":%s}}'
        )
        steps = json.dumps({"steps": [["hexed", (template % given).encode().hex()]]})
        raw = raw_call(talk, f"r{number}", "bad__do", steps, modern=number % 2 == 0)
        assert b'"x":' + given.encode() in raw, given
