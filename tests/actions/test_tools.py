"""Tools from the command line: found by name, arguments typed by the schema."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mcptui.actions.tools import find_tool, list_tools, typed
from mcptui.errors import UsageError
from mcptui.home import Home
from mcptui.store import Store
from tests.gateway.local import installed
from tests.gateway.test_trust import pins


@pytest.fixture
def two(home: Home, store: Store) -> Home:
    """Two servers that share a tool's name."""
    store.put_install(installed("one", pins=pins("echo", "raw")))
    store.put_install(installed("two", pins=pins("echo")))
    return home


def test_tools_are_found_by_the_names_people_use(two: Home) -> None:
    assert [row.exposed for row in list_tools(two)] == ["one__echo", "one__raw", "two__echo"]
    assert find_tool(two, "one__echo").server == "one"
    assert find_tool(two, "raw").exposed == "one__raw"
    assert find_tool(two, "echo", "two").exposed == "two__echo"
    with pytest.raises(UsageError, match="several"):
        find_tool(two, "echo")
    with pytest.raises(UsageError, match="one__echo"):
        find_tool(two, "one__ecco")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "007", "007"), ("string", "true", "true"), ("integer", "7", 7),
        ("number", "1.5", 1.5), ("boolean", "true", True), ("array", "[1]", [1]),
        (["string", "null"], "null", None), (["string", "null"], "x", "x"), (None, "x y", "x y"),
        (None, "5", 5),
    ],
)  # fmt: skip
def test_values_have_the_type_the_schema_wants(
    two: Home, kind: Any, text: str, value: object
) -> None:
    row = find_tool(two, "one__raw")
    schema = {"inputSchema": {"properties": {"a": {"type": kind}}}}
    assert typed(replace(row, definition=schema), "a", text) == value


def test_a_value_of_the_wrong_type_is_refused(two: Home) -> None:
    row = find_tool(two, "one__raw")
    schema = {"inputSchema": {"properties": {"a": {"type": "integer"}}}}
    with pytest.raises(UsageError, match="no integer"):
        typed(replace(row, definition=schema), "a", "many")
