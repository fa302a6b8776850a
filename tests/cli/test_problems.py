"""`problems`: what the key ! walks, for a shell."""

from __future__ import annotations

from typing import Any

from mcptui.entry import Choices, Trust
from mcptui.entry_read import entry_from_dict
from mcptui.store import Store
from mcptui.store.rows import Installed, ToolState
from tests.cli.conftest import Shell

IMAGE = f"sha256:{'0' * 64}"


def with_a_changed_tool(store: Store) -> None:
    """An installed server whose one tool differs from what was approved."""
    entry = entry_from_dict({"id": "parrot", "image": {"local": True, "digest": IMAGE}}, "a test")
    store.put_install(Installed("parrot", entry, Choices(), Trust.UNSIGNED, "x", IMAGE, 1.0, 1.0))
    seen: dict[str, Any] = {"name": "say", "description": "Says \x1b[31mit."}
    store.put_tool_state(ToolState("parrot", "say", "sha256:a", "sha256:b", seen))


def test_nothing_is_said_to_need_nobody(shell: Shell) -> None:
    ran = shell("problems")
    assert (ran.code, ran.out, ran.err) == (0, "", "nothing needs you\n")
    assert shell("problems", "--json").data == []


def test_each_problem_is_told_with_the_command_that_solves_it(shell: Shell, store: Store) -> None:
    with_a_changed_tool(store)
    ran = shell("problems")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        "▲ parrot: say changed, its calls are refused until you look",
        "    → `mcptui approve parrot say`",
    ]
    (problem,) = shell("problems", "--json").data
    assert (problem["room"], problem["name"], problem["tool"]) == ("servers", "parrot", "say")
    assert shell("approve", "parrot", "say", "--yes").code == 0
    assert shell("problems", "--json").data == []
