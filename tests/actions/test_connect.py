"""Clients as a list, connected and disconnected by name, and taken back by undo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcptui.actions.connect import (
    clients,
    connect,
    connect_all,
    disconnect,
    preview,
)
from mcptui.actions.connect_way import gateway_environ
from mcptui.actions.undo import undo
from mcptui.clients.files import Refused
from mcptui.errors import McptuiError, UsageError
from mcptui.home import Home
from mcptui.paths import Paths

COMMAND = ("/opt/mcptui/bin/mcptui",)
CURSOR = b'{"mcpServers": {"mine": {"command": "npx"}}}'


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Home]:
    """A Linux home with Claude Code and Cursor on it."""
    environ = {"HOME": str(tmp_path / "home"), "MCPTUI_HOME": str(tmp_path / "own")}
    made = Home(
        Paths.of(environ, "linux"), environ=environ, platform="linux", gateway_command=COMMAND
    )
    (made.paths.home / ".cursor").mkdir(parents=True)
    (made.paths.home / ".cursor/mcp.json").write_bytes(CURSOR)
    (made.paths.home / ".claude").mkdir()
    yield made
    made.close()


def states(home: Home) -> dict[str, str]:
    return {row.id: row.state for row in clients(home)}


def test_the_list_tells_how_each_client_stands(desk: Home) -> None:
    assert states(desk) == {
        "claude-code": "found",
        "cursor": "found",
        "claude-desktop": "not installed",
        "vscode": "not installed",
    }
    rows = {row.id: row for row in clients(desk)}
    assert rows["cursor"].own_entries == ("mine",)
    assert rows["cursor"].path == desk.paths.home / ".cursor/mcp.json"
    assert rows["cursor"].tool_limit == 80


def test_connect_writes_an_absolute_command_and_disconnect_gives_the_file_back(desk: Home) -> None:
    file = desk.paths.home / ".cursor/mcp.json"
    shown = preview(desk, "cursor")
    assert connect(desk, "cursor") == "Cursor is connected; it starts mcptui at once"
    assert file.read_bytes() == shown.after
    assert json.loads(file.read_text())["mcpServers"]["mcptui"] == {
        "command": COMMAND[0],
        "args": ["gateway", "run", "--client", "cursor"],
        "env": {"MCPTUI_HOME": desk.environ["MCPTUI_HOME"]},
    }
    assert states(desk)["cursor"] == "connected"
    assert connect(desk, "cursor") == "Cursor is connected already"
    assert preview(desk, "cursor").after == CURSOR
    assert disconnect(desk, "cursor") == "Cursor is disconnected"
    assert file.read_bytes() == CURSOR
    assert disconnect(desk, "cursor") == "Cursor was not connected"


def test_a_config_we_made_is_gone_again(desk: Home) -> None:
    connect(desk, "claude-code")
    file = desk.paths.home / ".claude.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "gone" in disconnect(desk, "claude-code")
    assert not file.exists()


def test_no_phantom_files_for_clients_that_are_not_here(desk: Home) -> None:
    with pytest.raises(UsageError, match="not installed"):
        connect(desk, "vscode")
    assert not (desk.paths.home / ".config").exists()
    connect(desk, "vscode", force=True)
    disconnect(desk, "vscode")
    assert not (desk.paths.home / ".config").exists()


def test_an_unknown_client_is_answered_with_a_near_name(desk: Home) -> None:
    with pytest.raises(UsageError, match="Did you mean cursor"):
        connect(desk, "cursr")


def test_connect_all_passes_over_one_that_refuses(desk: Home) -> None:
    (desk.paths.home / ".claude.json").write_text("{ damaged")
    assert states(desk)["claude-code"] == "broken"
    outcomes = {one.id: one for one in connect_all(desk)}
    assert set(outcomes) == {"claude-code", "cursor"}
    assert outcomes["cursor"].done
    assert not outcomes["claude-code"].done
    assert "line 1" in outcomes["claude-code"].text
    assert connect_all(desk) == [outcomes["claude-code"]]


class TestUndo:
    def test_takes_a_connect_back_byte_for_byte(self, desk: Home) -> None:
        connect(desk, "cursor")
        assert undo(desk) == "taken back: connect Cursor"
        assert (desk.paths.home / ".cursor/mcp.json").read_bytes() == CURSOR
        assert undo(desk) is None

    def test_takes_a_disconnect_back(self, desk: Home) -> None:
        connect(desk, "cursor")
        written = (desk.paths.home / ".cursor/mcp.json").read_bytes()
        disconnect(desk, "cursor")
        undo(desk)
        assert (desk.paths.home / ".cursor/mcp.json").read_bytes() == written
        undo(desk)
        assert (desk.paths.home / ".cursor/mcp.json").read_bytes() == CURSOR

    def test_what_was_refused_is_not_there_to_be_taken_back(self, desk: Home) -> None:
        (desk.paths.home / ".cursor/mcp.json").write_text('{"mcpServers": {"mcptui": {}}}')
        with pytest.raises(Refused):
            connect(desk, "cursor")
        assert undo(desk) is None
        connect(desk, "cursor", replace=True)
        undo(desk)
        assert (
            desk.paths.home / ".cursor/mcp.json"
        ).read_text() == '{"mcpServers": {"mcptui": {}}}'

    def test_of_a_disconnect_puts_ours_back_over_what_it_had_replaced(self, desk: Home) -> None:
        file = desk.paths.home / ".cursor/mcp.json"
        file.write_text('{"mcpServers": {"mcptui": {"command": "x"}}}')
        connect(desk, "cursor", replace=True)
        ours = file.read_bytes()
        disconnect(desk, "cursor")
        undo(desk)
        assert file.read_bytes() == ours

    def test_leaves_a_file_alone_that_is_damaged_by_now(self, desk: Home) -> None:
        connect(desk, "cursor")
        (desk.paths.home / ".cursor/mcp.json").write_text("{ damaged")
        with pytest.raises(McptuiError, match="line 1"):
            undo(desk)
        assert (desk.paths.home / ".cursor/mcp.json").read_text() == "{ damaged"
        assert undo(desk) is None


def test_only_variables_that_move_our_folders_reach_the_entry(tmp_path: Path) -> None:
    plain = {"HOME": "/home/a", "TOKEN": "secret", "XDG_STATE_HOME": "/home/a/.local/state"}
    assert gateway_environ(plain, Paths.of(plain, "linux")) == {}
    moved = {**plain, "XDG_STATE_HOME": "/data"}
    assert gateway_environ(moved, Paths.of(moved, "linux")) == {"XDG_STATE_HOME": "/data"}
    assert gateway_environ({"MCPTUI_HOME": "/m", **moved}, Paths.of(moved, "linux")) == {
        "MCPTUI_HOME": "/m"
    }
