"""Lists of servers that go too far: every page, within bounds; a bad item hides no good one."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions.problems import problems
from mcptui.gateway.learn import LEFT_OUT, REFETCH_SECONDS
from mcptui.home import Home
from mcptui.store import Store
from tests.gateway.bridge import modern, peer, told
from tests.gateway.conftest import Start, until
from tests.gateway.talk import Talk


def listed(talk: Talk, server: str = "one") -> list[dict[str, Any]]:
    """The tools of one server, once they are known."""

    def tools() -> list[dict[str, Any]]:
        found = talk.ask("tools/list")["result"]["tools"]
        return [tool for tool in found if tool["name"].startswith(server)]

    until(tools, 40)
    return tools()


def says(store: Store, words: str) -> None:
    """Wait for a line in the server's log."""
    until(lambda: any(words in line.text for line in store.log("one")), 40)


def test_ten_thousand_tools_cost_little_and_others_nothing(start: Start, store: Store) -> None:
    talk = start(peer("one", "legacy", "--lists", "many"), peer("two", "legacy"))
    talk.hello()
    assert talk.text("two__echo", {"text": "on"}) == "on"
    tools = listed(talk)
    assert [tool["name"] for tool in tools] == [f"one__tool-{number}" for number in range(2000)]
    says(store, "more than 2000 items, the rest was left out")
    began = time.monotonic()
    assert len(listed(talk)) == 2000
    assert time.monotonic() - began < 5
    status = Path(f"/proc/{talk.process.pid}/status").read_text("utf-8")
    kilobytes = int(re.findall(r"VmRSS:\s+(\d+)", status)[0])
    assert kilobytes < 200_000


@pytest.mark.parametrize(
    ("kind", "words", "count"),
    [("circle", "go round in a circle", 2), ("heavy", "more than 16 MiB", 83)],
)
def test_lists_without_an_end(
    start: Start, store: Store, kind: str, words: str, count: int
) -> None:
    talk = start(peer("one", "legacy", "--lists", kind))
    talk.hello()
    assert len(listed(talk)) == count
    says(store, words)


def test_a_list_that_changes_with_each_look_is_looked_at_ever_less(
    start: Start, store: Store
) -> None:
    talk = start(peer("one", "legacy", "--lists", "restless"), peer("two", "legacy"))
    began = time.monotonic()
    talk.hello()
    assert listed(talk)
    time.sleep(8)
    looks = len([one for one in requests_of(talk, "one") if one == "tools/list"])
    most = 4 + math.log2((time.monotonic() - began) / REFETCH_SECONDS)
    assert 2 <= looks <= most, (looks, most)
    changes = [line for line in talk.raw if b"tools/list_changed" in line]
    assert len(changes) <= looks + 2, len(changes)
    assert talk.text("two__echo", {"text": "on"}) == "on"


def requests_of(talk: Talk, server: str) -> list[str]:
    """The methods a server was asked for so far."""
    return [one[0] for one in told(talk, server)["requests"]]


def test_bad_items_are_left_out_said_and_shown_and_good_ones_pass_whole(
    start: Start, store: Store, home: Home
) -> None:
    talk = start(peer("one", "legacy", "--lists", "odd"))
    talk.hello()
    tools = listed(talk)
    names = [tool["name"] for tool in tools]
    assert len(set(names)) == len(names) == 7
    assert all(re.fullmatch("[A-Za-z0-9_-]{1,50}", name) for name in names)
    assert "one__a_b" in names and "one__echo" in names
    first = tools[0]
    assert "outputSchema" not in first  # an array: that era's clients refuse the whole list
    assert (first["icons"], first["annotations"]) == ([{"src": "x"}], {"readOnlyHint": True})
    assert first["execution"] == {"x": 1}
    assert first["_meta"] == {"ui": {"resourceUri": "ui://peer/main"}}
    newer = modern(talk, {}, "tools/list")["result"]["tools"]
    assert newer[0]["outputSchema"] == {"type": "array"}
    read = talk.ask("resources/read", {"uri": "ui://peer/main"})["result"]
    assert read["contents"][0]["text"] == "content of ui://peer/main"
    for words in ("'no-schema' has no inputSchema", "its name was there before", "it is no object",
                  "'a.b' is shown to clients as one__a_b_", "prompt 2 of the list was left out",
                  "prompt 3 of the list was left out: it has no name"):  # fmt: skip
        says(store, words)
    until(lambda: len(store.recall(LEFT_OUT + "one", [])) == 6)
    (problem,) = problems(home)
    assert problem.name == "one" and "and 5 more" in problem.text


def test_names_and_addresses_that_two_servers_have_are_both_called_and_reported(
    start: Start, store: Store
) -> None:
    talk = start(peer("one", "legacy"), peer("two", "modern"))
    talk.hello()
    listed(talk, "two__")
    until(lambda: any("'test://one' is left out" in line.text for line in store.log("two")))
    assert any("'test://by/{id}/data' is left out" in line.text for line in store.log("two"))
    uris = [item["uri"] for item in talk.ask("resources/list")["result"]["resources"]]
    assert uris == ["test://one"]
    prompts = [item["name"] for item in talk.ask("prompts/list")["result"]["prompts"]]
    assert prompts == ["one__greet", "two__greet"]
    assert talk.text("one__echo", {"text": "1"}) == "1"
    assert talk.text("two__echo", {"text": "2"}) == "2"
    assert talk.ask("tools/call", {"name": "echo"})["error"]["code"] == -32602
