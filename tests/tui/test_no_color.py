"""NO_COLOR is kept, on the screen and on the command line: no byte sets a hue."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mcptui.home import Home
from tests.real.terminal import Terminal
from tests.world import world_environ

SGR = re.compile(rb"\x1b\[([0-9;:]*)m")
HUES = {*range(31, 37), *range(41, 47), *range(91, 97), *range(101, 107)}


def hues(raw: bytes) -> Iterator[tuple[int, ...]]:
    """The colours that are set and are neither black, white nor grey."""
    for match in SGR.finditer(raw):
        codes = [int(code or 0) for code in re.split(rb"[;:]", match[1])]
        while codes:
            code = codes.pop(0)
            if code in (38, 48) and codes:
                kind = codes.pop(0)
                value, codes = tuple(codes[: {2: 3, 5: 1}[kind]]), codes[{2: 3, 5: 1}[kind] :]
                if len(set(value)) > 1 or (kind == 5 and value[0] in range(1, 232)):
                    yield (code, kind, *value)
            elif code in HUES:
                yield (code,)


@pytest.mark.parametrize("words", [[], ["catalog", "needs:none"]])
def test_no_color(home: Home, words: list[str]) -> None:
    argv = [*home.gateway_command, *words]
    found: dict[str, set[tuple[int, ...]]] = {}
    for name, more in {"plain": {"NO_COLOR": "1"}, "usual": {}}.items():
        with Terminal(argv, world_environ(home) | more) as terminal:
            terminal.wait_for("(?i)calculator|yahoo-finance")
            terminal.settle(0.3)
            found[name] = set(hues(bytes(terminal.raw)))
    assert found["plain"] == set()
    assert found["usual"] or words
