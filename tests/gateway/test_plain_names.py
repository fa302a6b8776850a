"""`--plain-names`: the names of one server, as it gives them; never two servers' names mixed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import closing

import pytest

from mcptui.gateway.names import LIMIT, exposed_names
from mcptui.store import Store
from mcptui.store.rows import Definitions
from tests.gateway.conftest import until
from tests.gateway.local import installed
from tests.gateway.talk import Talk
from tests.world import ROOT

RUN = [sys.executable, "-m", "mcptui", "gateway", "run", "--plain-names"]
VALID = re.compile("[A-Za-z0-9_-]{1,64}")


@pytest.fixture
def environ(scratch_environ: dict[str, str]) -> dict[str, str]:
    """What the real command needs to start from this checkout."""
    return {
        **scratch_environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }


def offer(store: Store, name: str) -> None:
    """Install a server of which everything is known, so that it need not run."""
    shape = {"type": "object"}
    said = Definitions(
        name, "legacy", "2025-11-25",
        tools=[{"name": tool, "inputSchema": shape} for tool in ("echo", "odd.name")],
        prompts=[{"name": "greet"}],
    )  # fmt: skip
    store.put_install(installed(name))
    store.put_definitions(said)


def names(talk: Talk, kind: str) -> list[str]:
    """What a list shows now."""
    return [item["name"] for item in talk.ask(f"{kind}/list")["result"][kind]]


def test_plain_names_keep_to_every_clients_rules() -> None:
    long = "t" * 300
    shown = exposed_names([("s", "echo"), ("s", "a.b"), ("s", "a_b"), ("s", long)], plain=True)
    assert (shown["s", "echo"], shown["s", "a_b"]) == ("echo", "a_b")
    assert all(VALID.fullmatch(name) and len(name) <= LIMIT for name in shown.values())
    assert len(set(shown.values())) == 4


def test_one_servers_tools_and_prompts_are_shown_under_their_own_names(
    store: Store, environ: dict[str, str]
) -> None:
    offer(store, "only")
    with closing(Talk(RUN, environ)) as talk:
        follow(talk, store)


def follow(talk: Talk, store: Store) -> None:
    """See the names of one server, and what becomes of them when a second one comes."""
    talk.hello()
    assert names(talk, "tools") == ["echo", "odd_name"]
    assert names(talk, "prompts") == ["greet"]
    offer(store, "second")
    talk.notification("notifications/tools/list_changed")
    until(lambda: "second__echo" in names(talk, "tools"))
    assert names(talk, "tools")[:2] == ["only__echo", "only__odd_name"]
    assert b"2 servers are offered now" in b"".join(talk.errors)


def test_two_servers_are_refused_with_the_way_out(store: Store, environ: dict[str, str]) -> None:
    for name in ("one", "two"):
        offer(store, name)
    done = subprocess.run(
        RUN, env=environ, input="", capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "2 are offered" in done.stderr
    assert "--profile" in done.stderr
