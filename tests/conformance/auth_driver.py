"""What the conformance suite starts as the client under test: our gateway, and a scripted browser.

The last argument is the server's address; MCP_CONFORMANCE_SCENARIO and MCP_CONFORMANCE_CONTEXT say
what is tried. The gateway has that one remote server; what it needs a sign-in for is signed in to
with the same action that the key and the command call.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from mcptui.access.sign_in import Prompt
from mcptui.access.standing import SignInState, standing
from mcptui.actions.sign_in import Client, authorize
from mcptui.errors import McptuiError
from mcptui.gateway.inside import Inside
from mcptui.gateway.launcher import ServerLauncher
from mcptui.gateway.limits import Limits
from mcptui.gateway.serve import Gateway
from mcptui.home import Home
from mcptui.tasks import spawn
from tests.gateway.remote import remote
from tests.world import make_home

SERVER = "under-test"
CIMD = "https://conformance-test.local/client-metadata.json"
TRIES = 3
"""Sign-ins in all: a person gives up on a server that always wants more."""
STUBS: dict[str, Any] = {
    "string": "x", "integer": 0, "number": 0, "boolean": False, "object": {}, "array": [],
}  # fmt: skip


def _show(prompt: Prompt) -> None:
    spawn(_browse(prompt.url), "browser")


async def _browse(url: str) -> None:
    """The suite's sign-in page redirects at once."""
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as browser:
        await browser.get(url)


def _context() -> dict[str, Any]:
    return json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")


async def _signed_in(home: Home, done: list[str]) -> bool:
    """Sign in when the server asked for it; whether anything is different now."""
    state = standing(home.store, SERVER).state
    if state not in (SignInState.NEEDED, SignInState.MORE) or len(done) >= TRIES:
        return False
    done.append(state)
    context = _context()
    client = Client(context.get("client_id", ""), context.get("client_secret", ""))
    await authorize(home, SERVER, _show, client=client)
    return True


async def _open(home: Home, gateway: Gateway, done: list[str]) -> None:
    """Have the gateway learn what the server offers, signing in on the way."""
    for _ in range(TRIES + 1):
        gateway.hub.slots[SERVER].quick_deaths = 0
        link = gateway.hub.open(gateway.hub.sessions[0], SERVER)
        while not getattr(link, "ready", False) and not getattr(link, "dead", ""):
            await asyncio.sleep(0.02)
        if getattr(link, "ready", False):
            return
        if not await _signed_in(home, done):
            raise McptuiError("The server did not open", getattr(link, "dead", str(link)))


async def _call(home: Home, inside: Inside, tool: dict[str, Any], done: list[str]) -> None:
    schema = tool.get("inputSchema", {})
    wanted = {
        name: STUBS.get(schema["properties"].get(name, {}).get("type"), "x")
        for name in schema.get("required", [])
    }
    for _ in range(TRIES + 1):
        said = await inside.ask("tools/call", {"name": tool["name"], "arguments": wanted})
        print("call", said.get("isError"), str(said)[:300], file=sys.stderr)
        if not said.get("isError") or not await _signed_in(home, done):
            return


async def main(url: str) -> None:
    """Do what a user's client would make the gateway do."""
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder))
        read, write = os.pipe()
        os.write(write, b"a passphrase\n")
        os.close(write)
        home.passphrase_fd = read
        home.paths.settings.parent.mkdir(parents=True)
        home.paths.settings.write_text(f'[oauth]\nclient_metadata_url = "{CIMD}"\n', "utf-8")
        home.store.put_install(remote(SERVER, url))
        gateway = Gateway(home, Limits())
        gateway.launch_with(ServerLauncher(home, gateway.id, 1 << 24))
        gateway.load()
        inside = Inside(gateway)
        done: list[str] = []
        async with inside.opened():
            await _open(home, gateway, done)
            listed = await inside.ask("tools/list", {})
            for tool in listed["tools"][:1]:
                await _call(home, inside, tool, done)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[-1]))
