"""Real client programs, started from the configs we wrote, call a real server in its container.

`time` is installed from the signed catalog; fastmcp and the MCP inspector read the entry back out
of the very file a client would read, start the gateway from it, list and call. The call is in the
store within 200 ms of the answer, and disconnecting gives back the identical file.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions import connect
from mcptui.actions.install import install
from mcptui.clients.jsonc import Dialect, Document
from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.progress import StepState
from mcptui.store.rows import CallRow
from tests.tools import HERE, Tools, tools
from tests.world import write_program

pytestmark = [
    pytest.mark.engine,
    pytest.mark.node,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("real clients"),
]
TOOL = "time__get_current_time"
WITHIN_SECONDS = 0.2
FILES = {
    "claude-code": (".claude.json", "mcpServers", b'{\n  "numStartups": 3,\n  "tips": {}\n}'),
    "claude-desktop": (
        ".config/Claude/claude_desktop_config.json",
        "mcpServers",
        b'{"mcpServers":{"mine":{"command":"/bin/true"}},"theme":"dark"}',
    ),
    "cursor": (
        ".cursor/mcp.json",
        "mcpServers",
        b'\xef\xbb\xbf{\r\n\t"mcpServers": {\r\n\t\t"mine": {"command": "true"}\r\n\t}\r\n}\r\n',
    ),
    "vscode": (
        ".config/Code/User/mcp.json",
        "servers",
        b'{\n    // mine\n    "inputs": [],\n    "servers": {}, /* none yet */\n}\n',
    ),
}


@dataclass(frozen=True, slots=True)
class Desk:
    """A scratch home with four clients, one installed server, and programs that are clients."""

    home: Home
    folder: Path
    programs: Tools

    def config(self, client: str) -> Path:
        """A client's own config file."""
        return self.home.paths.home / FILES[client][0]

    def common(self, client: str) -> Path:
        """The entry read back from the file, in a file of the form that every program reads."""
        text = self.config(client).read_text("utf-8")
        document = Document(text, Dialect(comments=True, trailing_commas=True))
        entry = document.value[FILES[client][1]]["mcptui"]
        made = self.folder / f"{client}.json"
        made.write_text(json.dumps({"mcpServers": {"mcptui": entry}}))
        return made

    @property
    def environ(self) -> dict[str, str]:
        """What a client program sees: nothing of ours."""
        return {
            "HOME": str(self.home.paths.home),
            "PATH": os.environ["PATH"],
            "MCP_INSPECTOR_SECRET_STORE": "memory",
        }

    def start(self, arguments: list[str]) -> subprocess.Popen[str]:
        """Start a client program in a folder where nothing of ours is."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        return subprocess.Popen(
            arguments,
            cwd=elsewhere,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: list[str]) -> Any:
        """Run a client program and read the JSON it prints."""
        process = self.start(arguments)
        out, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
        return json.loads(out)

    def inspect(self, config: Path, *arguments: str) -> Any:
        """Ask the inspector."""
        where = ["--config", str(config), "--server", "mcptui"]
        return self.run([*self.programs.inspector, "--cli", *where, *arguments])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    environ = {"HOME": str(folder / "home"), "MCPTUI_HOME": str(folder / "own")}
    environ["PATH"] = os.environ["PATH"]
    home = Home(Paths.of(environ), environ=environ, gateway_command=_command(folder))
    for name, _, data in FILES.values():
        (home.paths.home / name).parent.mkdir(parents=True, exist_ok=True)
        (home.paths.home / name).write_bytes(data)

    async def steps() -> list[StepState]:
        return [step.state async for step in install(home, "time")]

    assert asyncio.run(steps())[-1] is StepState.DONE
    yield Desk(home, folder, tools())
    home.close()


def _command(folder: Path) -> tuple[str, ...]:
    """The installed program, or one that does the same where only the source is here."""
    beside = Path(sys.executable).with_name("mcptui")
    if beside.is_file():
        return (str(beside),)
    return (write_program(folder / "mcptui"),)


class Watch:
    """Notes when each finished call is first seen in the store, as a screen would."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._after = max((row.id for row in home.store.calls(limit=1000)), default=0)
        self.seen: dict[str, tuple[float, CallRow]] = {}

    def look(self) -> None:
        """Look once."""
        for row in self._home.store.calls(after=self._after, limit=1000):
            if row.outcome != "open" and row.key not in self.seen:
                self.seen[row.key] = (time.time(), row)

    def until(self, process: subprocess.Popen[str]) -> str:
        """Look until a program ends; returns what it printed."""
        while process.poll() is None:
            self.look()
            time.sleep(0.01)
        out, said = process.communicate()
        assert process.returncode == 0, said
        self.look()
        return out


