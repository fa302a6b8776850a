"""Verdicts: off is blocked, changed or new is refused, and no word of the server's is repeated."""

from __future__ import annotations

from typing import Any

from mcptui.entry import Choices
from mcptui.guard.switches import judge
from mcptui.store.rows import ToolState
from tests.gateway.local import installed

APPROVED: dict[str, Any] = {"name": "t", "description": "old", "inputSchema": {}}
EVIL: dict[str, Any] = {
    "name": "t",
    "description": "EVIL WORDS",
    "inputSchema": {"x": 1},
    "vendor": 1,
}


def test_an_approved_tool_that_is_on_may_be_called() -> None:
    state = ToolState("one", "t", "h", "h")
    assert judge(installed("one"), "t", state, APPROVED, known=True) is None
    assert judge(installed("one"), "t", None, APPROVED, known=True) is None


def test_switches_block() -> None:
    off = installed("one", choices=Choices(enabled=False))
    verdict = judge(off, "t", None, APPROVED, known=True)
    assert verdict is not None and verdict.outcome == "blocked"
    assert "mcptui switch one on" in verdict.text
    tool_off = installed("one", choices=Choices(tools_off=frozenset({"t"})))
    verdict = judge(tool_off, "t", None, APPROVED, known=True)
    assert verdict is not None and verdict.outcome == "blocked"
    assert judge(tool_off, "other", None, APPROVED, known=True) is None


def test_a_changed_text_is_refused_by_the_names_of_its_fields() -> None:
    state = ToolState("one", "t", "h", "other", EVIL)
    verdict = judge(installed("one"), "t", state, APPROVED, known=True)
    assert verdict is not None and verdict.outcome == "refused"
    assert "description, inputSchema, other fields changed" in verdict.text
    assert "EVIL" not in verdict.text + verdict.reason


def test_a_new_tool_is_refused() -> None:
    state = ToolState("one", "t", "", "other", EVIL)
    verdict = judge(installed("one"), "t", state, None, known=False)
    assert verdict is not None and "nobody has approved it" in verdict.text


def test_a_tool_that_is_gone_is_the_servers_to_refuse() -> None:
    gone = ToolState("one", "t", "h", "")
    assert judge(installed("one"), "t", gone, APPROVED, known=True) is None
