"""Signing in: the way it should go, and every lie on the way, refused before anything leaks."""

from __future__ import annotations

import asyncio
import hashlib
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mcptui.access.discovery import CannotSignIn
from mcptui.access.grant import Grant, TokenRefused
from mcptui.access.public_web import PublicWeb
from mcptui.access.sign_in import Wanted, sign_in
from mcptui.access.url_gate import UrlPolicy, UrlRefused
from mcptui.errors import McptuiError, TryAgain
from tests.access.authority import Authority, Reply, Request, authority, said
from tests.access.browsing import Browser


async def signed_in(server: Authority, browser: Browser | None = None, **wanted: Any) -> Grant:
    browser = browser or Browser()
    web = PublicWeb(UrlPolicy.of(server.server))
    try:
        return await sign_in(
            web, Wanted(server.server, **wanted), browser.show, time.time, seconds=2.0
        )
    finally:
        await web.close()


def test_the_whole_way() -> None:
    async def run() -> None:
        async with authority() as server:
            grant = await signed_in(server)
            assert (grant.access_token, grant.refresh_token) == ("access-0", "refresh-0")
            assert grant.scopes == "read write"
            assert grant.issuer == server.issuer
            assert abs(grant.expires_at - time.time() - 3600) < 60
            registered, authorized, changed = (
                next(r for r in server.requests if r.path == path)
                for path in ("/register", "/authorize", "/token")
            )
            assert b'"application_type": "native"' in registered.body
            query, form = authorized.query, changed.form
            assert query["redirect_uri"].startswith("http://127.0.0.1:")
            assert query["redirect_uri"] == form["redirect_uri"]
            assert query["resource"] == form["resource"] == server.server
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            assert query["code_challenge"] == urlsafe_b64encode(digest).decode().rstrip("=")
            assert query["code_challenge_method"] == "S256"
            assert form["client_id"] == "client-1"

    asyncio.run(run())


def test_nothing_of_the_answer_is_on_the_page_and_it_is_taken_once() -> None:
    async def run() -> None:
        async with authority() as server:
            server.redirect = {"code": "<script>alert(1)</script>"}
            browser = Browser()
            await signed_in(server, browser)
            assert browser.task is not None
            await browser.task
            page = browser.pages[1]
            assert page.status_code == 200
            assert "script" not in page.text
            assert "default-src 'none'" in page.headers["content-security-policy"]
            with pytest.raises(httpx.ConnectError):
                async with httpx.AsyncClient(trust_env=False) as client:
                    await client.get(browser.prompts[0].callback.url)

    asyncio.run(run())


def _without(*keys: str) -> Callable[[str], str]:
    def change(url: str) -> str:
        base, _, query = url.partition("?")
        kept = [pair for pair in query.split("&") if pair.partition("=")[0] not in keys]
        return f"{base}?{'&'.join(kept)}"

    return change


ISSUER_LIES: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    ("another issuer", {"iss": "https://other.example"}, {}),
    ("one that is not announced", {"iss": "https://other.example"},
     {"authorization_response_iss_parameter_supported": None}),
    ("none though announced", {"iss": ""}, {}),
    ("one that differs by a slash", {"iss": "SLASH"}, {}),
    ("an error of another issuer", {"iss": "https://o.example", "error": "x", "code": ""}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("lie", "redirect", "metadata"), ISSUER_LIES, ids=lambda value: str(value))
def test_an_answer_of_another_issuer_sends_no_code(
    lie: str, redirect: dict[str, str], metadata: dict[str, Any]
) -> None:
    async def run() -> None:
        async with authority() as server:
            server.redirect = {
                key: value.replace("SLASH", f"{server.issuer}/") for key, value in redirect.items()
            }
            server.metadata = metadata
            with pytest.raises(CannotSignIn, match="does not come from"):
                await signed_in(server)
            assert "/token" not in server.paths()

    asyncio.run(run())


@pytest.mark.parametrize("keys", [("state",), ("code",)])
def test_an_answer_without_state_is_none_and_without_code_is_a_refusal(keys: tuple[str]) -> None:
    async def run() -> None:
        async with authority() as server:
            expected = TryAgain if keys == ("state",) else CannotSignIn
            with pytest.raises(expected):
                await signed_in(server, Browser(_without(*keys)))
            assert "/token" not in server.paths()

    asyncio.run(run())


def test_a_swapped_state_does_not_end_the_wait_for_the_right_one() -> None:
    async def run() -> None:
        async with authority() as server:
            tried: list[httpx.Response] = []

            class Hasty(Browser):
                async def _open(self, url: str) -> None:
                    callback = self.prompts[0].callback
                    bad = (
                        f"{callback.url}?code=evil&state=guessed",
                        f"{callback.url}?code=evil",
                        f"{callback.url}?code=evil&state={callback.state}&state=x",
                        f"http://127.0.0.1:{callback.port}/callback?code=evil"
                        f"&state={callback.state}",
                    )
                    async with httpx.AsyncClient(trust_env=False) as client:
                        tried.extend([await client.get(address) for address in bad])
                        rebound = {"Host": f"evil.example:{callback.port}"}
                        there = f"{callback.url}?code=evil&state={callback.state}"
                        tried.append(await client.get(there, headers=rebound))
                        tried.append(await client.post(there))
                    await super()._open(url)

            await signed_in(server, Hasty())
            assert [page.status_code for page in tried] == [404] * 6
            assert next(r for r in server.requests if r.path == "/token").form["code"] == "code-1"

    asyncio.run(run())


