"""Setting an engine up: what runs, in which order, and what a person is told where nothing can.

The programs are stand-ins on a PATH of their own (installing a real engine would change the
machine); processes, sockets, logs and waiting are real.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mcptui.bootstrap import World, advice, answers, set_up
from mcptui.errors import McptuiError, TryAgain
from mcptui.progress import StepState

DEBIAN = 'ID=debian\nVERSION_ID="12"\n'
DOCKERD = f"""#!{sys.executable}
import http.server, os, socketserver, sys
log = open(os.environ["SAID"], "a")
log.write("dockerd " + " ".join(sys.argv[1:]) + "\\n"); log.flush()
if os.environ.get("NEEDS", "") not in sys.argv[1:] + [""]:
    print('level=fatal msg="failed to start daemon: no such thing"', file=sys.stderr)
    sys.exit(1)
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"OK")
    def log_message(self, *a): pass
    def address_string(self): return "unix"
class Server(socketserver.UnixStreamServer):
    def get_request(self):
        request, _ = super().get_request()
        return request, ("unix", 0)
open(os.environ["PIDS"], "a").write(str(os.getpid()) + "\\n")
Server(os.environ["SOCKET"], Answer).serve_forever()
"""
APT = """#!/bin/sh
echo "apt-get $*" >> "$SAID"
[ "$1" = install ] && cp "$PARTS/dockerd" "$BIN/dockerd"
[ -n "$BROKEN" ] && { echo "E: Temporary failure resolving 'deb.example'" >&2; exit 100; }
exit 0
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make a machine: `dockerd` and `apt-get` are there when asked for."""
    parts, pids = tmp_path / "parts", tmp_path / "pids"
    parts.mkdir()
    for name, text in (("dockerd", DOCKERD), ("apt-get", APT)):
        (parts / name).write_text(text)
        (parts / name).chmod(0o755)

    def make(*programs: str, release: str = DEBIAN, root: bool = True, **environ: str) -> World:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("sh", "cp"):
            (folder / name).symlink_to(Path("/bin") / name)
        for name in programs:
            (folder / name).write_bytes((parts / name).read_bytes())
            (folder / name).chmod(0o755)
        place = tmp_path / "engine.sock"
        world = {
            "PATH": str(folder), "SAID": str(tmp_path / "said"), "SOCKET": str(place),
            "PIDS": str(pids), "PARTS": str(parts), "BIN": str(folder), **environ,
        }  # fmt: skip
        return World(world, "linux", root, release, systemd=False, socket=place)

    yield make
    for line in pids.read_text().split() if pids.exists() else ():
        os.kill(int(line), signal.SIGKILL)


def said(world: World) -> list[str]:
    file = Path(world.environ["SAID"])
    return file.read_text().splitlines() if file.exists() else []


def run(world: World, log: Path) -> list[str]:
    return [f"{step.key} {step.state}" for step in set_up(world, log)]


def test_a_bare_debian_gets_packages_and_a_daemon(
    machine: Callable[..., World], tmp_path: Path
) -> None:
    world = machine("apt-get")
    steps = run(world, tmp_path / "logs" / "dockerd.log")
    assert steps == [
        "update running",
        "update done",
        "install running",
        "install done",
        "start running",
        "start done",
    ]
    assert said(world) == [
        "apt-get update -qq",
        "apt-get install -y -qq --no-install-recommends docker.io iptables",
        "dockerd ",
    ]
    assert answers(world.socket) == ""
    assert run(world, tmp_path / "log") == ["engine done"]


def test_a_daemon_that_needs_other_options_gets_them(
    machine: Callable[..., World], tmp_path: Path
) -> None:
    world = machine("dockerd", NEEDS="--bridge=none")
    assert run(world, tmp_path / "log")[-1] == "start done"
    assert len(said(world)) == 3
    assert said(world)[-1].endswith("--bridge=none")


def test_a_daemon_that_never_starts_tells_its_last_words(
    machine: Callable[..., World], tmp_path: Path
) -> None:
    world = machine("dockerd", NEEDS="--nothing-helps")
    with pytest.raises(TryAgain, match="failed to start daemon: no such thing"):
        run(world, tmp_path / "log")


def test_a_dead_network_is_told_as_one(machine: Callable[..., World], tmp_path: Path) -> None:
    world = machine("apt-get", BROKEN="1")
    steps: list[StepState] = []
    with pytest.raises(TryAgain, match="Temporary failure resolving"):
        steps.extend(step.state for step in set_up(world, tmp_path / "log"))
    assert said(world) == ["apt-get update -qq"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"platform": "darwin"}, "colima start"),
        ({"platform": "win32"}, "WSL"),
        ({"release": "ID=fedora\n", "root": True}, "your system's packages"),
        ({"root": False}, "as root"),
    ],
)
def test_where_nothing_can_be_done_a_person_is_told_what_to_do(
    machine: Callable[..., World], tmp_path: Path, change: dict[str, object], words: str
) -> None:
    world = dataclasses.replace(machine("apt-get"), **change)  # pyright: ignore[reportArgumentType]
    assert words in advice(world)
    with pytest.raises(McptuiError, match=words):
        run(world, tmp_path / "log")
    assert said(world) == []


def test_an_engine_the_user_named_is_never_replaced(
    machine: Callable[..., World], tmp_path: Path
) -> None:
    world = machine("apt-get", "dockerd", DOCKER_HOST=f"unix://{tmp_path}/other.sock")
    with pytest.raises(McptuiError, match="unset DOCKER_HOST"):
        run(world, tmp_path / "log")
    assert said(world) == []


def test_derivatives_of_debian_count_as_one(machine: Callable[..., World]) -> None:
    world = machine("apt-get")
    assert dataclasses.replace(world, release='ID=mint\nID_LIKE="ubuntu debian"\n').debian
    assert not dataclasses.replace(world, release="ID=arch\n").debian
    assert not dataclasses.replace(world, release="").debian


def test_the_module_alone_says_nothing_when_an_engine_answers() -> None:
    import subprocess

    done = subprocess.run(
        [sys.executable, "-m", "mcptui.bootstrap"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
