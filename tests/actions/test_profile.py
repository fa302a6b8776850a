"""Profiles: made, changed, taken back, and given to clients."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions.connect import clients, connect, disconnect
from mcptui.actions.profile import add, create, delete, profile, profiles, remove, set_warm, show
from mcptui.actions.undo import undo
from mcptui.errors import McptuiError, UsageError
from mcptui.gateway.profile import Profile, read_offer
from mcptui.home import Home
from mcptui.store.rows import Installed
from tests.actions.conftest import TOOL

Put = Callable[..., Installed]


@pytest.fixture
def two(home: Home, put: Put) -> Home:
    """Two servers, one of them with two tools."""
    put("parrot", tools=[TOOL, {**TOOL, "name": "sing"}])
    put("pirate")
    return home


def test_a_profile_is_made_changed_and_shown(two: Home) -> None:
    assert "1 server" in create(two, "work", ["parrot"])
    assert add(two, "work", ["pirate"]) == "profile work has pirate"
    row = show(two, "work")
    assert [(one.name, one.tools, one.tools_all) for one in row.servers] == [
        ("parrot", None, 2), ("pirate", None, 1),
    ]  # fmt: skip
    assert remove(two, "work", ["parrot"]) == "parrot left profile work"
    assert [one.name for one in show(two, "work").servers] == ["pirate"]
    assert add(two, "work", ["pirate"]) == "profile work is like that already"
    assert "start with the client" in set_warm(two, "work", True)
    assert [(row.name, row.warm) for row in profiles(two)] == [("work", True)]
    assert delete(two, "work") == "profile work is gone"
    assert profiles(two) == []


def test_tools_are_chosen_one_by_one(two: Home) -> None:
    create(two, "work")
    add(two, "work", ["parrot"], ["say"])
    assert profile(two, "work").servers == {"parrot": frozenset({"say"})}
    add(two, "work", ["parrot"], ["sing"])
    assert profile(two, "work").servers == {"parrot": frozenset({"say", "sing"})}
    remove(two, "work", ["parrot"], ["say"])
    assert profile(two, "work").servers == {"parrot": frozenset({"sing"})}
    add(two, "work", ["parrot"])
    assert profile(two, "work").servers == {"parrot": None}
    remove(two, "work", ["parrot"], ["sing"])
    assert profile(two, "work").servers == {"parrot": frozenset({"say"})}


def test_every_change_can_be_taken_back(two: Home) -> None:
    create(two, "work", ["parrot"])
    add(two, "work", ["pirate"])
    remove(two, "work", ["parrot"])
    delete(two, "work")
    seen: list[list[str]] = []
    for _ in range(3):
        undo(two)
        seen.append(sorted(profile(two, "work").servers))
    assert seen == [["pirate"], ["parrot", "pirate"], ["parrot"]]
    assert undo(two) == "taken back: create profile work"
    assert profiles(two) == []


@pytest.mark.parametrize(
    ("verb", "words", "told"),
    [
        (create, ["../x"], "cannot be the name"),
        (create, ["work"], "already"),
        (create, ["new", ["parot"]], "Did you mean parrot"),
        (add, ["wrk", ["parrot"]], "Did you mean work"),
        (add, ["work", ["parrot"], ["sink"]], "Did you mean sing"),
        (add, ["work", ["parrot", "pirate"], ["say"]], "one server"),
        (remove, ["work", ["pirate"]], "not in profile work"),
        (delete, ["none"], "no profile 'none'"),
    ],
)
def test_faults_are_told_with_what_was_meant(
    two: Home, verb: Callable[..., str], words: list[Any], told: str
) -> None:
    create(two, "work", ["parrot"])
    with pytest.raises(UsageError, match=told):
        verb(two, *words)
    with pytest.raises(UsageError, match="no profile 'none'"):
        connect(two, "cursor", force=True, profile="none")


def test_what_a_gateway_offers(two: Home) -> None:
    create(two, "work")
    add(two, "work", ["parrot"], ["say"])
    offer = read_offer(two.store, "work")
    assert [row.name for row, _, _ in offer.rows] == ["parrot"]
    assert offer.only == {"parrot": frozenset({"say"})}
    assert len(read_offer(two.store, None).rows) == 2
    # The form of earlier versions: a bare list of names.
    two.store.remember("profile/old", ["pirate"])
    assert Profile.read("old", ["pirate"]).servers == {"pirate": None}
    assert [row.name for row, _, _ in read_offer(two.store, "old").rows] == ["pirate"]


def test_a_server_that_was_removed_is_remembered(two: Home) -> None:
    create(two, "work", ["parrot", "pirate"])
    two.store.remove_install("pirate")
    assert [one.installed for one in show(two, "work").servers] == [True, False]
    assert [row.name for row, _, _ in read_offer(two.store, "work").rows] == ["parrot"]


def test_a_client_is_given_a_profile_and_another(
    two: Home, scratch_environ: dict[str, str]
) -> None:
    (Path(scratch_environ["HOME"]) / ".cursor").mkdir()
    file = Path(scratch_environ["HOME"]) / ".cursor" / "mcp.json"

    def words() -> list[str]:
        found: list[str] = json.loads(file.read_text())["mcpServers"]["mcptui"]["args"]
        return found

    def row() -> tuple[str, str]:
        return next((one.state, one.profile) for one in clients(two) if one.id == "cursor")

    create(two, "work", ["parrot"])
    create(two, "home", ["pirate"])
    connect(two, "cursor", profile="work")
    assert words()[-2:] == ["--profile", "work"]
    assert row() == ("connected", "work")
    assert connect(two, "cursor") == "Cursor is connected already"
    connect(two, "cursor", profile="home")
    assert words()[-2:] == ["--profile", "home"]
    with pytest.raises(McptuiError, match="Cursor"):
        delete(two, "home")
    undo(two)
    assert row() == ("connected", "work")
    disconnect(two, "cursor")
    assert not file.exists() and row() == ("found", "")
    undo(two)
    assert words()[-2:] == ["--profile", "work"]
    connect(two, "cursor", profile="")
    assert "--profile" not in words() and row() == ("connected", "")
