"""A remote server that goes wrong, and our HTTP side alone: each fault costs one call, with a word.

Around each conversation `talking` checks that it ends in time, says so once, and leaves no task.
"""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from mcptui.errors import UsageError
from mcptui.gateway.upstream_http_client import checked_url
from tests.gateway.remote import faulty, remote
from tests.gateway.remote_talk import RemoteTalk, talking

BOTH = (False, True)
REASONS = {
    "garbage": "no answer to this request",
    "no-http": "what it sends is no HTTP",
    "half-json": "the connection broke",
    "half-event": "ended before the answer",
    "endless-line": "larger than the limit of 1 MiB",
    "endless-lines": "larger than the limit of 1 MiB",
    "huge-body": "larger than the limit of 1 MiB",
    "told-huge": "larger than the limit of 1 MiB",
    "headers-flood": "no HTTP",
    "elsewhere": "redirects to https://other.example:443",
    "other-port": "redirects to http://127.0.0.1:1,",
    "circle": "redirects more than 5 times",
    "web-page": "text/html, which is no MCP",
    "accepted": "without an answer",
    "bomb": "compressed (gzip)",
    "failing": "HTTP 500",
    "other-id": "no answer to this request",
    "forbidden": "needs sign-in: it answered HTTP 403",
}


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The server that can go wrong in every way."""
    with faulty() as address:
        yield address


def seen(base: str, path: str) -> list[dict[str, Any]]:
    """What the server was asked at a path."""
    with urlopen(f"{base}/seen") as answer:  # noqa: S310 our own server
        return [one for one in json.loads(answer.read()) if one["path"] == path]


def call_of(base: str, path: str, modern: bool) -> tuple[Any, RemoteTalk]:
    """One call in a conversation of its own; gives its answer, and what was heard."""

    async def one() -> tuple[Any, RemoteTalk]:
        async with talking(f"{base}{path}") as talk:
            await talk.open(modern=modern)
            found = await talk.call(text="hi \u200d\ufeff")
            await asyncio.sleep(0.02)
        return found, talk

    return asyncio.run(one())


@pytest.mark.parametrize("modern", BOTH)
@pytest.mark.parametrize("kind", REASONS)
def test_a_fault_fails_that_call_with_the_reason(base: str, kind: str, modern: bool) -> None:
    era = "modern" if modern else "legacy"
    tracemalloc.start()
    found, talk = call_of(base, f"/{era}/{kind}", modern)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, str) and REASONS[kind] in found, found
    assert peak < 8 << 20, "a limit of 1 MiB and the HTTP library"
    assert talk.deaths[0].words == "it was stopped", "the conversation went on"
    assert len(seen(base, f"/{era}/{kind}")) < 14
    calls = [one for one in seen(base, f"/{era}/{kind}") if one["message"].get("method")]
    if kind != "circle":
        assert [one["message"]["method"] for one in calls].count("tools/call") == 1, "sent twice"


@pytest.mark.parametrize("modern", BOTH)
@pytest.mark.parametrize("kind", ["good", "pretty", "lines", "batch"])
def test_every_form_of_an_answer_is_taken(base: str, kind: str, modern: bool) -> None:
    path = "/good" if kind == "good" else f"/{'modern' if modern else 'legacy'}/{kind}"
    found, _ = call_of(base, path, modern)
    assert found["result"]["content"][0]["text"] == "hi \u200d\ufeff"


@pytest.mark.parametrize("modern", BOTH)
def test_an_error_is_passed_as_it_is(base: str, modern: bool) -> None:
    found, talk = call_of(base, f"/{'modern' if modern else 'legacy'}/own-error", modern)
    assert found["error"] == {"code": -31999, "message": "no \u200d", "x": 1}
    assert b'{"code":-31999,"message":"no \xe2\x80\x8d","x":1}' in talk.lines[-1]


def test_a_reset_connection_is_told(base: str) -> None:
    found, _ = call_of(base, "/modern/reset", modern=True)
    assert "connection" in found


def test_redirects_on_the_server_itself_are_followed(base: str) -> None:
    assert call_of(base, "/modern/moved", modern=True)[0]["result"]["content"][0]["text"] == "moved"


def test_a_broken_stream_of_the_older_protocol_is_read_on(base: str) -> None:
    found, _ = call_of(base, "/legacy/resumed", modern=False)
    assert found["result"]["content"][0]["text"] == "resumed"
    (asked,) = [one for one in seen(base, "/legacy/resumed")
                if one["headers"].get("last-event-id")]  # fmt: skip
    assert asked["method"] == "GET" and asked["headers"]["last-event-id"] == "first"
    found, _ = call_of(base, "/legacy/lost", modern=False)
    assert "does not go on with it (HTTP 405)" in found
    found, _ = call_of(base, "/modern/resumed", modern=True)
    assert found == "the connection ended before the answer came"


@pytest.mark.parametrize("modern", BOTH)
def test_credentials_refused_end_the_conversation(base: str, modern: bool) -> None:
    path = f"/{'modern' if modern else 'legacy'}/unauthorized"
    found, talk = call_of(base, path, modern)
    assert found.startswith("needs sign-in: it answered HTTP 401")
    assert talk.deaths[0].words.startswith("needs sign-in")


def test_a_session_that_is_gone_ends_the_conversation(base: str) -> None:
    found, talk = call_of(base, "/legacy/gone", modern=False)
    assert "the server ended the session before this was done" in found
    assert talk.deaths[0].words == "the server ended the session"


def test_headers_of_the_newer_protocol(base: str) -> None:
    async def one() -> None:
        async with talking(f"{base}/modern/annotated") as talk:
            await talk.open(modern=True)
            listed = talk.answer(b"2")
            assert isinstance(listed, dict)
            assert [tool["name"] for tool in listed["result"]["tools"]] == ["echo"]
            assert sum("was left out" in line for line in talk.log) == 2
            await talk.call(text="grüß")

    asyncio.run(one())
    discovered, _, called = seen(base, "/modern/annotated")
    assert discovered["headers"]["mcp-method"] == "server/discover"
    headers = called["headers"]
    assert headers["mcp-protocol-version"] == "2026-07-28"
    assert (headers["mcp-method"], headers["mcp-name"]) == ("tools/call", "echo")
    assert headers["mcp-param-text"] == "=?base64?Z3LDvMOf?="
    assert headers["accept"] == "application/json, text/event-stream"
    assert headers["accept-encoding"] == "identity"
    assert "mcp-session-id" not in headers and "cookie" not in headers


def test_headers_and_the_end_of_an_older_session(base: str) -> None:
    call_of(base, "/legacy/sessions", modern=False)
    asked = seen(base, "/legacy/sessions")
    first, *rest = asked
    assert not {"mcp-session-id", "mcp-protocol-version", "mcp-method"} & set(first["headers"])
    for one in rest:
        assert one["headers"]["mcp-protocol-version"] == "2025-11-25"
        assert one["headers"]["mcp-session-id"].startswith("session-")
        assert "mcp-method" not in one["headers"]
    assert asked[-1]["method"] == "DELETE"
    methods = [one["message"].get("method") for one in asked]
    assert methods.index("notifications/initialized") < methods.index("tools/list")


def test_a_call_refused_for_its_headers_makes_the_gateway_look_again(base: str) -> None:
    found, talk = call_of(base, "/modern/mismatch", modern=True)
    assert found["error"]["code"] == -32020
    assert any(b"tools/list_changed" in line for line in talk.lines)

    async def unlisted() -> list[str]:
        async with talking(f"{base}/modern/mismatch") as talk:
            talk.modern = True
            await talk.ask("server/discover")
            await talk.call(text="x")
        asked = seen(base, "/modern/mismatch")[-4:]
        return [one["message"]["method"] for one in asked]

    assert asyncio.run(unlisted()) == ["server/discover", "tools/call", "tools/list", "tools/call"]


@pytest.mark.parametrize("modern", BOTH)
@pytest.mark.parametrize("kind", ["never", "slow"])
def test_a_call_that_hangs_is_cancelled_at_once(base: str, kind: str, modern: bool) -> None:
    path = f"/{'modern' if modern else 'legacy'}/{kind}"

    async def one() -> None:
        async with talking(f"{base}{path}") as talk:
            await talk.open(modern=modern)
            number = talk.start("tools/call", {"name": "echo"})
            await talk.until(lambda: _called(base, path))
            talk.tell("notifications/cancelled", {"requestId": int(number)})
            if modern:
                await asyncio.sleep(0.1)
            else:
                await talk.until(lambda: _told(base, path))
            assert talk.answer(number) is None

    asyncio.run(one())
    assert bool(_told(base, path)) is not modern, "the newer protocol closes the stream instead"


def _called(base: str, path: str) -> list[Any]:
    return [one for one in seen(base, path) if one["message"].get("method") == "tools/call"]


def _told(base: str, path: str) -> list[Any]:
    methods = [one["message"].get("method") for one in seen(base, path)]
    return [one for one in methods if one == "notifications/cancelled"]


def test_a_subscription_is_opened_again_and_what_was_missed_is_looked_for(base: str) -> None:
    async def one() -> None:
        async with talking(f"{base}/modern/listen") as talk:
            await talk.open(modern=True)
            wanted = {"notifications": {"toolsListChanged": True}}
            talk.start("subscriptions/listen", wanted)
            await talk.until(lambda: [ln for ln in talk.lines if b"tools/list_changed" in ln])
            acknowledged = [ln for ln in talk.lines if b"acknowledged" in ln]
            assert len(acknowledged) == 1
            assert talk.lost == {}

    asyncio.run(one())
    ids = [one["message"]["id"] for one in seen(base, "/modern/listen")
           if one["message"].get("method") == "subscriptions/listen"]  # fmt: skip
    assert len(ids) == len(set(ids)) == 2


def test_the_older_stream_is_heard_and_opened_again_where_it_ended(base: str) -> None:
    async def one() -> None:
        async with talking(f"{base}/legacy/talkative") as talk:
            await talk.open(modern=False)
            await talk.until(
                lambda: sum(b"tools/list_changed" in line for line in talk.lines) >= 2, 15
            )

    asyncio.run(one())
    gets = [one["headers"] for one in seen(base, "/legacy/talkative") if one["method"] == "GET"]
    assert "last-event-id" not in gets[0]
    assert gets[1]["last-event-id"] == "e0"
    assert len(gets) < 8, "no faster than once or twice a second"


@pytest.mark.parametrize("kind", ["fine", "dies", "elsewhere", "mute"])
def test_the_oldest_transport(base: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcptui.gateway.upstream_sse_legacy.ENDPOINT_SECONDS", 0.5)
    url = f"{base}/old-sse/{kind}"

    async def one() -> Any:
        async with talking(url, installed=remote("far", url, transport="sse")) as talk:
            params: dict[str, Any] = {"protocolVersion": "2025-11-25", "capabilities": {}}
            said = await talk.ask("initialize", params)
            if isinstance(said, str):
                return said
            talk.tell("notifications/initialized")
            identity = talk.start("tools/call", {"name": "echo", "arguments": {"text": "old"}})
            return await talk.until(
                lambda: talk.answer(identity) or [death.words for death in talk.deaths]
            )

    found = asyncio.run(one())
    if kind == "fine":
        assert found["result"]["content"][0]["text"] == "old"
    else:
        words = {
            "dies": "its stream of events ended",
            "elsewhere": "posted to https://other.example:443, another server",
            "mute": "names no address to post to",
        }
        assert words[kind] in str(found)


def test_a_server_that_is_not_there() -> None:
    async def one() -> Any:
        async with talking("http://127.0.0.1:9/mcp") as talk:
            return await talk.ask("server/discover")

    began = time.monotonic()
    assert "cannot be reached" in asyncio.run(one())
    assert time.monotonic() - began < 10


def test_many_at_once_are_all_answered(base: str) -> None:
    async def one() -> None:
        async with talking(f"{base}/good") as talk:
            await talk.open(modern=True)
            numbers = [
                talk.start("tools/call", {"name": "echo", "arguments": {"text": f"n{number}"}})
                for number in range(300)
            ]
            await talk.until(lambda: len(talk.lines) + len(talk.lost) >= 302, 60)
            for turn, number in enumerate(numbers):
                found = talk.answer(number)
                assert isinstance(found, dict)
                assert found["result"]["content"][0]["text"] == f"n{turn}"

    asyncio.run(one())


@pytest.mark.parametrize(
    "url",
    ["http://example.com/mcp", "ftp://example.com", "https://user@example.com/", "https://",
     "http://127.0.0.1.nip.io/", "http://0x7f000001/", "https://a b/", "https://exаmple.com/",
     "//example.com", "https://example.com:99999/", "http://localhost.example.com/",
     "https://example.com\\@evil.example/"],
)  # fmt: skip
def test_addresses_that_may_not_be_asked(url: str) -> None:
    with pytest.raises(UsageError, match="The server's address"):
        checked_url(url)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/mcp?x=1", "http://127.0.0.1:1/", "http://[::1]:8/", "https://1.1.1.1/"],
)
def test_addresses_that_may(url: str) -> None:
    assert checked_url(url) == url
