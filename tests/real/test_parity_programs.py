"""Client programs of others see through the gateway what they see directly, over stdio and HTTP.

The inspector speaks both eras, fastmcp the one it agrees on. `time` is a server of the newer era,
`everything` one of the older. The gateway shows plain names, so that nothing need be renamed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mcptui.home import Home
from tests.conformance.suite import gateway_at
from tests.real.parity import Json, bare, direct
from tests.tools import HERE, Tools, tools
from tests.world import install_server, make_home, world_environ

pytestmark = [
    pytest.mark.engine,
    pytest.mark.node,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("real clients"),
]
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "everything": ("get-structured-content", {"location": "New York"}),
    "time": (
        "convert_time",
        {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"},
    ),
}
MORE: dict[str, list[list[str]]] = {
    "everything": [
        ["--method", "prompts/list"],
        ["--method", "prompts/get", "--prompt-name", "args-prompt", "--prompt-args", "city=Rome"],
        ["--method", "resources/list"],
        ["--method", "resources/templates/list"],
        ["--method", "resources/read", "--uri", "demo://resource/static/document/features.md"],
    ],
    "time": [],
}


@dataclass(frozen=True, slots=True)
class Desk:
    """One installed server, its config with and without the gateway, and the programs.

    Args:
        configs: "direct" and "gateway" → a config file with one server.
    """

    home: Home
    folder: Path
    server: str
    configs: dict[str, str]
    programs: Tools

    def run(self, arguments: list[str]) -> Json:
        """Run a program that prints JSON."""
        environ = {
            "HOME": str(self.home.paths.home),
            "PATH": os.environ["PATH"],
            "MCP_INSPECTOR_SECRET_STORE": "memory",
        }
        done = subprocess.run(
            arguments, cwd=self.folder, env=environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (arguments, done.stderr, done.stdout)
        found: Json = json.loads(done.stdout)
        return found

    def inspect(self, where: list[str]) -> list[Json]:
        """Everything the inspector is asked, each answer without the marks of its hop."""
        tool, arguments = CALLS[self.server]
        pairs = [f"{key}={value}" for key, value in arguments.items()]
        asks = [
            ["--method", "tools/list"],
            ["--method", "tools/call", "--tool-name", tool, "--tool-arg", *pairs],
            *MORE[self.server],
        ]
        base = [*self.programs.inspector, "--cli", *where]
        with ThreadPoolExecutor(2) as pool:
            return [bare({"result": one}) for one in pool.map(self.run, [base + a for a in asks])]

    def config(self, which: str, era: str) -> list[str]:
        """The inspector's arguments for a config."""
        return ["--config", self.configs[which], "--server", "it", "--protocol-era", era]

    def fastmcp(self, target: str) -> Json:
        """What fastmcp sees."""
        program = [str(self.programs.python), str(HERE / "fastmcp_parity.py"), target]
        return _bare_all(self.run([*program, json.dumps([CALLS[self.server]])]))


def _bare_all(seen: Json) -> Json:
    return {**seen, "calls": [bare({"result": one}) for one in seen["calls"]]}


@pytest.fixture(params=sorted(CALLS))
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A desk for each server."""
    server: str = request.param
    home = make_home(tmp_path)
    install_server(home, server)
    gateway = [sys.executable, "-m", "mcptui", "gateway", "run", "--plain-names"]
    configs: dict[str, str] = {}
    for name, command in (("direct", direct(home, server)), ("gateway", gateway)):
        entry = {"command": command[0], "args": command[1:], "env": world_environ(home)}
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps({"mcpServers": {"it": entry}}))
        configs[name] = str(file)
    yield Desk(home, tmp_path, server, configs, tools())
    home.close()


def test_the_inspector_sees_the_same(desk: Desk) -> None:
    expected = desk.inspect(desk.config("direct", "legacy"))
    # `everything` has more tools for a client that can be asked; the signed catalog does not know
    # them, and what it does not know waits for approval.
    row = desk.home.store.installed(desk.server)
    assert row is not None
    known = {pin.name for pin in row.entry.tools}
    left_out = {tool["name"] for tool in expected[0]["tools"]} - known
    assert not left_out or desk.server == "everything"
    expected[0]["tools"] = [tool for tool in expected[0]["tools"] if tool["name"] in known]
    assert expected[0]["tools"]
    with gateway_at(world_environ(desk.home)) as url:
        for era in ("legacy", "modern"):
            if era == "modern":  # that era has no such field: the inspector itself drops it
                for tool in expected[0]["tools"]:
                    tool.pop("execution", None)
            assert desk.inspect(desk.config("gateway", era)) == expected, era
            over = ["--server-url", url, "--transport", "http", "--protocol-era", era]
            assert desk.inspect(over) == expected, era


def test_fastmcp_sees_the_same(desk: Desk) -> None:
    expected = desk.fastmcp(desk.configs["direct"])
    assert expected["tools"]
    assert expected["calls"][0]["structuredContent"]
    assert desk.fastmcp(desk.configs["gateway"]) == expected
    with gateway_at(world_environ(desk.home)) as url:
        assert desk.fastmcp(url) == expected
