"""The program with hostile text in every place that holds outside text; run in a pty by a test."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, cast

from mcptui.errors import McptuiError
from mcptui.progress import Step, StepState
from mcptui.tui.app import McptuiApp
from tests.tui.world import FakeFeed

EVIL = (
    "\x1b]52;c;T1dORUQ=\x07\x1b[31;7;5mEVIL\x1b[2J\x1b[1;1H\x1b]0;owned\x07\x1bPq\x1b\\"
    "\x9b31;7;5m\x9d0;c1\x9c\u202egnp.exe\u202c\u2066x\u2069\u200b\u200d\ufeff\x07\x08\r\v\f"
    "[@click=app.exit]click[/] [@click=exit()]x[/] [/nothing] [bold red]red[/] [0] [link=https://x]y"
)
KEPT = {"state", "outcome"}
"""Fields that choose what is drawn; poisoned, they would only hide the others."""


def poison(value: Any) -> Any:
    """The same value with hostile text in every string of it."""
    if type(value) is str:
        return EVIL + value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            one.name: poison(getattr(value, one.name))
            for one in dataclasses.fields(value)
            if one.name not in KEPT and one.init
        }
        return dataclasses.replace(value, **changes)
    if isinstance(value, list):
        return [poison(one) for one in cast("list[Any]", value)]
    if isinstance(value, tuple):
        return tuple(poison(one) for one in cast("tuple[Any, ...]", value))
    if isinstance(value, Mapping):
        found = cast("Mapping[Any, Any]", value)
        return {
            poison(name) if name not in SCHEMA else name: poison(one) for name, one in found.items()
        }
    return value


SCHEMA = {"type", "properties", "description"}


class HostileFeed(FakeFeed):
    """Everything it gives is poisoned."""

    def __getattribute__(self, name: str) -> Any:
        found: Any = super().__getattribute__(name)
        plain = {"home", "did", "kept", "recall", "remember", "changed", "now", "made"}
        if name.startswith("_") or name in plain or not callable(found):
            return found
        if name in ("install", "remove", "update", "fix", "diagnose"):
            return partial(_poisoned, found)
        if name == "installed":
            return partial(_rows, cast("Any", found))
        if name == "preview":
            return partial(_preview, self)
        return found if name == "call_matcher" else partial(_call, found)


def _rows(found: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return {key: poison(row) for key, row in found().items()}


def _preview(feed: HostileFeed, _client: str) -> Any:
    return poison(FakeFeed.preview(feed, "vscode"))


def _call(found: Any, *given: Any) -> Any:
    answer = found(*[_clean(one) for one in given])
    if isinstance(answer, tuple) and len(cast("tuple[Any, ...]", answer)) == 2:
        rows, cursor = cast("tuple[Any, Any]", answer)
        return poison(rows), cursor
    return poison(answer)


def _clean(value: Any) -> Any:
    return value.replace(EVIL, "") if isinstance(value, str) else value


async def _poisoned(found: Any, *given: Any) -> AsyncIterator[Any]:
    async for one in found(*[_clean(part) for part in given]):
        yield poison(one)
    if found.__name__ in ("install", "update"):
        yield Step(EVIL, EVIL, StepState.DONE, detail=EVIL)
        raise McptuiError(EVIL, EVIL, EVIL)


def main(*, crash: bool) -> None:
    """Run it."""
    feed = HostileFeed()
    if crash:

        def broken(_text: str) -> Any:
            raise ValueError(EVIL)

        McptuiApp.action_problem = lambda _self: broken("")  # type: ignore[method-assign]
    app = McptuiApp(feed, room=sys.argv[1])
    app.run()
    if app._exception is not None:  # pyright: ignore[reportPrivateUsage]
        print("CRASHED", ascii(repr(app._exception)))  # pyright: ignore[reportPrivateUsage]
        if not crash:
            raise app._exception  # pyright: ignore[reportPrivateUsage]


if __name__ == "__main__":
    main(crash="crash" in sys.argv)
