"""Entries bent at random: each is refused in words or read as a sound one."""

from __future__ import annotations

import contextlib
import random
from typing import Any, cast

import pytest

from mcptui.entry import Choices
from mcptui.entry_read import (
    choices_from_dict,
    choices_to_dict,
    entry_from_dict,
    entry_to_dict,
)
from mcptui.errors import UsageError
from tests.test_entry_read import full, small

WRONG: list[Any] = [
    None, True, 0, -1, 1.5, "", "x", "\x00", "\ud800", "https://[", [], [[]], [None], [{}], {},
    {"a": 1}, {"": ""}, "x" * 5000, 10**30, float("inf"),
]  # fmt: skip


def bend(chance: random.Random, data: Any) -> Any:
    """Put something wrong somewhere into a copy of `data`."""
    if isinstance(data, dict) and data and chance.random() < 0.9:
        found = dict(cast("dict[str, Any]", data))
        key = chance.choice(list(found))
        found[key] = bend(chance, found[key])
        return found
    if isinstance(data, list) and data and chance.random() < 0.9:
        items = list(cast("list[Any]", data))
        place = chance.randrange(len(items))
        items[place] = bend(chance, items[place])
        return items
    return chance.choice(WRONG)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_wrong_is_a_usage_error_or_a_sound_entry(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    whole = entry_to_dict(full())
    remote = small(
        remote={"url": "https://a.example/mcp", "headers": {"X": "${KEY}"}},
        secrets=[{"name": "key", "env": "KEY"}],
        oauth={"provider": "A", "scopes": ["b"]},
    )
    chosen = choices_to_dict(Choices(mounts={"a": (("/x", True),)}, tools_off=frozenset({"a"})))
    for _ in range(300):
        for data, read in ((whole, entry_from_dict), (remote, entry_from_dict)):
            try:
                entry = read(bend(chance, data), "bent")
            except UsageError as error:
                assert error.what.startswith("bent: ")
            else:
                assert entry_from_dict(entry_to_dict(entry), "again") == entry
        with contextlib.suppress(UsageError):
            assert isinstance(choices_from_dict(bend(chance, chosen), "bent"), Choices)
