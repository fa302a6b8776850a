"""`mcptui oauth` in a shell: lists, refusals in words, an answer pasted from another machine."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from mcptui.entry import OAuth
from tests.access.authority import Authority, authority
from tests.gateway.remote import remote
from tests.real.terminal import Terminal
from tests.world import make_home

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Generator[Authority]:
    """An authorization server on a thread of its own."""
    ready, done = threading.Event(), threading.Event()
    found: list[Authority] = []

    async def serve() -> None:
        async with authority() as running:
            found.append(running)
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(30)
    yield found[0]
    done.set()
    thread.join(30)


@pytest.fixture
def environ(tmp_path: Path, server: Authority) -> dict[str, str]:
    home = make_home(tmp_path)
    home.store.put_install(remote("notes", server.server, oauth=OAuth("Notes")))
    home.close()
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "mcptui-passphrase").write_text("a passphrase of a test\n")
    made = {**home.environ, "CREDENTIALS_DIRECTORY": str(credentials)}
    made.pop("DBUS_SESSION_BUS_ADDRESS", None)
    made.pop("DISPLAY", None)
    return made


def mcptui(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcptui", *words], cwd=ROOT, env=environ, text=True,
        capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip


def where_it_ends(url: str) -> str:
    """The address in the address line of a browser elsewhere, where the redirect does not load."""
    return httpx.get(url, follow_redirects=False, trust_env=False).headers["location"]


def test_lists_and_refusals(environ: dict[str, str]) -> None:
    listed = mcptui(environ, "oauth", "--json")
    assert [(row["server"], row["state"]) for row in json.loads(listed.stdout)] == [
        ("notes", "not signed in")
    ]
    assert "Notes" in mcptui(environ, "oauth", "ls").stdout
    unknown = mcptui(environ, "oauth", "authorize", "nobody")
    assert (unknown.returncode, "nobody" in unknown.stderr) == (2, True)
    out = mcptui(environ, "oauth", "revoke", "notes")
    assert out.returncode == 2
    assert "mcptui oauth authorize notes" in out.stderr


def test_the_answer_is_pasted_where_no_browser_can_come_back(
    environ: dict[str, str], server: Authority
) -> None:
    command = [sys.executable, "-m", "mcptui", "oauth", "authorize", "notes", "--no-browser"]
    with Terminal(command, {**environ, "PYTHONPATH": str(ROOT)}, columns=400) as terminal:
        terminal.wait_for("paste it")
        shown = next(line for line in terminal.text().splitlines() if "/authorize?" in line)
        terminal.press("https://elsewhere.example/?code=x", "enter")
        terminal.wait_for("not the address")
        terminal.press(where_it_ends(shown.strip()), "enter")
        terminal.wait_for("Signed in to notes")
    assert [r.form["code"] for r in server.requests if r.path == "/token"] == ["code-1"]
    rows = json.loads(mcptui(environ, "oauth", "--json").stdout)
    assert [(row["state"], row["scopes"]) for row in rows] == [("signed in", "read write")]
    done = mcptui(environ, "oauth", "revoke", "notes", "--json")
    assert json.loads(done.stdout)["server"] == "notes"
    assert server.paths().count("/revoke") == 2
