"""The whole way by commands: install an own server, use it, look at its calls, remove it."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mcptui.home import Home
from mcptui.paths import Paths
from tests.actions.conftest import containers_of
from tests.cli.conftest import ROOT, Ran, Shell
from tests.own_server import Toml

pytestmark = pytest.mark.engine


@pytest.fixture
def peer(shell: Shell, toml: Toml) -> Shell:
    """A shell in whose home the peer is installed."""
    ran = shell("install", str(toml()), "--yes")
    assert ran.code == 0, ran.err
    return shell


def test_install_narrates_on_stderr_and_gives_data_on_stdout(shell: Shell, toml: Toml) -> None:
    ran = shell("install", str(toml()), "--yes", "--json")
    assert ran.code == 0, ran.err
    assert ran.data["installed"]["name"] == "peer"
    assert ran.data["installed"]["trust"] == "unsigned"
    assert "✓ first start" in ran.err
    assert "✓ reading its tools  12 tools" in ran.err
    rows = shell("servers", "--json").data
    assert [(row["name"], row["state"], row["tools_all"]) for row in rows] == [
        ("peer", "stopped", 12)
    ]


def test_a_dry_run_prints_the_container_and_installs_nothing(shell: Shell, toml: Toml) -> None:
    ran = shell("install", str(toml()), "--dry-run")
    assert ran.code == 0
    assert ran.out.startswith("docker run --rm --interactive --init --network none --read-only")
    body = shell("install", str(toml()), "--dry-run", "--json").data["create"]
    assert body["HostConfig"]["CapDrop"] == ["ALL"]
    assert shell("servers", "--json").data == []


def test_without_a_person_and_without_yes_nothing_is_done(shell: Shell, toml: Toml) -> None:
    ran = shell("install", str(toml()))
    assert ran.code == 2
    assert "Add --yes" in ran.err
    assert shell("servers", "--json").data == []


def test_a_dead_server_tells_its_last_words_and_gives_1(shell: Shell, toml: Toml) -> None:
    ran = shell("install", str(toml("dies", "--dies")), "--yes", "--json")
    assert ran.code == 1
    assert ran.data["error"]["what"] == "dies did not start"
    assert "cannot find my configuration" in ran.err


def test_a_call_goes_through_the_gateway_and_is_recorded(peer: Shell, tmp_path: Path) -> None:
    ran = peer("tools", "call", "echo", "text=hello there")
    assert (ran.code, ran.out) == (0, "hello there\n")
    ran = peer("tools", "call", "peer__echo", "--arguments", '{"text":"\\u001b[31mred"}')
    assert ran.out == "␛[31mred\n"
    ran = peer("tools", "call", "fail")
    assert (ran.code, ran.out) == (1, "it went wrong\n")
    rows = peer("calls", "--json").data
    assert [(row["client_name"], row["tool"], row["outcome"]) for row in rows] == [
        ("mcptui", "echo", "ok"),
        ("mcptui", "echo", "ok"),
        ("mcptui", "fail", "error"),
    ]
    assert all(row["ms"] > 0 and row["bytes_out"] > 0 for row in rows)
    assert [row["tool"] for row in peer("calls", "is:error", "--json").data] == ["fail"]
    shown = peer("calls", "show", str(rows[0]["id"]), "--json").data
    assert "hello there" in json.dumps(shown["request"])
    assert "hello there" in json.dumps(shown["answer"])
    file = tmp_path / "out.csv"
    assert peer("calls", "export", str(file), "is:ok", "--json").data["calls"] == 2
    with file.open(newline="") as lines:
        assert [row["tool"] for row in csv.DictReader(lines)] == ["echo", "echo"]


def test_a_switched_off_tool_is_blocked_and_says_how_to_switch_it_on(peer: Shell) -> None:
    assert peer("switch", "peer", "echo", "off").code == 0
    ran = peer("tools", "call", "echo", "text=x")
    assert ran.code == 1
    assert "switched off" in ran.out
    assert [row["outcome"] for row in peer("calls", "--json").data] == ["blocked"]
    assert peer("undo").code == 0
    assert peer("tools", "call", "echo", "text=x").out == "x\n"


def test_calls_are_followed_live(peer: Shell, scratch_environ: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "mcptui", "calls", "--follow", "--json", "is:ok"],
        cwd=ROOT,
        env=scratch_environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        time.sleep(1.5)
        assert peer("tools", "call", "echo", "text=now").code == 0
        assert follower.stdout is not None
        row = json.loads(follower.stdout.readline())
        follower.terminate()
        follower.communicate(timeout=20)
    assert (row["tool"], row["outcome"]) == ("echo", "ok")


def test_a_log_is_shown_and_hostile_lines_are_made_visible(shell: Shell, toml: Toml) -> None:
    assert shell("install", str(toml()), "--yes").code == 0
    ran = shell("tools", "call", "die")
    assert ran.code == 1
    ran = shell("logs", "peer")
    assert "about to die" in ran.out
    assert [line["server"] for line in shell("logs", "peer", "--json").data][:1] == ["peer"]


def test_remove_leaves_no_container_and_undo_brings_it_back(peer: Shell) -> None:
    assert peer("remove", "peer").code == 2
    ran = peer("remove", "peer", "--yes", "--json")
    assert (ran.code, ran.data) == (0, {"removed": ["peer"]})
    assert peer("servers", "--json").data == []
    assert peer("undo", "--json").data["done"] == ["taken back: remove peer"]
    assert peer("tools", "call", "echo", "text=again").out == "again\n"


def test_plan_shows_what_runs(peer: Shell) -> None:
    assert "--network none" in peer("plan", "peer").out
    assert peer("plan", "peer", "--json").data["create"]["HostConfig"]["ReadonlyRootfs"] is True


def test_tools_are_listed_and_inspected(peer: Shell) -> None:
    rows = peer("tools", "--json").data
    assert len(rows) == 12
    assert rows[0]["exposed"] == "peer__echo"
    shown = peer("tools", "inspect", "peer", "echo", "--json").data
    assert shown["definition"]["x-vendor"] == {"a": [1]}
    assert "Says it again" in peer("tools", "inspect", "peer__echo").out


def _connected(shell: Shell) -> Ran:
    return shell("connect", "claude-code", "--yes", "--force", "--json")


def test_a_client_is_connected_shown_and_disconnected(
    shell: Shell, scratch_environ: dict[str, str]
) -> None:
    file = Path(scratch_environ["HOME"]) / ".claude.json"
    before = b'{\n  "numStartups": 3,\n  "theme": "dark"\n}\n'
    file.write_bytes(before)
    ran = shell("connect", "claude-code", "--dry-run")
    assert '+    "mcptui": {' in ran.out.replace("  +", "+")
    assert file.read_bytes() == before
    ran = _connected(shell)
    assert ran.code == 0, ran.err
    assert "mcptui" in json.loads(file.read_text())["mcpServers"]
    states = {row["id"]: row["state"] for row in shell("clients", "--json").data}
    assert states["claude-code"] == "connected"
    assert shell("disconnect", "claude-code", "--yes").code == 0
    assert file.read_bytes() == before


def test_ctrl_c_in_the_middle_of_an_install_leaves_nothing(
    shell: Shell, toml: Toml, scratch_environ: dict[str, str]
) -> None:
    file = toml("silent", "--no-handshake", "--era", "silent")
    with subprocess.Popen(
        [sys.executable, "-m", "mcptui", "install", str(file), "--yes"],
        cwd=ROOT,
        env=scratch_environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        home = Home(Paths.of(scratch_environ), environ=scratch_environ)
        deadline = time.monotonic() + 60
        while not containers_of(home) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert containers_of(home), "it never started"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted"
    assert containers_of(home) == []
    assert home.store.installs() == []
    home.close()


def test_updates_show_what_changes_and_go_on_after_a_failure(shell: Shell, toml: Toml) -> None:
    for name in ("first", "second"):
        assert shell("install", str(toml(name)), "--yes").code == 0
    toml("first", "--dies")
    toml("second", "--extra", "more")
    ran = shell("update", "--dry-run", "--json")
    assert [one["taken"] for one in ran.data] == [False, False]
    ran = shell("update", "--yes", "--json")
    assert ran.code == 1
    assert "first did not start" in ran.data[0]["error"]
    assert ran.data[1]["taken"] is True
    assert "second__more" in [row["exposed"] for row in shell("tools", "second", "--json").data]
