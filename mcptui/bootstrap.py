"""Make a container engine answer on this machine: `make run`, `make test` and the doctor use it.

An engine that answers is left alone. On Debian and Ubuntu, as root and
without an engine, docker.io is installed by apt and dockerd started; everywhere else the steps a
person has to take are told in words. Nothing is ever done with sudo behind somebody's back.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcptui.errors import McptuiError, TryAgain
from mcptui.progress import Step, StepState

SOCKET = Path("/var/run/docker.sock")
WAIT_SECONDS = 60.0
"""How long a new dockerd may take until it answers."""
PACKAGES = ("docker.io", "iptables")
ATTEMPTS: tuple[tuple[str, ...], ...] = (
    (),
    ("--iptables=false", "--ip6tables=false"),
    ("--iptables=false", "--ip6tables=false", "--bridge=none"),
    ("--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"),
)
"""Options of dockerd, tried in turn: machines without netfilter, bridges or overlays exist."""


_daemons: list[subprocess.Popen[bytes]] = []
"""Daemons we started: they outlive us on purpose, so their handles are never dropped."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class World:
    """What the set-up looks at.

    Args:
        environ: DOCKER_HOST and PATH are read from it.
        platform: as `sys.platform`.
        root: this process may install packages.
        release: the text of /etc/os-release, "" when there is none.
        systemd: systemd runs the machine.
        socket: where dockerd listens.
    """

    environ: Mapping[str, str]
    platform: str
    root: bool
    release: str
    systemd: bool
    socket: Path = SOCKET

    @classmethod
    def real(cls, environ: Mapping[str, str] | None = None) -> World:
        """This machine."""
        release = Path("/etc/os-release")
        return cls(
            environ=os.environ if environ is None else environ,
            platform=sys.platform,
            root=hasattr(os, "geteuid") and os.geteuid() == 0,
            release=release.read_text("utf-8", "replace") if release.is_file() else "",
            systemd=Path("/run/systemd/system").is_dir(),
        )

    def find(self, program: str) -> str | None:
        """Where a program is."""
        return shutil.which(program, path=self.environ.get("PATH"))

    @property
    def debian(self) -> bool:
        """Debian, Ubuntu and what says it is like them."""
        fields = dict(line.split("=", 1) for line in self.release.splitlines() if "=" in line)
        names = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', " ").split()
        return bool({"debian", "ubuntu"} & set(names)) and self.find("apt-get") is not None


def answers(path: Path = SOCKET) -> str:
    """Ask the engine behind a socket whether it is there.

    Returns:
        "" when it answers, else the reason in words.
    """
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/_ping")
        status = connection.getresponse().status
        return "" if status == 200 else f"{path} answers with status {status}"
    except PermissionError:
        return f"{path} may not be used by this user"
    except FileNotFoundError:
        return f"{path} is not there"
    except (OSError, http.client.HTTPException) as error:
        return f"{path}: {error}"
    finally:
        connection.close()


def trouble(world: World) -> str:
    """Look for an engine everywhere one may listen.

    Returns:
        "" when one answers, else the reason in words.
    """
    if world.socket != SOCKET:
        return answers(world.socket)
    from mcptui.runtime.find import find

    home = Path(world.environ.get("HOME") or Path.home())
    try:
        find(world.environ, home, world.platform)
    except McptuiError as error:
        return error.why or error.what
    return ""


def advice(world: World) -> str:
    """What a person has to do here to get an engine, in words."""
    if world.platform == "darwin":
        return "Install one and start it: `brew install colima docker && colima start`, or OrbStack"
    if world.platform == "win32":
        return "Run mcptui inside WSL, where Docker or Podman can be installed"
    if world.socket.exists() and "may not be used" in answers(world.socket):
        return (
            "`sudo usermod -aG docker $USER`, then log in again; or use rootless Docker or Podman"
        )
    if world.find("podman"):
        return "Podman is here, its service is not: `systemctl --user enable --now podman.socket`"
    if world.find("dockerd"):
        return "Docker is here but does not run: `sudo systemctl start docker`"
    if world.debian:
        return "`sudo apt-get install docker.io`, or run `mcptui doctor --fix engine` as root"
    return "Install Docker or Podman with your system's packages and start it"


