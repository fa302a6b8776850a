"""Real remote servers of third parties behind the gateway: both transports, both eras."""

from __future__ import annotations

import json
import sys
import time
from typing import Any
from urllib.request import urlopen

import pytest

from mcptui.entry import Secret, ToolPin
from mcptui.store import Store
from tests.gateway.conftest import Start, rows, until
from tests.gateway.remote import everything, fastmcp, faulty, remote
from tests.gateway.talk import Talk
from tests.world import ROOT


@pytest.mark.node
@pytest.mark.parametrize("mode", ["streamableHttp", "sse"])
@pytest.mark.parametrize("declared", ["streamable-http", "sse"])
def test_server_everything_over_either_transport(
    start: Start, store: Store, mode: str, declared: str
) -> None:
    """A server is found whatever its entry says of its transport."""
    with everything(mode) as url:
        talk = start(remote("every", url, transport=declared))
        talk.hello(elicitation={"form": {}}, sampling={})
        assert talk.text("every__echo", {"message": "hi\u200d\ufeff"}) == "Echo: hi\u200d\ufeff"
        assert "5" in talk.text("every__get-sum", {"a": 2, "b": 3})
        until(lambda: store.definitions("every"))
        said = store.definitions("every")
        assert said is not None and said.era == "legacy" and len(said.tools) > 8
        assert [row.outcome for row in rows(store, 2)] == ["ok", "ok"]
        (state,) = [row for row in store.states() if row.server == "every"]
        assert (state.state, state.container) == ("running", "")


@pytest.mark.node
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_fastmcp_answers_clients_of_both_eras(start: Start, store: Store, era: str) -> None:
    """The server speaks both; the era that is remembered is the one it is opened with."""
    with fastmcp() as url:
        talk = start(remote("far", url))
        talk.hello()
        assert talk.text("far__echo", {"text": "first"}) == "first"
        until(lambda: (said := store.definitions("far")) is not None and said.era == "modern")
        modern = era == "modern"
        for turn in range(5):
            text = f"{turn} \u200d \U0001f469\u200d\U0001f4bb"
            assert talk.text("far__echo", {"text": text}, modern=modern) == text
        params: dict[str, Any] = {"name": "far__steps", "arguments": {"count": 3}}
        params["_meta"] = {"progressToken": "mine"}
        number = talk.start("tools/call", params, modern=modern)
        for step in (1, 2, 3):
            told = talk.notification("notifications/progress")["params"]
            assert (told["progressToken"], told["progress"]) == ("mine", step)
        assert talk.wait(number)["result"]["content"][0]["text"] == "done"
        until(lambda: talk.ask("prompts/list", modern=modern)["result"]["prompts"])
        until(lambda: talk.ask("resources/list", modern=modern)["result"]["resources"])
        read = talk.ask("resources/read", {"uri": "test://note"}, modern=modern)["result"]
        assert read["contents"][0]["text"] == "a note"
        greeted = talk.ask(
            "prompts/get", {"name": "far__greet", "arguments": {"who": "you"}}, modern=modern
        )
        assert "Hello you" in str(greeted["result"]["messages"])


def test_a_session_that_ends_costs_one_call(start: Start, store: Store) -> None:
    with faulty() as base:
        talk = start(remote("far", f"{base}/legacy/gone"), remote("other", f"{base}/good"))
        talk.hello()
        assert talk.text("other__echo", {"text": "a"}) == "a"
        lost = talk.call("far__echo", {"text": "b"})
        assert lost["isError"] is True
        assert "the server ended the session before this was done" in lost["content"][0]["text"]
        assert talk.text("far__echo", {"text": "c"}) == "c"
        assert [row.outcome for row in rows(store, 3)] == ["ok", "error", "ok"]


