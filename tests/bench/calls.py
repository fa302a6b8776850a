"""Calls over stdio: our gateway beside `docker run -i` without one and beside other gateways.

Every contestant stands in front of the same static server in a container with the same limits.
Rounds are interleaved, so that a noisy machine is noisy for all of them.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mcptui.home import Home
from tests.bench.echo_image import TAG, build, write_entry
from tests.bench.talk import Program
from tests.tools import tools
from tests.world import install_server, world_environ

LOCKED = [
    "--network", "none", "--read-only", "--tmpfs", "/tmp:noexec,nosuid,size=64m",
    "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "64",
    "--memory", "256m", "--memory-swap", "256m", "--cpus", "1", "--user", "65532:65532",
    "--log-driver", "none",
]  # fmt: skip


@dataclass(slots=True)
class Contestant:
    """A way to reach the server, and what was measured of it."""

    name: str
    start: Callable[[], Program]
    p50: list[float] = field(default_factory=list[float])
    p99: list[float] = field(default_factory=list[float])
    rate: list[float] = field(default_factory=list[float])
    ready: list[float] = field(default_factory=list[float])
    first: list[float] = field(default_factory=list[float])
    memory: list[float] = field(default_factory=list[float])
    failed: str = ""

    def round(self, calls: int, flood: int) -> None:
        """Start it, measure it once, end it."""
        program = self.start()
        try:
            import time

            tool = next(name for name in program.open() if "echo" in name)
            self.ready.append(time.perf_counter() - program.started)
            program.latency(tool, 1)
            self.first.append(time.perf_counter() - program.started)
            program.latency(tool, 50)
            latency = program.latency(tool, calls)
            self.p50.append(latency.p50)
            self.p99.append(latency.p99)
            self.rate.append(program.rate(tool, flood, 32))
            self.memory.append(program.memory())
        finally:
            program.close()


def contestants(scratch: Path, home: Home) -> list[Contestant]:
    """Everybody whose program is on this machine."""
    image = build(home)
    for number in range(10):
        install_server(home, write_entry(scratch, f"echo{number}", image))
    environ = world_environ(home)
    docker = shutil.which("docker") or "docker"
    found = [
        Contestant(
            "docker run -i",
            lambda: Program([docker, "run", "--rm", "-i", *LOCKED, TAG], os.environ),
        ),
        Contestant(
            "mcptui gateway",
            lambda: Program([*home.gateway_command, "gateway", "run"], environ),
        ),
    ]
    proxy = _sdk_proxy(docker)
    found.append(Contestant("fastmcp proxy", lambda: Program(proxy, os.environ)))
    if binary := os.environ.get("MCPTUI_BENCH_DOCKER_MCP"):
        found += _docker_gateways(binary, scratch)
    return found


def _sdk_proxy(docker: str) -> list[str]:
    script = Path(__file__).with_name("sdk_proxy.py")
    python = str(tools().python)
    return [python, str(script), docker, "run", "--rm", "-i", *LOCKED, TAG]


def _docker_gateways(binary: str, scratch: Path) -> list[Contestant]:
    # A HOME of its own: Docker's gateway reads catalogs only from there.
    its_home = scratch / "docker-mcp-home"
    catalogs = its_home / ".docker" / "mcp" / "catalogs"
    catalogs.mkdir(parents=True)
    (catalogs / "bench.yaml").write_text(
        "registry:\n  echo0: {description: Echo, title: Echo, type: server, "
        f"image: {TAG}, tools: [{{name: echo}}]}}\n"
    )
    environ = os.environ | {"HOME": str(its_home), "DOCKER_MCP_IN_CONTAINER": "1"}
    argv = [
        binary, "gateway", "run", "--catalog", "bench.yaml", "--servers", "echo0",
        "--verify-signatures=false", "--secrets", "/dev/null", "--long-lived",
    ]  # fmt: skip
    return [Contestant("docker mcp gateway", lambda: Program(argv, environ))]


def run(rounds: int, calls: int, flood: int) -> list[str]:
    """Measure and give the lines of the report."""
    with tempfile.TemporaryDirectory(prefix="mcptui-bench-") as folder:
        scratch = Path(folder)
        from tests.world import make_home

        home = make_home(scratch)
        try:
            them = contestants(scratch, home)
            for _ in range(rounds):
                for one in [one for one in them if not one.failed]:
                    try:
                        one.round(calls, flood)
                    except RuntimeError as error:
                        one.failed = str(error)
        finally:
            home.close()
    return report(them)


def report(them: list[Contestant]) -> list[str]:
    """One line a contestant; ratios are to the first one."""
    base = them[0]

    def middle(values: list[float]) -> float:
        return statistics.median(values)

    lines = [
        f"{'':22}{'p50 ms':>9}{'ratio':>7}{'p99 ms':>9}{'calls/s, 32':>13}{'ratio':>7}"
        f"{'tools/list s':>14}{'first call s':>14}{'MiB':>7}"
    ]
    for one in them:
        if one.failed:
            lines.append(f"{one.name:22} failed: {one.failed}")
            continue
        p50, rate = middle(one.p50), middle(one.rate)
        lines.append(
            f"{one.name:22}{p50:9.3f}{p50 / middle(base.p50):7.2f}{middle(one.p99):9.3f}"
            f"{rate:13,.0f}{rate / middle(base.rate):7.2f}{middle(one.ready):14.3f}"
            f"{middle(one.first):14.3f}{middle(one.memory):7.1f}"
        )
    return lines
