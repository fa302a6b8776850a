"""Clients that meet a gateway at an address: the token is referred to and never written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions.connect import clients, connect, disconnect, preview
from mcptui.actions.undo import undo
from mcptui.clients.files import Refused
from mcptui.clients.registry import CLIENTS
from mcptui.errors import UsageError
from mcptui.home import Home
from mcptui.paths import Paths

ADDRESS = "127.0.0.1:8765"
TOKEN = "planted-0123456789abcdef"  # noqa: S105 (made up)
FILES: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "claude-code": (".claude.json", "mcpServers", "${MCPTUI_TOKEN}", {"type": "http"}),
    "cursor": (".cursor/mcp.json", "mcpServers", "${env:MCPTUI_TOKEN}", {}),
    "vscode": (".config/Code/User/mcp.json", "servers", "${env:MCPTUI_TOKEN}", {"type": "http"}),
}
BEFORE = b'{\n  "theme": "dark"\n}\n'


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Home]:
    """A home whose environment holds the token, as a person's shell may."""
    environ = {
        "HOME": str(tmp_path / "home"),
        "MCPTUI_HOME": str(tmp_path / "own"),
        "MCPTUI_TOKEN": TOKEN,
    }
    made = Home(
        Paths.of(environ, "linux"), environ=environ, platform="linux", gateway_command=("/m",)
    )
    for file, _, _, _ in FILES.values():
        path = made.paths.home / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BEFORE)
    (made.paths.home / ".config/Claude").mkdir(parents=True)
    yield made
    made.close()


def entry(home: Home, client: str) -> dict[str, Any]:
    """Our entry as the client reads it."""
    file, key, _, _ = FILES[client]
    return json.loads((home.paths.home / file).read_text())[key]["mcptui"]


def row(home: Home, client: str) -> tuple[str, str, str]:
    """How one client stands: state, profile, address."""
    found = next(one for one in clients(home) if one.id == client)
    return found.state, found.profile, found.address


@pytest.mark.parametrize("client", sorted(FILES))
def test_the_token_is_referred_to_and_the_file_comes_back(desk: Home, client: str) -> None:
    file, _, reference, more = FILES[client]
    path = desk.paths.home / file
    assert "MCPTUI_TOKEN" in connect(desk, client, http=ADDRESS)
    assert entry(desk, client) == {
        **more,
        "url": f"http://{ADDRESS}/mcp",
        "headers": {"Authorization": f"Bearer {reference}"},
    }
    assert TOKEN not in path.read_text()
    assert row(desk, client) == ("connected", "", ADDRESS)
    assert connect(desk, client).endswith("is connected already")
    disconnect(desk, client)
    assert path.read_bytes() == BEFORE
    undo(desk)
    assert row(desk, client) == ("connected", "", ADDRESS)


def test_a_client_that_cannot_refer_to_a_token_is_refused_and_left_alone(desk: Home) -> None:
    path = desk.paths.home / ".config/Claude/claude_desktop_config.json"
    path.write_bytes(BEFORE)
    with pytest.raises(Refused, match="cannot name an address") as caught:
        connect(desk, "claude-desktop", http=ADDRESS)
    assert "without --http" in caught.value.fix
    assert path.read_bytes() == BEFORE
    assert row(desk, "claude-desktop") == ("found", "", "")


def test_no_client_is_given_a_token_without_a_way_to_refer_to_it() -> None:
    for spec in CLIENTS:
        assert spec.http is None or "NAME" in spec.variable, spec.id
        assert not spec.socket_url or "PATH" in spec.socket_url, spec.id


def test_a_socket_asks_for_no_token_and_only_some_clients_reach_one(desk: Home) -> None:
    connect(desk, "vscode", http="unix:/run/user/1000/my gateway#1.sock")
    assert entry(desk, "vscode") == {
        "type": "http",
        "url": "unix:///run/user/1000/my%20gateway%231.sock#/mcp",
    }
    assert row(desk, "vscode")[2] == "unix:/run/user/1000/my gateway#1.sock"
    assert connect(desk, "vscode").endswith("is connected already")
    with pytest.raises(Refused, match="Unix socket"):
        connect(desk, "cursor", http="unix:/run/user/1000/x.sock")


def test_the_way_changes_is_taken_back_and_stays_where_nothing_is_said(desk: Home) -> None:
    connect(desk, "cursor")
    connect(desk, "cursor", http="localhost:8765")
    assert row(desk, "cursor") == ("connected", "", ADDRESS)
    undo(desk)
    assert row(desk, "cursor") == ("connected", "", "")
    assert entry(desk, "cursor")["command"] == "/m"
    connect(desk, "cursor", http="[::1]:9")
    assert entry(desk, "cursor")["url"] == "http://[::1]:9/mcp"
    connect(desk, "cursor", http="")
    assert "url" not in entry(desk, "cursor")
    undo(desk)
    assert row(desk, "cursor") == ("connected", "", "[::1]:9")


@pytest.mark.parametrize(
    ("http", "profile", "words"),
    [
        ("192.0.2.1:8080", None, "other machines"),
        ("0.0.0.0:8080", None, "other machines"),
        ("127.0.0.1:0", None, "port that stays"),
        ("https://example.com/mcp", None, "no address"),
        ("127.0.0.1:8080@evil.example:80", None, "no address"),
        ("127.0.0.1:8080", "work", "exclude each other"),
    ],
)
def test_addresses_that_lead_elsewhere_are_refused(
    desk: Home, http: str, profile: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        preview(desk, "cursor", connect=True, http=http, profile=profile)
    assert (desk.paths.home / ".cursor/mcp.json").read_bytes() == BEFORE
