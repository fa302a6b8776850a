"""Lists of hostile servers: too long, too deep, too large, never the same, of odd names."""

from __future__ import annotations

import json
import time
from typing import Any

from mcptui.store import Store
from tests.gateway.conftest import Start, until
from tests.gateway.hostile import do, hostile, known, log, memory, steady, unhurt
from tests.gateway.local import installed
from tests.gateway.talk import Talk

HEAD, TAIL = '{"jsonrpc":"2.0","id":$ID,"result":{"tools":[', "]}}"
SCHEMA = '"inputSchema":{"type":"object"}'
GOOD = '{"name":"do",%s},{"name":"echo",%s}' % (SCHEMA, SCHEMA)  # noqa: UP031


def listed(*tools: str) -> list[list[Any]]:
    """Steps that answer tools/list."""
    return [["line", HEAD + ",".join((GOOD, *tools)) + TAIL]]


def names(talk: Talk) -> list[str]:
    return [tool["name"] for tool in talk.ask("tools/list")["result"]["tools"]]


def test_odd_tools_are_left_out_one_by_one_and_the_rest_stays(start: Start, store: Store) -> None:
    odd = [
        '{"name":"deep1","description":"x","inputSchema":{"type":"object","a":%s}}'
        % ("[" * depth + "]" * depth)
        for depth in (100, 300, 500, 700, 900)
    ]
    odd += [
        f'{{"name":"long","description":"{"x" * (1 << 20)}",{SCHEMA}}}',
        f'{{"name":"half","description":"\\ud83d",{SCHEMA}}}',
        f'{{"name":"h\\ud83dlf",{SCHEMA}}}',
        f'{{"name":"\\u202eesrever",{SCHEMA}}}',
        f'{{"name":"a/../../b {"c" * 100}",{SCHEMA}}}',
        f'{{"name":"nul\\u0000",{SCHEMA}}}',
        f'{{"name":"",{SCHEMA}}}',
        f'{{"name":{{"x":1}},{SCHEMA}}}',
        f'{{"name":"echo","description":"again",{SCHEMA}}}',
        f'{{"name":"big number","x":123456789012345678901234567890,"y":1e400,{SCHEMA}}}',
        '{"name":"loop","inputSchema":{"type":"object","$ref":"#","properties":{"a":'
        '{"$ref":"#/properties/b"},"b":{"$ref":"#/properties/a"}}}}',
        '{"name":"list type","inputSchema":{"type":["object","null"]}}',
        "null", "[]", "5",
    ]  # fmt: skip
    talk = start(hostile(tools_list=listed(*odd)), installed("good"))
    talk.hello()
    assert do(talk, ["answer", "works"]) == "works"
    found = names(talk)
    assert len(found) == len(set(found)) and {"bad__do", "bad__echo", "bad__loop"} <= set(found)
    assert all(len(name) <= 64 and name.isascii() for name in found)
    assert not any("mcptui-" in name for name in found)
    until(lambda: "left out" in log(store))
    assert steady(talk, 5) < 5


def test_a_schema_too_deep_to_be_read_leaves_a_server_that_is_down(start: Start) -> None:
    deep = '{"name":"deep","inputSchema":{"type":"object","a":%s}}' % (
        "[" * 5000 + "]" * 5000  # noqa: UP031
    )
    talk = start(hostile(tools_list=listed(deep)), installed("good"))
    talk.hello()
    answer = do(talk, ["answer", "works"])
    assert answer == "works" or "could not be listed" in answer
    assert steady(talk, 5) < 5


def test_ten_thousand_tools_are_cut_and_cost_a_bounded_time(start: Start, store: Store) -> None:
    talk = start(known(store, start=[["tools", 10_000]]), installed("good"))
    talk.hello()
    quiet = steady(talk, 20)
    began = time.monotonic()
    number = talk.start("tools/call", {"name": "bad__echo", "arguments": {"text": "up"}})
    unhurt(quiet, steady(talk, 20))
    assert talk.wait(number)["result"]["content"][0]["text"] == "up"
    assert time.monotonic() - began < 30
    assert 1000 < len(names(talk)) <= 2100
    until(lambda: "the rest was left out" in log(store))


def test_a_list_of_large_tools_is_bounded_as_a_whole(start: Start, store: Store) -> None:
    talk = start(known(store, start=[["tools", 500, 100_000]]), installed("good"), lists=4 << 20)
    talk.hello()
    quiet, before = steady(talk, 20), memory(talk)
    number = talk.start("tools/call", {"name": "bad__echo", "arguments": {"text": "up"}})
    unhurt(quiet, steady(talk, 20))
    assert talk.wait(number)["result"]["content"][0]["text"] == "up"
    assert memory(talk) - before < 250 << 20
    until(lambda: "MiB, the rest was left out" in log(store))


def test_a_list_that_is_never_the_same_is_remembered_up_to_a_limit(
    start: Start, store: Store
) -> None:
    talk = start(hostile(start=[["fresh", 100]]), installed("good"), tools=300)
    talk.hello()
    do(talk, ["answer", "up"])
    changed = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
    for _ in range(5):
        do(talk, ["line", changed], ["sleep", 1.2], ["answer", "ok"])
    until(lambda: "tools in all, the new ones" in log(store))
    assert len(store.tool_states("bad")) <= 500
    assert steady(talk, 5) < 5


def test_pages_without_end_and_pages_in_a_circle(start: Start, store: Store) -> None:
    circle = HEAD + GOOD + '],"nextCursor":"again"}}'
    endless = HEAD + GOOD + '],"nextCursor":"$N"}}'
    talk = start(
        hostile("circle", tools_list=[["flood", circle, 1]]),
        hostile("endless", tools_list=[["flood", endless, 1]]),
    )
    talk.hello()
    for name in ("circle", "endless"):
        assert talk.text(f"{name}__echo", {"text": name}) == name
    until(lambda: "in a circle" in log(store, "circle"))
    until(lambda: "pages, the rest was left out" in log(store, "endless"))
    assert json.dumps(names(talk)).count("circle__") == 2
