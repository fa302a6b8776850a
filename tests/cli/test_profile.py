"""`mcptui profile` from a shell, and a running gateway that follows it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from mcptui.store import Store
from tests.cli.conftest import Shell
from tests.gateway.local import remembered
from tests.gateway.talk import Talk
from tests.world import ROOT


@pytest.fixture
def talk(store: Store, scratch_environ: dict[str, str], shell: Shell) -> Iterator[Talk]:
    """A gateway with the profile `work`, of two installed servers the first."""
    for name in ("one", "two"):
        store.put_install(remembered(store, name))
    assert shell("profile", "create", "work", "one").code == 0
    script = str(ROOT / "tests" / "gateway" / "gateway_process.py")
    made = Talk([sys.executable, script, "profile=work"], scratch_environ)
    yield made
    made.close()


def tools(talk: Talk) -> list[str]:
    """The names a client is shown."""
    return [tool["name"] for tool in talk.ask("tools/list")["result"]["tools"]]


def test_the_commands_and_their_words(store: Store, shell: Shell) -> None:
    for name in ("one", "two"):
        store.put_install(remembered(store, name))
    assert "No profiles" in shell("profile").err
    made = shell("profile", "create", "work", "one", "--warm", "--json")
    assert made.code == 0 and made.data["servers"][0]["name"] == "one" and made.data["warm"]
    assert shell("profile", "add", "work", "two", "--tool", "echo", "--tool", "raw").code == 0
    shown = shell("profile", "show", "work")
    assert "two" in shown.out and "2 of 12: echo, raw" in shown.out
    assert shell("profile", "remove", "work", "two", "--tool", "raw").code == 0
    listed = shell("profile", "ls", "--json").data
    assert listed[0]["servers"][1]["tools"] == ["echo"]
    assert shell("profile", "show", "play").code == 2
    assert shell("undo").code == 0
    assert shell("profile", "rm", "work", "--json").data == {"removed": ["work"]}
    assert shell("gateway", "run", "--profile", "work").code == 2


def test_a_running_gateway_follows_within_a_second(talk: Talk, shell: Shell) -> None:
    talk.hello()
    assert {name.partition("__")[0] for name in tools(talk)} == {"one"}
    assert talk.ask("tools/call", {"name": "two__echo", "arguments": {}})["error"]["code"] == -32602
    for words, shown in (
        (("add", "work", "two"), {"one__echo", "two__echo"}),
        (("add", "work", "one", "--tool", "raw"), {"one__raw", "two__echo"}),
        (("remove", "work", "two"), {"one__raw"}),
    ):
        assert shell("profile", *words).code == 0
        began = time.monotonic()
        talk.notification("notifications/tools/list_changed")
        took = time.monotonic() - began
        assert took < 1.0, took
        listed = tools(talk)
        assert shown <= set(listed)
    assert listed == ["one__raw"]
    refused = talk.call("one__echo")
    assert refused["isError"] is True
    assert "not in the profile" in refused["content"][0]["text"]
    assert talk.call("one__raw").get("isError") is None


def test_a_profile_that_is_gone_offers_nothing(talk: Talk, shell: Shell) -> None:
    talk.hello()
    assert shell("profile", "rm", "work").code == 0
    talk.notification("notifications/tools/list_changed")
    assert tools(talk) == []
    assert shell("undo").code == 0
    talk.notification("notifications/tools/list_changed")
    assert len(tools(talk)) == 12


@pytest.mark.engine
def test_a_client_started_as_its_config_says_gets_its_profile(
    store: Store, shell: Shell, scratch_environ: dict[str, str]
) -> None:
    import json
    from pathlib import Path

    (Path(scratch_environ["HOME"]) / ".cursor").mkdir()
    for name in ("one", "two"):
        store.put_install(remembered(store, name))
    shell("profile", "create", "work")
    shell("profile", "add", "work", "two", "--tool", "echo")
    ran = shell("connect", "cursor", "--profile", "work", "--yes")
    assert ran.code == 0, ran.err
    config = Path(scratch_environ["HOME"]) / ".cursor" / "mcp.json"
    entry = json.loads(config.read_text())["mcpServers"]["mcptui"]
    talk = Talk(
        [entry["command"], *entry["args"]],
        {**scratch_environ, **entry.get("env", {}), "PYTHONPATH": str(ROOT)},
    )
    talk.hello()
    assert tools(talk) == ["two__echo"]
    assert talk.close() == 0
