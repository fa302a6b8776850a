"""Sign-in with a real authorization server (npm oidc-provider) and a real browser (Chromium).

A person runs `mcptui oauth authorize`, which opens the browser through the same opener as always;
logs in and consents on the pages; the token is in the vault; calls work through real gateways;
the token ends and is renewed once for three of them; signing out ends it everywhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mcptui.entry import OAuth
from mcptui.home import Home
from tests.gateway.remote import process, remote
from tests.gateway.talk import Talk
from tests.real.chromium import chromium, sign_in
from tests.real.terminal import Terminal
from tests.tools import tools
from tests.world import make_home

ROOT = Path(__file__).parents[2]
TTL = 12
"""Seconds an access token lives."""


@dataclass
class World:
    """A home whose vault has a passphrase, and the protected server it has installed."""

    home: Home
    port: int
    environ: dict[str, str]
    opened: Path

    def mcptui(self, *words: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "mcptui", *words], cwd=ROOT, env=self.environ,
            stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, text=True,
        )  # fmt: skip

    def counts(self) -> dict[str, int]:
        """What the protected server saw."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/counts") as answer:
            found: dict[str, int] = json.loads(answer.read())
        return found


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    node, modules = tools().node, tools().modules
    program = str(ROOT / "tests" / "fixtures" / "authorization_server.mjs")
    with process([str(node), program, str(modules), str(TTL)]) as port:
        home = make_home(tmp_path)
        environ = dict(home.environ)
        credentials = tmp_path / "credentials"
        credentials.mkdir()
        (credentials / "mcptui-passphrase").write_text("a passphrase of a test\n")
        environ["CREDENTIALS_DIRECTORY"] = str(credentials)
        environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
        # The opener that real desktops have: an argument list comes in, nothing else.
        opener, opened = tmp_path / "bin" / "xdg-open", tmp_path / "opened"
        opener.parent.mkdir()
        opener.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            f"open({str(opened)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
        )
        opener.chmod(0o755)
        environ["PATH"] = f"{opener.parent}{os.pathsep}{environ['PATH']}"
        environ["DISPLAY"] = ":77"
        home.store.put_install(
            remote("protected", f"http://127.0.0.1:{port}/mcp", oauth=OAuth("Test"))
        )
        yield World(home, port, environ, opened)
        home.close()


@contextmanager
def gateway(world: World) -> Generator[Talk]:
    talk = Talk([sys.executable, "-m", "mcptui", "gateway", "run"], world.environ)
    try:
        talk.hello()
        yield talk
    finally:
        talk.close()


def whoami(talk: Talk) -> dict[str, Any]:
    return talk.call("protected__whoami")


def opened_url(world: World) -> str:
    until = time.monotonic() + 30
    while not world.opened.exists() and time.monotonic() < until:
        time.sleep(0.05)
    arguments = json.loads(world.opened.read_text().splitlines()[-1])
    assert len(arguments) == 1
    return str(arguments[0])


@pytest.mark.node
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_from_nothing_to_a_call_a_renewal_and_the_end(world: World, tmp_path: Path) -> None:
    with gateway(world) as talk:
        refused = whoami(talk)
        assert refused["isError"]
        assert "mcptui oauth authorize protected" in refused["content"][0]["text"]

    command = world.mcptui("oauth", "authorize", "protected", "--json")
    url = opened_url(world)
    with chromium(tmp_path / "profile") as browser:
        browser.go(url)
        sign_in(browser, "alice")
        browser.wait("document.title === 'mcptui'")
        assert "Go back to your terminal" in browser.text()
    out, told = command.communicate(timeout=60)
    assert command.returncode == 0, told
    row = json.loads(out)
    assert row["state"] == "signed in"
    assert row["renews"]
    assert {"read", "write"} <= set(row["scopes"].split())
    assert f"127.0.0.1:{world.port}" in told

    with gateway(world) as one, gateway(world) as two, gateway(world) as three:
        assert whoami(one)["content"][0]["text"].startswith("alice may ")
        before = world.counts()
        time.sleep(TTL)
        with ThreadPoolExecutor(3) as threads:
            texts = [said["content"][0]["text"] for said in threads.map(whoami, (one, two, three))]
        assert all(text.startswith("alice may ") for text in texts)
        after = world.counts()
        assert after["refreshed"] == before["refreshed"] + 1
        assert after["calls"] == before["calls"] + 3

        ended = world.mcptui("oauth", "revoke", "protected")
        assert "revoked the tokens" in "".join(ended.communicate(timeout=60))
        said = whoami(two)
        assert said["isError"]
        assert "mcptui oauth authorize protected" in said["content"][0]["text"]
    listed = world.mcptui("oauth", "ls", "--json")
    rows = json.loads(listed.communicate(timeout=60)[0])
    assert [(row["server"], row["state"]) for row in rows] == [("protected", "needs sign-in")]
    _nothing_lies_around(world)


@pytest.mark.node
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_one_key_on_the_screen(world: World, tmp_path: Path) -> None:
    """The room lists the sign-in; `a` opens the browser; after the consent the call works."""
    program = [sys.executable, "-m", "mcptui"]
    with Terminal(program, world.environ) as terminal:
        terminal.wait_for("1 Catalog")
        terminal.press("5")
        terminal.wait_for("▲ sign in")
        terminal.press("a")
        url = opened_url(world)
        terminal.wait_for("you type at")
        assert f"127.0.0.1:{world.port}" in terminal.text()
        with chromium(tmp_path / "profile") as browser:
            browser.go(url)
            sign_in(browser, "bob")
            browser.wait("document.title === 'mcptui'")
        terminal.wait_for("● signed in")
        assert b"code=" not in bytes(terminal.raw)
        with gateway(world) as talk:
            assert whoami(talk)["content"][0]["text"].startswith("bob may ")
        terminal.press("d")
        terminal.wait_for("revoked")
        terminal.press("enter")
        terminal.wait_for("▲ sign in")
        with gateway(world) as talk:
            assert whoami(talk)["isError"]


def _nothing_lies_around(world: World) -> None:
    """No token and no code is in any file of ours but the sealed vault."""
    found: list[Path] = []
    for path in world.home.paths.state.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            if b"code=" in text or b"access_token" in text or b"Bearer " in text:
                found.append(path)
    assert found == []