def _squat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def test_a_port_that_somebody_else_took_is_not_registered_again() -> None:
    async def run() -> None:
        async with authority() as server:
            first = await signed_in(server)
            again = await signed_in(server, before=first)
            assert server.paths().count("/register") == 1
            assert again.redirect == first.redirect
            port = int(first.redirect.split(":")[2].split("/")[0])
            squatter = await asyncio.start_server(_squat, "127.0.0.1", port)
            third = await signed_in(server, before=again)
            squatter.close()
            assert server.paths().count("/register") == 2
            assert third.redirect != first.redirect

    asyncio.run(run())


METADATA_LIES: list[tuple[dict[str, Any], type[McptuiError], str]] = [
    ({"issuer": "https://other.example"}, CannotSignIn, "calls itself"),
    ({"code_challenge_methods_supported": None}, CannotSignIn, "PKCE"),
    ({"code_challenge_methods_supported": ["plain"]}, CannotSignIn, "PKCE"),
    ({"authorization_endpoint": "file:///etc/passwd"}, UrlRefused, "https"),
    ({"authorization_endpoint": "https://x.test/$(calc.exe)"}, UrlRefused, "character"),
    ({"token_endpoint": "http://10.0.0.5/token"}, UrlRefused, "https"),
    ({"token_endpoint": None}, CannotSignIn, "token_endpoint"),
    ({"registration_endpoint": None}, CannotSignIn, "knows no client"),
]


@pytest.mark.parametrize(("metadata", "error", "words"), METADATA_LIES)
def test_a_description_that_does_not_fit_opens_no_browser(
    metadata: dict[str, Any], error: type[McptuiError], words: str
) -> None:
    async def run() -> None:
        async with authority() as server:
            server.metadata = metadata
            browser = Browser()
            with pytest.raises(error, match=words):
                await signed_in(server, browser)
            assert browser.prompts == []
            assert "/token" not in server.paths()

    asyncio.run(run())


def _broken(request: Request) -> Reply:
    return 200, {"Content-Type": "text/html"}, b"<html>"


def _says(body: Any, status: int = 200) -> Callable[[Request], Reply]:
    return lambda request: said(body, status)


def _elsewhere(request: Request) -> Reply:
    return 302, {"Location": "/elsewhere"}, b""


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/.well-known/oauth-authorization-server", _broken, "else than JSON"),
        ("/.well-known/oauth-protected-resource/mcp", _says([]), "else than JSON"),
        ("/.well-known/oauth-protected-resource/mcp",
         _says({"resource": "https://other.example/mcp"}), "other.example"),
        ("/token", _says({"error": "invalid_grant"}, 400), "invalid_grant"),
        ("/token", _says({"access_token": "a b", "token_type": "bearer"}), "header"),
        ("/token", _says({"access_token": "a", "token_type": "mac"}), "mac"),
        ("/token", _elsewhere, "no token"),
        ("/register", _says({"error": "x\x1b]52;c;eA\x07"}, 400), "did not register"),
    ],
)  # fmt: skip
def test_a_broken_answer_is_told_in_words(
    path: str, answer: Callable[[Request], Reply], words: str
) -> None:
    async def run() -> None:
        async with authority() as server:
            server.answers[path] = answer
            with pytest.raises((CannotSignIn, TokenRefused), match=words) as caught:
                await signed_in(server)
            assert "\x1b" not in str(caught.value)
            assert "/elsewhere" not in server.paths()

    asyncio.run(run())


def test_the_client_id_of_one_issuer_is_never_shown_to_another() -> None:
    async def run() -> None:
        async with authority() as old, authority() as new:
            grant = await signed_in(old)
            old.resource = {"authorization_servers": [new.issuer]}
            again = await signed_in(old, before=grant)
            assert again.issuer == new.issuer
            assert "/register" in new.paths()
            assert grant.refresh_token not in b"".join(r.body for r in new.requests).decode()
            by_hand = await signed_in(new, client_id="from-the-publisher")
            new.resource = {"authorization_servers": [old.issuer]}
            with pytest.raises(CannotSignIn, match="changed who signs in"):
                await signed_in(new, before=by_hand)

    asyncio.run(run())


def test_a_step_up_keeps_what_was_granted() -> None:
    async def run() -> None:
        async with authority() as server:
            server.resource = {"scopes_supported": ["read"]}
            grant = await signed_in(server)
            browser = Browser()
            await signed_in(server, browser, before=grant, scope="admin")
            assert browser.prompts[0].scopes == "read admin"

    asyncio.run(run())


def test_an_address_pasted_from_another_machine_is_taken() -> None:
    async def run() -> None:
        async with authority() as server:

            class Remote(Browser):
                async def _open(self, url: str) -> None:
                    callback = self.prompts[0].callback
                    with pytest.raises(CannotSignIn):
                        callback.paste("https://elsewhere.example/?code=1")
                    async with httpx.AsyncClient(trust_env=False) as client:
                        page = await client.get(url)
                    callback.paste(f"  {page.headers['location']}\n")

            assert (await signed_in(server, Remote())).access_token == "access-0"

    asyncio.run(run())