def set_up(world: World, log: Path) -> Iterator[Step]:
    """Make an engine answer, step by step.

    Args:
        world: the machine.
        log: where dockerd writes when systemd does not start it.

    Raises:
        McptuiError: nothing can be done here without a person; says what to do.
        TryAgain: the packages or the daemon failed; says why.
    """
    reason = trouble(world)
    if not reason:
        yield Step("engine", "a container engine answers", StepState.DONE)
        return
    if chosen := world.environ.get("DOCKER_HOST"):
        fix = "Start that engine, or unset DOCKER_HOST"
        raise McptuiError(f"No engine answers at DOCKER_HOST={chosen}", reason, fix)
    if world.platform != "linux" or not world.root:
        raise McptuiError("No container engine answers", reason, advice(world))
    if not world.find("dockerd"):
        if not world.debian:
            raise McptuiError("No container engine is installed", fix=advice(world))
        yield from _install(world)
    yield from _start(world, log)


def _install(world: World) -> Iterator[Step]:
    environ = {**world.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for text, arguments in (
        ("reading the package lists", ("update", "-qq")),
        ("installing docker.io", ("install", "-y", "-qq", "--no-install-recommends", *PACKAGES)),
    ):
        yield Step(arguments[0], text)
        done = subprocess.run(
            [world.find("apt-get") or "apt-get", *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            said = done.stdout.decode("utf-8", "replace").strip().splitlines()[-3:]
            yield Step(arguments[0], text, StepState.FAILED)
            raise TryAgain(
                f"apt-get {arguments[0]} failed",
                " / ".join(said),
                "Check the network and /etc/apt/sources.list, then try again",
            )
        yield Step(arguments[0], text, StepState.DONE)


def _start(world: World, log: Path) -> Iterator[Step]:
    text = "starting dockerd"
    yield Step("start", text)
    if world.systemd:
        subprocess.run(
            [world.find("systemctl") or "systemctl", "enable", "--now", "docker"],
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if not (reason := _wait(world, None)):
            yield Step("start", text, StepState.DONE)
            return
        raise TryAgain("dockerd did not start", reason, "`journalctl -u docker` tells more")
    for options in ATTEMPTS:
        process = _spawn(world, options, log)
        if not _wait(world, process):
            _daemons.append(process)
            yield Step("start", text, StepState.DONE, detail=" ".join(options))
            return
        if process.poll() is None:
            process.terminate()
            process.wait(30)
    yield Step("start", text, StepState.FAILED)
    raise TryAgain("dockerd did not start", _tail(log), f"The whole log is {log}")


def _spawn(world: World, options: tuple[str, ...], log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with log.open("ab") as sink:
        return subprocess.Popen(
            [world.find("dockerd") or "dockerd", *options],
            env=dict(world.environ),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            # Its own session: it must outlive this command and not get the terminal's ctrl+c.
            start_new_session=True,
        )


def _wait(world: World, process: subprocess.Popen[bytes] | None) -> str:
    """Wait until dockerd answers; returns "" or why it does not."""
    deadline = time.monotonic() + WAIT_SECONDS
    reason = ""
    while time.monotonic() < deadline:
        if not (reason := answers(world.socket)):
            return ""
        if process is not None and process.poll() is not None:
            return f"it ended with status {process.returncode}"
        time.sleep(0.2)
    return reason


def _tail(log: Path) -> str:
    """The last lines in which dockerd told its trouble."""
    lines = log.read_text("utf-8", "replace").splitlines() if log.is_file() else []
    told = [line for line in lines if "level=fatal" in line or "failed to start" in line]
    return " / ".join((told or lines)[-2:])[-600:]


def main() -> int:
    """Set the engine up and tell about it on stderr; returns an exit code of `errors.py`."""
    from mcptui.paths import Paths
    from mcptui.visible import visible

    log = Paths.of(os.environ).state / "dockerd.log"
    try:
        for step in set_up(World.real(), log):
            if step.state in (StepState.RUNNING, StepState.FAILED):
                sys.stderr.write(f"{visible(step.text)}{' failed' * (step.state == 'failed')}\n")
    except McptuiError as error:
        sys.stderr.write(f"{visible(str(error))}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
