"""Switches reach the store, tell the gateways and can be taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mcptui.actions.servers import tools_of
from mcptui.actions.switch import switch_server, switch_tool
from mcptui.actions.undo import undo
from mcptui.errors import UsageError
from mcptui.home import Home
from mcptui.store.rows import Installed

Put = Callable[..., Installed]


def _enabled(home: Home) -> bool:
    row = home.store.installed("parrot")
    assert row is not None
    return row.choices.enabled


def test_a_server_goes_off_and_on_and_undo_reverts_it(home: Home, put: Put) -> None:
    put()
    assert switch_server(home, "parrot", False) == "parrot is off now"
    assert not _enabled(home)
    assert [wish.kind for wish in home.store.wishes(0)] == ["switch"]
    assert undo(home) == "taken back: switch parrot off"
    assert _enabled(home)
    assert undo(home) is None


def test_what_is_so_already_is_no_change(home: Home, put: Put) -> None:
    put()
    assert switch_server(home, "parrot", True) == "parrot is on already"
    assert switch_tool(home, "parrot", "say", True) == "parrot: say is on already"
    assert home.store.last_undo() is None
    assert home.store.wishes(0) == []


def test_a_tool_goes_off_and_undo_reverts_it(home: Home, put: Put) -> None:
    put()
    switch_tool(home, "parrot", "say", False)
    assert [tool.on for tool in tools_of(home, "parrot")] == [False]
    undo(home)
    assert [tool.on for tool in tools_of(home, "parrot")] == [True]


def test_unknown_names_are_refused_with_near_ones(home: Home, put: Put) -> None:
    put()
    with pytest.raises(UsageError, match="Did you mean parrot"):
        switch_server(home, "parot", False)
    with pytest.raises(UsageError, match="Did you mean say"):
        switch_tool(home, "parrot", "says", False)


def test_an_undo_that_cannot_be_done_does_not_stand_in_the_way(home: Home, put: Put) -> None:
    put("first")
    put("second")
    switch_server(home, "first", False)
    switch_server(home, "second", False)
    home.store.remove_install("second")
    with pytest.raises(UsageError, match="'second'"):
        undo(home)
    assert undo(home) == "taken back: switch first off"
