"""A planted token is searched as root in every place where programs leave things behind.

A real container gets it by `mcptui install`, is called through a real gateway, crashes, and is
looked at on every screen. The token may be in the server's own process, sealed in the vault, and
nowhere else: no inspect, argument, environment, image, layer, log, record, export or frame.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.runtime.owner import HOME
from tests.gateway.talk import Talk
from tests.own_server import peer_image_id
from tests.real.terminal import Terminal
from tests.real_keyring import RealKeyring, real_keyring, with_keyring

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SERVER = """
id = "keeper"
title = "The keeper"
description = "A test."
command = ["/srv/echo_server.py"]
[image]
local = true
digest = "{image}"
[[secrets]]
name = "acme.key"
env = "ACME_KEY"
"""


def forms(token: str) -> list[bytes]:
    """A token as it is, and as programs write it."""
    raw = token.encode()
    found = [raw, raw[::-1], raw.hex().encode(), quote(token, safe="").encode()]
    found += [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
    return [*found, raw.decode().encode("utf-16-le")]


@dataclass
class Scene:
    """A home with a planted token.

    Args:
        token: the token.
        told: what programs printed and sent so far.
    """

    home: Home
    keyring: RealKeyring
    folder: Path
    token: str
    told: list[bytes]

    def run(self, *words: str, stdin: str = "") -> str:
        """Run `mcptui`; keeps what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "mcptui", *words],
            env=dict(self.home.environ),
            input=stdin.encode(),
            capture_output=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        self.told += [done.stdout, done.stderr]
        return done.stdout.decode()

    def holds(self, data: bytes) -> bool:
        """Whether the token is in it."""
        return any(form in data for form in forms(self.token))


