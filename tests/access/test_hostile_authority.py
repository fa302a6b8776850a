"""A hostile sign-in server: whatever it serves, no browser is given it and no packet goes inside.

The action is the one behind the key and the command; the opener writes down what it is given.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from mcptui.access.public_web import PublicTransport, PublicWeb
from mcptui.access.url_gate import UrlPolicy
from mcptui.actions.sign_in import authorize, open_page, sign_ins
from mcptui.errors import McptuiError
from mcptui.home import Home
from mcptui.paths import Paths
from tests.access.authority import Authority, authority, said
from tests.access.browsing import Browser
from tests.access.test_url_gate import REFUSED
from tests.gateway.remote import remote

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "registration_endpoint")


@pytest.fixture
def opened() -> list[str]:
    """What the browser was given."""
    return []


@pytest.fixture
def home(tmp_path: Path, opened: list[str]) -> Generator[Home]:
    environ = {"HOME": str(tmp_path), "MCPTUI_HOME": str(tmp_path / "mcptui"), "DISPLAY": ":1",
               "PATH": os.environ["PATH"]}  # fmt: skip
    made = Home(Paths.of(environ), environ=environ, platform="darwin", open_url=opened.append)
    read, write = os.pipe()
    os.write(write, b"a passphrase of a test\n")
    os.close(write)
    made.passphrase_fd = read
    yield made
    made.close()


async def tried(home: Home, server: Authority) -> McptuiError | None:
    """Sign in as the key does; the error that a person sees."""
    if home.store.installed("hostile") is None:
        home.store.put_install(remote("hostile", server.server))
    browser = Browser()

    def show(prompt: object) -> None:
        open_page(home, prompt)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        browser.show(prompt)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    try:
        await authorize(home, "hostile", show)
    except McptuiError as error:
        return error
    return None


def test_the_opener_never_gets_an_address_that_is_refused(home: Home, opened: list[str]) -> None:
    """Those of CVE-2025-6514 and all others, in each place that a server can name one."""
    shapes = [url for url in REFUSED if url and not url.startswith("http://127.0.0.1")]

    async def run() -> None:
        async with authority() as server:
            for url in shapes:
                if "127.0.0.1" in url or "localhost" in url or "::1" in url:
                    continue  # this test's own server is on loopback, so those may be fetched
                for endpoint in ENDPOINTS:
                    server.metadata = {endpoint: url}
                    assert await tried(home, server) is not None, (endpoint, url)
            server.metadata = {}
            assert await tried(home, server) is None

    asyncio.run(run())
    assert len(opened) == 1
    assert opened[0].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("place", ["authorization_servers", "resource_metadata"])
def test_discovery_leads_to_no_inner_address(home: Home, opened: list[str], place: str) -> None:
    """A public server names inner addresses; the listener that stands for them hears nothing."""

    async def run() -> None:
        async with authority() as inner, authority() as server:
            inside = f"https://inner.example:{inner.port}"

            async def resolver(host: str, port: int) -> list[str]:
                return ["127.0.0.1"]

            policy = UrlPolicy()
            web = PublicWeb(policy, PublicTransport(policy, resolver=resolver))
            for address in (inside, f"http://127.0.0.1:{inner.port}", "https://169.254.169.254"):
                with pytest.raises(McptuiError):
                    await web.get(f"{address}/.well-known/{place}", "It")
            await web.close()
            assert inner.requests == []
            server.resource = {"authorization_servers": ["https://169.254.169.254"]}
            assert await tried(home, server) is not None
            assert inner.requests == []

    asyncio.run(run())
    assert opened == []


def test_another_authority_gets_no_token(home: Home) -> None:
    """The server now names another issuer: it sees neither the old token nor the old client."""

    async def run() -> None:
        async with authority() as server, authority() as other:
            assert await tried(home, server) is None
            before = len(other.requests)
            server.resource = {"authorization_servers": [other.issuer]}
            assert await tried(home, server) is None
            seen = b"".join(request.body for request in other.requests[before:]).decode()
            headers = str([request.headers for request in other.requests])
            for secret in ("access-0", "refresh-0"):
                assert secret not in seen + headers
            assert sign_ins(home)[0].issuer == other.issuer

    asyncio.run(run())


def test_the_answer_is_taken_once(home: Home) -> None:
    """A second visit with the right state, while the code is being changed, is told nothing."""

    async def run() -> None:
        async with authority() as server:
            home.store.put_install(remote("hostile", server.server))
            visits: list[int] = []

            class Twice(Browser):
                async def _open(self, url: str) -> None:
                    server.wait = 0.3  # the token endpoint is slow, the listener still there
                    async with httpx.AsyncClient(trust_env=False) as client:
                        page = await client.get(url)
                        there = page.headers["location"]
                        for code in ("code-1", "evil"):
                            again = there.replace("code-1", code)
                            visits.append((await client.get(again)).status_code)

            await authorize(home, "hostile", Twice().show)
            assert visits == [200, 404]
            codes = [r.form.get("code") for r in server.requests if r.path == "/token"]
            assert codes == ["code-1"]

    asyncio.run(run())


def test_words_of_a_hostile_server_steer_no_terminal(home: Home) -> None:
    async def run() -> None:
        async with authority() as server:
            evil = "\x1b]52;c;ZXZpbA==\x07\u202e[red]"
            server.answers["/token"] = lambda _: said(
                {"error": f"x{evil}", "error_description": evil}, 400
            )
            error = await tried(home, server)
            assert error is not None
            assert not {"\x1b", "\x07", "\u202e"} & set(str(error))

    asyncio.run(run())
