"""Everybody who is measured: what starts them, all before the same server in the same limits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mcptui.home import Home
from tests.bench.echo_image import TAG
from tests.bench.http_talk import HttpProgram, free_port
from tests.bench.talk import Program
from tests.tools import mcp_proxy, tools
from tests.world import world_environ

LOCKED = [
    "--network", "none", "--read-only", "--tmpfs", "/tmp:noexec,nosuid,size=64m",
    "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "64",
    "--memory", "256m", "--memory-swap", "256m", "--cpus", "1", "--user", "65532:65532",
    "--log-driver", "none",
]  # fmt: skip
_TOKEN = "bench-token-of-no-worth"
_PLAIN = [sys.executable, "-m", "mcptui"]
_OWN = [sys.executable, "-m", "tests.bench.own"]


@dataclass(slots=True)
class Contestant:
    """A way to reach the server, and what was measured of it by the name of the measure."""

    name: str
    start: Callable[[], Program | HttpProgram]
    end: Callable[[], None] = lambda: None
    values: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    failed: str = ""


def docker_run() -> list[str]:
    """The server with no gateway, in the limits of our own containers."""
    return [shutil.which("docker") or "docker", "run", "--rm", "-i", *LOCKED, TAG]


def over_stdio(home: Home, scratch: Path) -> list[Contestant]:
    """Everybody who speaks over pipes; the first is what the others are compared with."""
    environ = world_environ(home)

    def ours(name: str, before: list[str], more: dict[str, str] | None = None) -> Contestant:
        argv = [*before, "gateway", "run"]
        return Contestant(name, lambda: Program(argv, environ | (more or {})))

    found = [
        Contestant("docker run -i", lambda: Program(docker_run(), os.environ)),
        ours("mcptui", _PLAIN),
        ours("mcptui, one guard more", [*_OWN, "more"]),
        ours("mcptui, no guards", [*_OWN, "none"]),
    ]
    if other := os.environ.get("MCPTUI_BENCH_OTHER"):
        found.append(ours(f"mcptui of {other}", _PLAIN, {"PYTHONPATH": other}))
    script = str(Path(__file__).with_name("sdk_proxy.py"))
    fastmcp = [str(tools().python), script, "-", *docker_run()]
    found.append(Contestant("fastmcp proxy", lambda: Program(fastmcp, os.environ)))
    if binary := os.environ.get("MCPTUI_BENCH_DOCKER_MCP"):
        argv, its = _docker_gateway(binary, scratch / "stdio")
        found.append(Contestant("docker mcp gateway", lambda: Program(argv, its)))
    return found


def over_http(home: Home, scratch: Path) -> list[Contestant]:
    """Everybody who serves HTTP; the first is what the others are compared with."""
    environ = world_environ(home)

    def ours(name: str, before: list[str], *, modern: bool = False) -> Contestant:
        def start() -> HttpProgram:
            port = free_port()
            words = ["gateway", "run", "--http", f"127.0.0.1:{port}", "--no-token"]
            return HttpProgram([*before, *words], environ, port, modern=modern)

        return Contestant(name, start)

    def fastmcp() -> HttpProgram:
        port = free_port()
        script = str(Path(__file__).with_name("sdk_proxy.py"))
        argv = [str(tools().python), script, str(port), *docker_run()]
        return HttpProgram(argv, os.environ, port)

    def proxy() -> HttpProgram:
        port = free_port()
        argv = [str(mcp_proxy()), "--host", "127.0.0.1", "--port", str(port), "--", *docker_run()]
        return HttpProgram(argv, os.environ, port)

    found = [
        ours("mcptui", _PLAIN),
        ours("mcptui, 2026-07-28", _PLAIN, modern=True),
        ours("mcptui, one guard more", [*_OWN, "more"]),
        ours("mcptui, no guards", [*_OWN, "none"]),
        Contestant("mcp-proxy", proxy),
        Contestant("fastmcp proxy", fastmcp),
    ]
    if binary := os.environ.get("MCPTUI_BENCH_DOCKER_MCP"):
        argv, its = _docker_gateway(binary, scratch / "http")

        def docker_http() -> HttpProgram:
            port = free_port()
            more = ["--transport", "streaming", "--port", str(port)]
            return HttpProgram([*argv, *more], its, port, _TOKEN)

        found.append(Contestant("docker mcp gateway", docker_http))
    if binary := os.environ.get("MCPTUI_BENCH_THV"):
        found.append(_toolhive(binary, scratch))
    return found


def _docker_gateway(binary: str, its_home: Path) -> tuple[list[str], dict[str, str]]:
    # A HOME of its own: Docker's gateway reads catalogs only from there.
    catalogs = its_home / ".docker" / "mcp" / "catalogs"
    catalogs.mkdir(parents=True)
    (catalogs / "bench.yaml").write_text(
        "registry:\n  echo0: {description: Echo, title: Echo, type: server, "
        f"image: {TAG}, tools: [{{name: echo}}]}}\n"
    )
    environ = os.environ | {
        "HOME": str(its_home),
        "DOCKER_MCP_IN_CONTAINER": "1",
        "MCP_GATEWAY_AUTH_TOKEN": _TOKEN,
    }
    argv = [
        binary, "gateway", "run", "--catalog", "bench.yaml", "--servers", "echo0",
        "--verify-signatures=false", "--secrets", "/dev/null", "--long-lived",
    ]  # fmt: skip
    return argv, environ


def _toolhive(binary: str, scratch: Path) -> Contestant:
    name = f"mcptui-bench-thv-{os.getpid()}"
    environ = os.environ | {"HOME": str(scratch / "thv"), "XDG_CONFIG_HOME": str(scratch / "thv")}

    def start() -> HttpProgram:
        port = free_port()
        argv = [
            binary, "run", "--foreground", "--name", name, "--transport", "stdio",
            "--proxy-port", str(port), "--isolate-network=false",
            "--image-verification", "disabled", TAG,
        ]  # fmt: skip
        return HttpProgram(argv, environ, port)

    def end() -> None:
        for words in ([binary, "rm", name], ["docker", "rm", "-f", name]):
            subprocess.run(words, env=environ, capture_output=True, check=False, timeout=60)

    return Contestant("ToolHive", start, end)