def test_a_server_that_does_not_let_us_in_says_what_to_do(start: Start, store: Store) -> None:
    secret = Secret("far.key", "FAR_KEY", where="its page")
    with faulty() as base:
        url = f"{base}/modern/unauthorized"
        talk = start(
            remote("far", url, headers=(("X-Key", "k ${FAR_KEY}"),), secrets=(secret,)),
            remote("open", url),
            remote("other", f"{base}/good"),
        )
        talk.hello()
        for name in ("far", "open"):
            refused = talk.call(f"{name}__echo", {"text": "x"})
            assert refused["isError"] is True
            assert "needs sign-in" in refused["content"][0]["text"]
        assert "FAR_KEY" in str(talk.call("far__echo", {"text": "x"}))
        assert talk.text("other__echo", {"text": "fine"}) == "fine"
        until(lambda: [row for row in store.states() if row.server == "open"
                       and row.state == "down" and "needs sign-in" in row.reason])  # fmt: skip


def test_header_values_come_from_secrets_and_go_nowhere_else(
    start: Start, scratch_environ: dict[str, str]
) -> None:
    scratch_environ["MCPTUI_TEST_SECRETS"] = json.dumps({"far.key": "s3cret-value"})
    secret = Secret("far.key", "FAR_KEY", where="its page")
    headers = (("Authorization", "Bearer ${FAR_KEY}"), ("X-Plain", "yes"))
    with faulty() as base:
        talk = start(
            remote("far", f"{base}/good", headers=headers, secrets=(secret,)),
            remote("lured", f"{base}/modern/other-port", headers=headers, secrets=(secret,)),
        )
        talk.hello()
        assert talk.text("far__echo", {"text": "x"}) == "x"
        assert "redirects to" in talk.text("lured__echo", {"text": "x"})
        with urlopen(f"{base}/seen") as answer:  # noqa: S310 our own server
            asked = json.loads(answer.read())
        assert asked
        for one in asked:
            assert one["headers"]["authorization"] == "Bearer s3cret-value"
            assert one["headers"]["x-plain"] == "yes"
    assert "s3cret" not in "".join(map(str, talk.raw)) + "".join(map(str, talk.errors))


def test_a_tool_known_by_name_only_is_trusted_as_first_seen(start: Start) -> None:
    with faulty() as base:
        pins = (ToolPin("echo", "", ""),)
        talk = start(remote("far", f"{base}/good", pins=pins))
        talk.hello()
        assert talk.text("far__echo", {"text": "x"}) == "x"
    with faulty() as base:
        pins = (ToolPin("echo", "", "sha256:" + "0" * 64),)
        talk = start(remote("pinned", f"{base}/good", pins=pins))
        talk.hello()
        talk.call("pinned__echo", {"text": "x"})
        assert "approve" in talk.text("pinned__echo", {"text": "x"})


def test_the_real_command_needs_no_engine_for_a_remote(
    store: Store, scratch_environ: dict[str, str]
) -> None:
    with faulty() as base:
        store.put_install(remote("far", f"{base}/good"))
        world = {**scratch_environ, "DOCKER_HOST": "unix:///nowhere.sock", "PYTHONPATH": str(ROOT)}
        talk = Talk([sys.executable, "-m", "mcptui", "gateway", "run"], world)
        try:
            talk.hello()
            assert talk.text("far__echo", {"text": "no engine"}) == "no engine"
            assert talk.text("far__echo", {"text": "m"}, modern=True) == "m"
            until(lambda: [row.state for row in store.states()] == ["running"])
        finally:
            assert talk.close() == 0
        assert [row.outcome for row in rows(store, 2)] == ["ok", "ok"]


def test_the_end_of_a_client_ends_the_conversation(start: Start) -> None:
    with faulty() as base:
        talk = start(remote("far", f"{base}/legacy/never"))
        talk.hello()
        talk.start("tools/call", {"name": "far__echo", "arguments": {}})

        def asked() -> list[str]:
            with urlopen(f"{base}/seen") as answer:  # noqa: S310 our own server
                found = json.loads(answer.read())
            return [one["message"].get("method") or one["method"] for one in found]

        until(lambda: "tools/call" in asked())
        began = time.monotonic()
        assert talk.close() == 0
        assert time.monotonic() - began < 5
        assert asked()[-1] == "DELETE"
