"""Tools from the command line: found by name, counted, and known or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcptui.actions.tools import count_tools, find_tool, list_tools, unknown_servers
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


def test_counts_are_of_what_clients_are_shown(two: Home, store: Store) -> None:
    first, second = count_tools(two)
    assert (first.server, first.tools, first.all) == ("one", 2, 2)
    assert 0 < second.tokens < first.tokens
    row = store.installed("one")
    assert row is not None
    store.put_install(replace(row, choices=replace(row.choices, tools_off=frozenset({"raw"}))))
    fewer, same = count_tools(two)
    assert (fewer.tools, fewer.all) == (1, 2)
    assert fewer.tokens < first.tokens and same == second
    assert [one.server for one in count_tools(two, ("two",))] == ["two"]


def test_servers_that_were_never_asked_are_told_apart(two: Home, store: Store) -> None:
    store.put_install(installed("three"))
    assert unknown_servers(two) == ["three"]
    assert unknown_servers(two, ("one",)) == []