@pytest.mark.parametrize("client", sorted(FILES))
def test_fastmcp_calls_through_what_each_client_was_given(desk: Desk, client: str) -> None:
    before = desk.config(client).read_bytes()
    connect.connect(desk.home, client)
    entry = json.loads(desk.common(client).read_text())["mcpServers"]["mcptui"]
    assert Path(entry["command"]).is_absolute()
    watch = Watch(desk.home)
    process = desk.start(
        [
            str(desk.programs.python),
            str(HERE / "fastmcp_calls.py"),
            str(desk.common(client)),
            TOOL,
            '{"timezone": "Europe/Rome"}',
            "3",
        ]
    )
    seen = json.loads(watch.until(process))
    assert TOOL in seen["tools"]
    assert [json.loads(one["text"])["timezone"] for one in seen["answers"]] == ["Europe/Rome"] * 3
    rows = list(watch.seen.values())
    assert len(rows) == 3
    delays = [at - one["at"] for (at, _), one in zip(rows, seen["answers"], strict=True)]
    print("seconds from answer to row:", delays)
    # The middle one: this machine may be busy with other tests while one of them is looked for.
    assert statistics.median(delays) <= WITHIN_SECONDS, delays
    for _, row in rows:
        assert (row.server, row.tool, row.outcome) == ("time", "get_current_time", "ok")
        assert row.client_name
        assert row.ms > 0
        assert row.bytes_in > 0
        assert row.bytes_out > 0
        body = desk.home.store.call_body(row.id)
        assert body is not None
        assert "Europe/Rome" in body.request
    connect.disconnect(desk.home, client)
    assert desk.config(client).read_bytes() == before


@pytest.mark.parametrize("client", ["claude-desktop", "vscode"])
def test_the_inspector_calls_through_what_a_client_was_given(desk: Desk, client: str) -> None:
    before = desk.config(client).read_bytes()
    connect.connect(desk.home, client)
    watch = Watch(desk.home)
    config = desk.common(client)
    listed = desk.inspect(config, "--method", "tools/list")
    assert TOOL in [tool["name"] for tool in listed["tools"]]
    call = ["--method", "tools/call", "--tool-name", TOOL, "--tool-arg", "timezone=Europe/Rome"]
    answer = desk.inspect(config, *call)
    assert json.loads(answer["content"][0]["text"])["timezone"] == "Europe/Rome"
    watch.look()
    ((_, row),) = watch.seen.values()
    assert (row.client_name, row.tool, row.outcome) == ("inspector-cli", "get_current_time", "ok")
    connect.disconnect(desk.home, client)
    assert desk.config(client).read_bytes() == before


def test_fastmcp_reads_our_file_itself(desk: Desk) -> None:
    """Without our help in between: its command line takes the client's own config."""
    before = desk.config("claude-code").read_bytes()
    connect.connect(desk.home, "claude-code")
    program = str(desk.programs.python.with_name("fastmcp"))
    listed = desk.run([program, "list", str(desk.config("claude-code")), "--json"])
    assert TOOL in json.dumps(listed)
    connect.disconnect(desk.home, "claude-code")
    assert desk.config("claude-code").read_bytes() == before
