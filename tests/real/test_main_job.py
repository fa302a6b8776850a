"""The main job by keys alone: filter, install, connect, call from a real client, watch, remove.

The real program runs on a pty; nothing is called behind its back but the client programs, which
start from the config that the program wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mcptui.home import Home
from tests.real.terminal import Terminal
from tests.tools import HERE, Tools, tools
from tests.world import make_home, world_environ

pytestmark = [
    pytest.mark.engine,
    pytest.mark.node,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("real clients"),
]
BEFORE = b'{\n  "numStartups": 7,\n  "theme": "dark"   \n}\n'
BUILD_SECONDS = 150


@dataclass(frozen=True, slots=True)
class Desk:
    """A scratch home in which Claude Code was used before, and the client programs."""

    home: Home
    folder: Path
    programs: Tools

    @property
    def config(self) -> Path:
        """Claude Code's file."""
        return self.home.paths.home / ".claude.json"

    def open(self) -> Terminal:
        """Start the program as a person does."""
        return Terminal(list(self.home.gateway_command), world_environ(self.home))

    def client_config(self) -> str:
        """The written entry, in a file of the form that the client programs read."""
        entry = json.loads(self.config.read_bytes())["mcpServers"]["mcptui"]
        # A client gives its servers its own environment; this checkout is not installed there.
        entry["env"] = entry.get("env", {}) | {"PYTHONPATH": self.home.environ["PYTHONPATH"]}
        made = self.folder / "as-written.json"
        made.write_text(json.dumps({"mcpServers": {"mcptui": entry}}))
        return str(made)

    def run(self, arguments: list[str]) -> Any:
        """Run a client program to its end; it prints JSON."""
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env={
                "HOME": str(self.home.paths.home),
                "PATH": os.environ["PATH"],
                "MCP_INSPECTOR_SECRET_STORE": "memory",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def fastmcp(self, tool: str, **arguments: object) -> Any:
        """List and call with fastmcp."""
        script = str(HERE / "fastmcp_calls.py")
        argv = [str(self.programs.python), script, self.client_config()]
        return self.run([*argv, tool, json.dumps(arguments), "1"])

    def inspector(self, *arguments: str) -> Any:
        """Ask with the inspector."""
        argv = [*self.programs.inspector, "--cli", "--config", self.client_config()]
        return self.run([*argv, "--server", "mcptui", *arguments])

    def containers(self) -> list[str]:
        """The containers of this home that exist."""
        return self.home.engine().containers({"mcptui.home": str(self.home.paths.state)})

    def marks(self) -> list[str]:
        """The names by which this home's installs hold their images."""
        whose = hashlib.sha256(str(self.home.paths.state).encode()).hexdigest()[:12]
        images: list[dict[str, Any]] = self.home.engine().client.api.images()
        tags = [tag for image in images for tag in image.get("RepoTags") or ()]
        return [tag for tag in tags if whose in tag]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    home = make_home(tmp_path)
    (home.paths.home / ".claude.json").write_bytes(BEFORE)
    yield Desk(home, tmp_path, tools())
    home.close()


def choose(terminal: Terminal, query: str, name: str) -> None:
    """Filter the catalog and put the cursor on a server."""
    terminal.wait_for(r"[1-9][0-9]* of [1-9][0-9]*")
    terminal.press("/")
    terminal.settle(0.3)
    terminal.press(*query)
    terminal.wait_for(f"/ {query}")
    terminal.press("enter")
    terminal.settle(0.3)
    terminal.wait_for(rf"(?m)^>\s+✓?\s*{name}\b")


def install_what_the_cursor_is_on(terminal: Terminal, title: str) -> None:
    """Two keys; a person reads the sheet in between."""
    terminal.press("i")
    terminal.wait_for(rf"(?s)Install {title}.*Tools +[0-9]+ on.*enter Install")
    terminal.settle(0.5)
    terminal.press("enter")


def installed(terminal: Terminal, name: str) -> str:
    """Wait until a server is installed."""
    return terminal.wait_for(rf"(?m)^>\s+✓\s+{name}\b", BUILD_SECONDS)


def test_filter_install_connect_call_watch_remove(desk: Desk) -> None:
    with desk.open() as terminal:
        choose(terminal, "time kind:package", "time")
        install_what_the_cursor_is_on(terminal, "Time")
        installed(terminal, "time")
        assert len(desk.marks()) == 1

        terminal.press("4")
        terminal.wait_for(r"Claude Code\s+○ found")
        terminal.wait_for(r'\+.*"mcptui"|"mcptui"')
        terminal.press("c")
        terminal.wait_for(r"Claude Code\s+● connected")
        assert desk.config.read_bytes() != BEFORE

        terminal.press("3")
        terminal.wait_for("No calls yet")
        seen = desk.fastmcp("time__get_current_time", timezone="Asia/Tokyo")
        assert set(seen["tools"]) == {"time__get_current_time", "time__convert_time"}
        assert "Asia/Tokyo" in seen["answers"][0]["text"]
        row = terminal.wait_for(r"time\.get_current_time\s+✓ ok")
        assert "Asia/Tokyo" in row

        asked = desk.inspector(
            "--method", "tools/call", "--tool-name", "time__convert_time",
            "--tool-arg", "source_timezone=UTC", "--tool-arg", "time=12:30",
            "--tool-arg", "target_timezone=Asia/Tokyo",
        )  # fmt: skip
        assert "21:30" in json.dumps(asked)
        terminal.wait_for(r"time\.convert_time\s+✓ ok")

        terminal.press("2")
        terminal.wait_for(r"(?m)^>\s+time\b")
        terminal.press("d")
        terminal.wait_for("(?i)remove time")
        terminal.press("enter")
        terminal.wait_for("(?i)no servers yet", 60)
        assert desk.containers() == []
        # Another home may need the same image; of ours nothing holds it any more.
        assert desk.marks() == []

        terminal.press("4")
        terminal.wait_for(r"Claude Code\s+● connected")
        terminal.press("c")
        terminal.wait_for(r"Claude Code\s+○ found")
        assert desk.config.read_bytes() == BEFORE
        terminal.press("q")
        assert terminal.wait_end() == 0


def test_a_node_server_reads_the_picked_folder_and_nothing_else(desk: Desk) -> None:
    picked = desk.folder / "picked"
    picked.mkdir(mode=0o755)
    (picked / "note.txt").write_text("the note's text")
    with desk.open() as terminal:
        choose(terminal, "filesystem", "filesystem")
        terminal.press("i")
        terminal.wait_for("a folder is needed")
        terminal.press("enter")
        terminal.wait_for("tab completes")
        terminal.press(*str(picked), "enter")
        terminal.wait_for(r"(?s)May read\s+\S+.*read only")
        terminal.press("enter")
        installed(terminal, "filesystem")
        terminal.press("4")
        terminal.wait_for(r"Claude Code\s+○ found")
        terminal.press("c")
        terminal.wait_for(r"Claude Code\s+● connected")

        read = desk.fastmcp("filesystem__read_text_file", path="/folders/picked/note.txt")
        assert read["answers"][0]["text"] == "the note's text"
        assert "filesystem__write_file" not in read["tools"]
        # The inspector ends with an error of its own when a tool says that it failed.
        with pytest.raises(AssertionError, match="tool_is_error"):
            desk.inspector(
                "--method", "tools/call", "--tool-name", "filesystem__read_text_file",
                "--tool-arg", "path=/etc/passwd",
            )  # fmt: skip
        terminal.press("3")
        terminal.wait_for(r"filesystem\.read_text_file\s+✓ ok")
        terminal.wait_for(r"filesystem\.read_text_file\s+✗ error")
        assert sorted(path.name for path in picked.iterdir()) == ["note.txt"]
        terminal.press("q")
        assert terminal.wait_end() == 0


def test_a_server_that_dies_at_start_says_why_and_is_not_installed(desk: Desk) -> None:
    with desk.open() as terminal:
        choose(terminal, "time kind:package", "time")
        terminal.press("i")
        terminal.wait_for(r"> .*timezone")
        # A zone that does not exist makes the real server give up at start.
        terminal.press("space")
        terminal.settle(0.3)
        terminal.press(*"Nowhere/Atall", "enter")
        terminal.wait_for(r"timezone\s+Nowhere/Atall")
        terminal.press("enter")
        shown = terminal.wait_for("✗", BUILD_SECONDS)
        shown = terminal.wait_for("(?i)exit code|ended|stopped|died")
        terminal.press("esc")
        terminal.wait_gone("Install Time")
        terminal.press("2")
        terminal.wait_for("(?i)no servers yet")
        assert desk.home.store.installs() == []
        assert desk.containers() == [], shown


def test_each_call_comes_to_the_screen_while_it_is_open(desk: Desk) -> None:
    with desk.open() as terminal:
        choose(terminal, "time kind:package", "time")
        install_what_the_cursor_is_on(terminal, "Time")
        installed(terminal, "time")
        terminal.press("3")
        terminal.wait_for("No calls yet")
        gateway = subprocess.Popen(
            [*desk.home.gateway_command, "gateway", "run"],
            env=world_environ(desk.home), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert gateway.stdin is not None
        assert gateway.stdout is not None
        try:
            gateway.stdin.write(_HELLO + _call(1))
            gateway.stdin.flush()
            _answer(gateway, 1)
            terminal.wait_for(r"time\.get_current_time\s+✓ ok")
            # How soon is measured by `make bench`; here each one has to come by itself.
            for number in range(2, 8):
                zone = f"Etc/GMT+{number}"
                gateway.stdin.write(_call(number, zone))
                gateway.stdin.flush()
                _answer(gateway, number)
                terminal.wait_for(re.escape(zone) + r"\b", 5)
        finally:
            gateway.stdin.close()
            gateway.wait(20)
            gateway.stdout.close()


_HELLO = (
    b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
    b'"capabilities":{},"clientInfo":{"name":"pacer","version":"1"}}}\n'
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
)


def _call(number: int, zone: str = "UTC") -> bytes:
    params = {"name": "time__get_current_time", "arguments": {"timezone": zone}}
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    return json.dumps(message).encode() + b"\n"


def _answer(gateway: subprocess.Popen[bytes], number: int) -> None:
    assert gateway.stdout is not None
    while line := gateway.stdout.readline():
        if json.loads(line).get("id") == number:
            return
    raise AssertionError("the gateway ended")


def test_two_screens_and_a_gateway_share_one_state(desk: Desk) -> None:
    with desk.open() as first, desk.open() as second:
        for terminal in (first, second):
            terminal.wait_for(r"[1-9][0-9]* of [1-9][0-9]*")
        choose(first, "time kind:package", "time")
        install_what_the_cursor_is_on(first, "Time")
        installed(first, "time")
        second.press("2")
        second.wait_for(r"(?m)^>\s+time\b")
        second.press("space")
        second.wait_for(r"time\s+[○–] off")
        first.press("2")
        first.wait_for(r"time\s+[○–] off")
    raw = sqlite3.connect(desk.home.paths.database)
    assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    raw.close()
