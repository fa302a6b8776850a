"""Tokens when things go wrong at the worst moment: nothing is lost, told or asked for twice."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcptui.access.callback import listening
from mcptui.access.discovery import CannotSignIn
from mcptui.access.grant import TokenAnswer
from mcptui.access.keychain import Keychain, KeyringShut
from mcptui.access.registration import Registered
from mcptui.access.sign_in import Wanted
from mcptui.access.standing import SignInState, standing
from mcptui.access.tokens import Tokens, tokens_of
from mcptui.actions.remove import remove
from mcptui.actions.sign_in import Client, authorize
from mcptui.entry import Choices, Kind, Remote, Trust
from mcptui.errors import McptuiError, TryAgain
from mcptui.gateway.credentials import HeaderSecrets
from mcptui.gateway.signed_in import SignedIn
from mcptui.gateway.upstream_http_client import NeedsSignIn, Site, Trouble
from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.store import Store
from mcptui.store.rows import Installed
from tests.access.authority import authority, said
from tests.access.browsing import Browser
from tests.access.test_tokens import Folder, grant_of, tokens
from tests.tui.world import entry as catalog_entry


@pytest.fixture
def home(tmp_path: Path) -> Generator[Home]:
    environ = {"HOME": str(tmp_path), "MCPTUI_HOME": str(tmp_path / "m"), "PATH": os.defpath}
    made = Home(Paths.of(environ), environ=environ)
    made.ask_secret = lambda question: "a passphrase of a test"
    yield made
    made.close()


def remote(url: str) -> Installed:
    entry = replace(
        catalog_entry("notes"), kind=Kind.REMOTE, remote=Remote(url, "streamable-http"),
        secrets=(), mounts=(), image=None, package=None, tools=(),
    )  # fmt: skip
    return Installed("s", entry, Choices(), Trust.UNSIGNED, "test", "", 1.0, 1.0)


def test_of_many_calls_refused_at_once_one_renews(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            mine = tokens(tmp_path)
            await mine.keep("s", grant_of(server))
            seam, row = SignedIn(mine, HeaderSecrets()), remote(server.server)
            all_sent = asyncio.Barrier(10)

            async def call(number: int) -> str:
                await seam.headers(row, server.issuer)
                await all_sent.wait()
                await asyncio.sleep(number / 50)  # later refusals come after the renewal
                assert await seam.refused(row, 401, ['Bearer error="invalid_token"'])
                return (await seam.headers(row, server.issuer))["Authorization"]

            got = await asyncio.gather(*(call(number) for number in range(10)))
            assert set(got) == {"Bearer access-1"}
            assert server.renewals == 1

    asyncio.run(run())


def test_a_refusal_that_crosses_the_sign_in_tries_again_with_the_token(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            mine = tokens(tmp_path)
            await mine.keep("s", grant_of(server))
            assert await mine.refused("s", server.server, "", None, 401)
            row = standing(Store.open(tmp_path / "state.db"), "s")
            assert row.state == SignInState.GOOD

    asyncio.run(run())


@pytest.mark.parametrize("left", [3.0, -3.0])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_issuer_that_is_ill_asks_for_no_sign_in(
    tmp_path: Path, left: float, status: int
) -> None:
    async def run() -> None:
        async with authority() as server:
            mine = tokens(tmp_path)
            await mine.keep("s", grant_of(server, seconds=left))
            server.answers["/token"] = lambda _: said({"error": "invalid_grant"}, status)
            if left > 0:
                assert await mine.bearer("s", server.server) == "access-0"
            else:
                with pytest.raises(TryAgain, match=str(status)):
                    await mine.bearer("s", server.server)
                seam = SignedIn(mine, HeaderSecrets())
                site = Site(remote(server.server), server.server, seam)
                with pytest.raises(Trouble) as caught:
                    async with site.ask("POST", {}):
                        pass
                await site.close()
                assert not isinstance(caught.value, NeedsSignIn)
            row = standing(Store.open(tmp_path / "state.db"), "s")
            assert row.state == SignInState.GOOD
            assert await mine.grant("s") is not None

    asyncio.run(run())


def test_a_record_of_another_release_is_no_dead_end(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            mine = tokens(tmp_path)
            await mine.keep("s", grant_of(server))
            Folder(tmp_path / "values").keep("oauth/s", '{"what": "is this"}')
            assert await mine.bearer("s", server.server) is None
            assert await mine.grant("s") is None
            await mine.keep("s", grant_of(server))
            assert await mine.bearer("s", server.server) == "access-0"

    asyncio.run(run())


class _Full(Folder):
    full = False

    def keep(self, name: str, value: str) -> None:
        if self.full:
            raise McptuiError("The vault cannot be written", "the disk is full")
        super().keep(name, value)


def test_a_rotated_token_that_cannot_be_stored_is_used_on(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            tmp_path.joinpath("values").mkdir()
            folder, store = _Full(tmp_path / "values"), Store.open(tmp_path / "state.db")
            mine = Tokens(lambda: folder, lambda: store, tmp_path, time.time)
            await mine.keep("s", grant_of(server, seconds=-5))
            folder.full = True
            for _ in range(3):
                assert await mine.bearer("s", server.server) == "access-1"
            assert server.renewals == 1
            folder.full = False
            assert await mine.refused("s", server.server, "access-1", None, 401)
            assert server.requests[-1].form["refresh_token"] == "refresh-1"

    asyncio.run(run())


def test_who_signed_out_is_signed_out(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            mine = tokens(tmp_path)
            await mine.keep("s", grant_of(server))
            await mine.revoke("s")
            row = standing(Store.open(tmp_path / "state.db"), "s")
            assert (row.state, row.issuer, row.scopes) == (SignInState.NEEDED, "", "")
            assert (row.renews, row.expires_at) == (False, 0.0)

    asyncio.run(run())


def test_another_server_of_the_name_gets_nothing_of_the_removed_one(home: Home) -> None:
    async def run() -> None:
        async with authority() as server:
            home.store.put_install(remote(server.server))
            await authorize(home, "s", Browser().show)
            mine = tokens_of(home)
            assert await mine.bearer("s", server.server) == "access-0"
            async for _ in remove(home, "s"):
                pass
            assert home.vault().find("oauth/s") is None
            assert standing(home.store, "s").state == SignInState.NONE
            home.store.put_install(remote(server.server))
            assert await mine.bearer("s", server.server) is None

    asyncio.run(run())


def test_no_traceback_with_local_variables_shows_a_secret() -> None:
    token = "tok-3f1c"
    shown = [
        TokenAnswer(token, token, "read", 1.0),
        Registered("https://as.test", "id", token),
        Wanted("https://x.test/mcp", client_secret=token),
        Client("id", token),
    ]
    assert token not in repr(shown)


@pytest.mark.parametrize("text", ["http://[", "&".join("abc"), "\udc80", "?" + "a=1&" * 900])
def test_odd_things_that_are_pasted_are_refused_in_words(text: str) -> None:
    async def run() -> None:
        async with listening("state-1") as callback:
            with pytest.raises(CannotSignIn):
                callback.paste(text)
            with pytest.raises(CannotSignIn):
                callback.paste(f"{callback.url}{text}")
            callback.paste(f"{callback.url}?code=c&state=state-1")
            assert (await callback.answer(5))["code"] == "c"

    asyncio.run(run())


def test_a_keyring_that_hangs_gathers_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    until = threading.Event()

    class Hanging:
        def get_password(self, service: str, user: str) -> None:
            until.wait(60)

    def backends(self: Keychain) -> list[Any]:
        return [Hanging()]

    monkeypatch.setattr(Keychain, "_backends", backends)
    for _ in range(8):
        with pytest.raises(KeyringShut, match="does not answer"):
            Keychain({}, "linux", 0.1).read("vault a")
    deadline = time.monotonic() + 20
    while len(waiting := [t for t in threading.enumerate() if t.name == "keyring"]) > 1:
        assert time.monotonic() < deadline, waiting
        time.sleep(0.05)
    until.set()
    for thread in waiting:
        thread.join(20)
