"""Updating: a person sees what changes, and the old version stays until the new one has run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcptui.actions.servers import tools_of
from mcptui.actions.switch import switch_tool
from mcptui.actions.update import update, update_review, words
from mcptui.entry import Trust
from mcptui.errors import McptuiError
from mcptui.home import Home
from tests.actions.conftest import put_in, walk
from tests.own_server import Toml

pytestmark = pytest.mark.engine
HOST = '[[hosts]]\nname = "api.example.com"\n'


def test_nothing_new_is_nothing_to_do(home: Home, toml: Toml) -> None:
    put_in(home, toml())
    found = update_review(home, "peer")
    assert (found.newest, found.changes) == (True, ())
    assert words(found) == ["Its file says the same as before; its image is looked at again."]
    signed = replace(found, review=replace(found.review, trust=Trust.SIGNED))
    assert words(signed) == []


def test_what_changes_is_told_before_anything_is_done(home: Home, toml: Toml) -> None:
    put_in(home, toml())
    toml("peer", "--extra", "more", more=f'{HOST}[[tools]]\nname = "echo"\ndescription = "E"\n')
    found = update_review(home, "peer")
    assert not found.newest
    assert found.changes == (
        "hosts: + api.example.com",
        "command: /srv/peer.py → /srv/peer.py --extra more",
        "tool added: echo  E",
    )
    assert words(found)[1:] == list(found.changes)
    assert "api.example.com" in found.review.reaches
    row = home.store.installed("peer")
    assert row is not None
    assert row.entry.command == ("/srv/peer.py",)


def test_the_new_version_replaces_the_old_one_and_keeps_choices(home: Home, toml: Toml) -> None:
    before, _ = put_in(home, toml())
    switch_tool(home, "peer", "big", False)
    toml("peer", "--extra", "more", "--destroys", "line")
    steps = walk(update(home, "peer"))
    row = home.store.installed("peer")
    assert row is not None
    assert steps[-1].result == row
    assert row.entry.command == ("/srv/peer.py", "--extra", "more", "--destroys", "line")
    assert row.installed_at == before.installed_at
    assert row.choices.tools_off == {"big", "line"}
    assert {tool.name: tool.state for tool in tools_of(home, "peer")}["more"] == "ok"
    assert home.store.wishes(0)[-1].kind == "reload"


def test_a_new_version_that_dies_leaves_the_old_one(home: Home, toml: Toml) -> None:
    before, _ = put_in(home, toml())
    toml("peer", "--dies")
    with pytest.raises(McptuiError, match="did not start"):
        walk(update(home, "peer"))
    assert home.store.installed("peer") == before
    assert len(tools_of(home, "peer")) == 12
