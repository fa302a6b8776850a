"""`mcptui tools` on real containers: the path of a client, from a shell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.home import Home
from mcptui.runtime import owner
from mcptui.runtime.engine import Engine
from mcptui.store import Store
from tests.cli.conftest import Shell
from tests.gateway.local import installed, remembered

pytestmark = pytest.mark.engine


@pytest.fixture
def one(store: Store, peer_image: str, engine: Engine, home: Home) -> Iterator[None]:
    """An installed server that ran before; none of its containers is left afterwards."""
    store.put_install(replace(remembered(store, "one", "/srv/peer.py"), image_id=peer_image))
    yield
    assert engine.containers({owner.HOME: str(home.paths.state)}) == []


def test_a_call_prints_the_answer_and_ends_with_the_right_code(
    one: None, shell: Shell, store: Store, tmp_path: Path
) -> None:
    ran = shell("tools", "call", "one__echo", "text=007")
    assert (ran.code, ran.out) == (0, "007\n")
    file = tmp_path / "arguments.json"
    file.write_text('{"text": "from a file"}')
    assert shell("tools", "call", "echo", f"@{file}").out == "from a file\n"
    ran = shell("tools", "call", "echo", "@-", "--json", stdin='{"text": "from stdin"}')
    assert ran.data["content"] == [{"type": "text", "text": "from stdin"}]
    failed = shell("tools", "call", "one__fail", "text=on purpose")
    assert (failed.code, failed.out) == (1, "on purpose\n")
    calls = store.calls()
    assert [row.outcome for row in calls] == ["ok", "ok", "ok", "error"]
    assert {row.client_name for row in calls} == {"mcptui"}


def test_progress_is_told_on_stderr(one: None, shell: Shell) -> None:
    ran = shell("tools", "call", "one__slow", "steps:=3", "pause:=0.05")
    assert (ran.code, ran.out) == (0, "slept\n")
    assert [line for line in ran.err.splitlines() if line.startswith("●")] == ["● 1", "● 2", "● 3"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["one__echo", "text"], "text: no value"),
        (["one__eco", "text=a"], "no tool 'one__eco'"),
        (["one__echo", "@missing.json"], "@missing.json cannot be read"),
        (["one__echo", "--arguments", "[1]"], "not a JSON object"),
    ],
)
def test_what_cannot_be_meant_starts_nothing(
    one: None, shell: Shell, store: Store, words: list[str], told: str
) -> None:
    ran = shell("tools", "call", *words)
    assert ran.code == 2 and told in ran.err and store.calls() == []


def test_a_switch_holds_for_the_shell_too(one: None, shell: Shell) -> None:
    assert shell("switch", "one", "echo", "off").code == 0
    ran = shell("tools", "call", "one__echo", "text=a")
    assert ran.code == 1 and "switched off" in ran.out


def test_a_server_nobody_knows_is_started_to_be_listed(
    shell: Shell, store: Store, peer_image: str
) -> None:
    store.put_install(replace(installed("new", "/srv/peer.py"), image_id=peer_image))
    listed = shell("tools", "ls", "new")
    assert "starting new once" in listed.err
    assert listed.code == 0 and "new__echo" in listed.out and "new echo" in listed.out
    again = shell("tools", "ls", "new", "--json")
    assert "starting" not in again.err and len(again.data) == 12
    counted = shell("tools", "count", "--json").data
    assert counted["tools"] == 12 and counted["tokens"] > 100
    assert counted["servers"] == [
        {"server": "new", "tools": 12, "all": 12, "tokens": counted["tokens"]}
    ]
    assert "all" in shell("tools", "count").out
    shown = shell("tools", "inspect", "new", "echo")
    assert '"x-vendor"' in shown.out
    exact = shell("tools", "inspect", "new__echo", "--json").data["definition"]
    assert exact["x-vendor"] == {"a": [1]} and json.dumps(exact)