@pytest.fixture
def scene(
    scratch_environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """A home, a keyring, and an installed server that was given the token."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with real_keyring() as keyring:
        environ = with_keyring(scratch_environ, keyring) | {"PYTHONPATH": str(ROOT)}
        home = Home(Paths.of(environ), environ=environ)
        scene = Scene(home, keyring, tmp_path, f"pl{secrets.token_hex(12)}-{tmp_path.name}", [])
        file = tmp_path / "keeper.toml"
        file.write_text(SERVER.format(image=peer_image_id()))
        words = ("install", str(file), "--secret", "acme.key", "--yes", "--json")
        scene.run(*words, stdin=f"{scene.token}\n")
        yield scene
        home.close()


def _processes(scene: Scene) -> set[int]:
    """Processes of this machine with the token in their arguments or environment."""
    found: set[int] = set()
    for folder in Path("/proc").iterdir():
        for part in ("cmdline", "environ") if folder.name.isdigit() else ():
            try:
                data = (folder / part).read_bytes()
            except OSError:
                continue
            if scene.holds(data):
                found.add(int(folder.name))
    return found


def _files(scene: Scene, since: float, *folders: Path) -> list[str]:
    """Files below these folders that are newer than the token and hold it."""
    found: list[str] = []
    for folder in folders:
        for place, _, names in os.walk(folder, onerror=None):
            for name in names:
                path = Path(place) / name
                try:
                    facts = path.lstat()
                    if max(facts.st_mtime, facts.st_ctime) < since or not path.is_file():
                        continue
                    data = path.read_bytes() if facts.st_size < 1 << 28 else b""
                except OSError:
                    continue
                if scene.holds(data):
                    found.append(str(path))
    return found


def _opened(gateway: Talk) -> bool:
    """Whether the gateway's process has loaded what opens a vault."""
    return "cryptography" in Path(f"/proc/{gateway.process.pid}/maps").read_text()


def _engine_says(scene: Scene) -> bytes:
    """All that the engine tells of this home's containers and their images."""
    api = scene.home.engine().client.api
    texts: list[str] = []
    for one in scene.home.engine().containers({HOME: str(scene.home.paths.state)}):
        facts = api.inspect_container(one)
        texts += [json.dumps(facts), json.dumps(api.inspect_image(facts["Image"]))]
        texts += [json.dumps(api.history(facts["Image"])), str(api.diff(one))]
    assert texts
    return "".join(texts).encode()


def test_it_is_in_the_servers_process_and_nowhere_else(scene: Scene) -> None:
    home = scene.home
    # Times of files come from a coarser clock than ours.
    since = home.paths.vault.stat().st_mtime - 30
    docker = Path(scene.home.engine().client.info()["DockerRootDir"])
    shown = tuple(home.paths.state.parent.iterdir())
    with_all = (*shown, scene.keyring.folder, home.paths.home, docker, Path("/run/docker"))
    gateway = Talk([sys.executable, "-m", "mcptui", "gateway", "run"], home.environ)
    gateway.hello()
    assert gateway.ask("tools/list")["result"]["tools"]
    assert not _opened(gateway), "the vault was opened before a server needed it"
    assert gateway.text("keeper__echo", {"text": "alive"}) == "alive"
    assert _opened(gateway)
    having = _processes(scene)
    api = home.engine().client.api
    (container,) = home.engine().containers({HOME: str(home.paths.state)})
    inside = {int(row[1]) for row in api.top(container)["Processes"]}
    assert len(having) == 1, "the server's own process has it, and no other"
    assert having <= inside
    assert not scene.holds(_engine_says(scene))
    assert _files(scene, since, *with_all) == []
    _the_search_finds(scene, since)
    _screens(scene)
    failed = gateway.ask("tools/call", {"name": "keeper__crash", "arguments": {}})
    assert "error" in failed or failed["result"]["isError"]
    assert gateway.text("keeper__echo", {"text": "again"}) == "again"
    _commands(scene)
    gateway.close()
    assert _processes(scene) == set()
    assert _files(scene, since, *with_all, Path("/var/crash"), Path("/var/log")) == []
    assert [text for text in scene.told if scene.holds(text)] == []
    scene.keyring.restart()
    environ = with_keyring(home.environ, scene.keyring)
    assert Home(home.paths, environ=environ).vault().get("acme.key") == scene.token


def _the_search_finds(scene: Scene, since: float) -> None:
    """The search is no good if it would not have found a leak."""
    leak = scene.home.paths.cache / "leak"
    for form in forms(scene.token):
        leak.parent.mkdir(exist_ok=True)
        leak.write_bytes(b"\0 more" + form + b"and more")
        assert _files(scene, since, scene.home.paths.cache) == [str(leak)]
    leak.unlink()


def _commands(scene: Scene) -> None:
    """Every command that shows or writes something of servers, calls and secrets."""
    for words in (
        ("secret", "ls"), ("secret", "ls", "--json"), ("servers", "--json"), ("plan", "keeper"),
        ("plan", "keeper", "--json"), ("logs", "keeper"), ("calls", "--json"), ("problems",),
        ("tools", "--json"), ("gateway", "token"),
        ("calls", "export", str(scene.folder / "calls.jsonl")),
        ("calls", "export", str(scene.folder / "calls.csv")),
    ):  # fmt: skip
        scene.run(*words)
    first = json.loads(scene.run("calls", "--json"))[0]["id"]
    scene.run("calls", "show", str(first), "--json")
    for name in ("calls.jsonl", "calls.csv"):
        data = (scene.folder / name).read_bytes()
        assert b"keeper" in data
        scene.told.append(data)


def _screens(scene: Scene) -> None:
    """Every room, with the details that a key opens."""
    with Terminal([sys.executable, "-m", "mcptui"], scene.home.environ) as screen:
        screen.wait_for("keeper|Servers")
        for room in "123456":
            screen.press(room)
            screen.settle(0.4)
            screen.press("enter")
            screen.settle(0.4)
            screen.press("esc")
        scene.told.append(bytes(screen.raw))
        screen.press("q")
    assert len(scene.told[-1]) > 5_000
