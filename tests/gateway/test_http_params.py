"""Headers that repeat a call's arguments, checked at the front against a running tool's schema."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import Serve
from tests.gateway.http_talk import Answer, HttpGateway, HttpTalk
from tests.gateway.local import installed

PEER = str(Path(__file__).parent / "header_peer.py")
LARGE = 2**53
"""From here on doubles cannot tell all integers apart."""


def coded(text: str) -> str:
    """A text in the mark of headers."""
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A gateway for all tests here: they only ask."""
    from tests.world import make_home

    home = make_home(tmp_path_factory.mktemp("params"))
    for name, era in (("old", "legacy"), ("new", "modern")):
        home.store.put_install(installed(name, sys.executable, PEER, "--era", era, "--bad"))
    gateway = HttpGateway(home.environ)
    talk = HttpTalk(gateway)
    for name in ("old", "new"):
        assert talk.text(f"{name}__echo", {"text": "learnt"}, modern=True) == "learnt"
    yield gateway
    gateway.close()
    home.close()


@pytest.fixture(params=["old", "new"])
def server(request: pytest.FixtureRequest) -> str:
    """A server of each era."""
    name: str = request.param
    return name


def call(
    gateway: HttpGateway, server: str, arguments: Any, headers: dict[str, str], tool: str = "routed"
) -> Answer:
    """Call the tool that asks for headers."""
    told = {f"Mcp-Param-{name}": value for name, value in headers.items()}
    params = {"name": f"{server}__{tool}", "arguments": arguments}
    return HttpTalk(gateway).modern("tools/call", params, told)


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({}, {}),
        ({"free": "x"}, {}),
        ({"region": None, "shard": None, "dry": None, "deep": None}, {}),
        ({"region": None, "deep": {"er": None}}, {}),
        ({"region": "eu"}, {"Region": "eu"}),
        ({"region": "eu"}, {"REGION": "eu"}),
        ({"region": "eu"}, {"region": "eu"}),
        ({"region": "eu"}, {"Region": "  eu "}),
        ({"region": "eu"}, {"Region": coded("eu")}),
        ({"region": "a\tb"}, {"Region": "a\tb"}),
        ({"region": ""}, {"Region": " "}),
        ({"region": "zürich\n🧡"}, {"Region": coded("zürich\n🧡")}),
        ({"region": " edge "}, {"Region": coded(" edge ")}),
        ({"region": "=?base64?eA==?="}, {"Region": coded("=?base64?eA==?=")}),
        ({"region": "=?BASE64?eA==?="}, {"Region": "=?BASE64?eA==?="}),
        ({"shard": 42}, {"Shard": "42"}),
        ({"shard": 42}, {"Shard": "42.0"}),
        ({"shard": 42.0}, {"Shard": "42"}),
        ({"shard": 42}, {"Shard": "4.2e1"}),
        ({"shard": -7}, {"Shard": coded("-7")}),
        ({"shard": 0}, {"Shard": "0"}),
        ({"shard": LARGE + 1}, {"Shard": str(LARGE + 1)}),
        ({"dry": True}, {"Dry": "true"}),
        ({"dry": False}, {"Dry": "false"}),
        ({"deep": {"er": "x"}}, {"Deep-Er": "x"}),
        ({"region": "eu", "shard": 1, "dry": True}, {"Region": "eu", "Shard": "1", "Dry": "true"}),
        ({"free": "x"}, {"Free": "whatever", "Nobody-Asked": "y"}),
    ],
)
def test_what_says_the_same_reaches_the_server(
    world: HttpGateway, server: str, arguments: Any, headers: dict[str, str]
) -> None:
    answer = call(world, server, arguments, headers)
    assert answer.status == 200, answer.body
    assert json.loads(answer.json["result"]["content"][0]["text"]) == arguments


@pytest.mark.parametrize(
    ("arguments", "headers", "about"),
    [
        ({"region": "eu"}, {}, "Mcp-Param-Region is missing"),
        ({"shard": 0}, {}, "Mcp-Param-Shard is missing"),
        ({"dry": False}, {}, "Mcp-Param-Dry is missing"),
        ({"region": ""}, {}, "Mcp-Param-Region is missing"),
        ({"deep": {"er": "x"}}, {}, "Mcp-Param-Deep-Er is missing"),
        ({"region": "eu"}, {"Region": "us"}, "Mcp-Param-Region does not say"),
        ({"region": "eu"}, {"Region": "EU"}, "Mcp-Param-Region does not say"),
        ({"region": "eu"}, {"Region": coded("us")}, "Mcp-Param-Region does not say"),
        ({"region": "eu"}, {"Region": "=?base64?ZXU?="}, "Mcp-Param-Region does not say"),
        ({"region": "eu"}, {"Region": "=?base64?ZX U=?="}, "Mcp-Param-Region does not say"),
        ({"region": "eu"}, {"Region": "=?base64?!!?="}, "Mcp-Param-Region does not say"),
        ({"region": "\ufffd"}, {"Region": "=?base64?/w==?="}, "Mcp-Param-Region does not say"),
        ({"region": "ü"}, {"Region": "ü"}, ""),
        ({}, {"Region": "eu"}, "Mcp-Param-Region does not say"),
        ({"region": None}, {"Region": "null"}, "Mcp-Param-Region does not say"),
        ({"region": None}, {"Region": "eu"}, "Mcp-Param-Region does not say"),
        ({"shard": 42}, {"Shard": "43"}, "Mcp-Param-Shard does not say"),
        ({"shard": 42}, {"Shard": "4_2"}, "Mcp-Param-Shard does not say"),
        ({"shard": 42}, {"Shard": coded(" 42")}, "Mcp-Param-Shard does not say"),
        ({"shard": 42}, {"Shard": coded("٤٢")}, "Mcp-Param-Shard does not say"),
        ({"shard": 42}, {"Shard": "0x2a"}, "Mcp-Param-Shard does not say"),
        ({"shard": LARGE}, {"Shard": str(LARGE + 1)}, "Mcp-Param-Shard does not say"),
        ({"shard": 10**400}, {"Shard": "inf"}, "Mcp-Param-Shard does not say"),
        ({"shard": 1}, {"Shard": "true"}, "Mcp-Param-Shard does not say"),
        ({"dry": True}, {"Dry": "True"}, "Mcp-Param-Dry does not say"),
        ({"dry": True}, {"Dry": "1"}, "Mcp-Param-Dry does not say"),
        ({"deep": {"er": "x"}}, {"Deep-Er": "y"}, "Mcp-Param-Deep-Er does not say"),
        ({"region": "eu", "shard": 1}, {"Region": "eu"}, "Mcp-Param-Shard is missing"),
    ],
)
def test_what_does_not_say_the_same_is_refused(
    world: HttpGateway, server: str, arguments: Any, headers: dict[str, str], about: str
) -> None:
    answer = call(world, server, arguments, headers)
    assert answer.status == 400, answer.body
    assert answer.json["error"]["code"] == -32020
    assert about in answer.json["error"]["message"]
    assert answer.json["id"] == 1


def test_one_that_came_twice_is_refused(world: HttpGateway, server: str) -> None:
    answer = call(world, server, {"region": "eu"}, {"Region": "eu", "REGION": "eu"})
    assert (answer.status, answer.json["error"]["code"]) == (400, -32020)
    assert "more than once" in answer.json["error"]["message"]


def test_a_name_in_a_header_alone_is_refused(world: HttpGateway) -> None:
    answer = HttpTalk(world).modern("tools/call", {"arguments": {}}, {"Mcp-Name": "old__echo"})
    assert (answer.status, answer.json["error"]["code"]) == (400, -32020)


def test_tools_and_clients_that_have_nothing_to_do_with_it(world: HttpGateway, server: str) -> None:
    answer = call(world, server, {"text": "x"}, {"Region": "eu"}, "echo")
    assert answer.json["result"]["content"][0]["text"] == "x"
    older = HttpTalk(world)
    older.hello()
    assert json.loads(older.text(f"{server}__routed", {"region": "eu"})) == {"region": "eu"}


def test_a_forbidden_annotation_is_not_shown_and_asks_for_nothing(
    world: HttpGateway, server: str
) -> None:
    tools = HttpTalk(world).modern("tools/list").json["result"]["tools"]
    schemas = {tool["name"]: tool["inputSchema"]["properties"] for tool in tools
               if "properties" in tool["inputSchema"]}  # fmt: skip
    assert schemas[f"{server}__bad"] == {"region": {"type": "string"}}
    assert schemas[f"{server}__routed"]["region"] == {"type": "string", "x-mcp-header": "Region"}
    answer = call(world, server, {"region": "eu"}, {}, "bad")
    assert json.loads(answer.json["result"]["content"][0]["text"]) == {"region": "eu"}


def test_arguments_that_are_no_object_get_an_answer(serve: Serve, server: str) -> None:
    era = "legacy" if server == "old" else "modern"
    gateway = serve(installed(server, sys.executable, PEER, "--era", era))
    HttpTalk(gateway).text(f"{server}__echo", modern=True)
    odd: list[Any] = [[], "text", 7, None, {"deep": ["er"]}, {"region": {"a": 1}}, {"dry": []}]
    for arguments in odd:
        for headers in ({}, {"Region": "eu"}):
            answer = call(gateway, server, arguments, headers)
            assert answer.status in (200, 400), answer.body
            assert headers == {} or answer.json["error"]["code"] in (-32020, -32602)
    assert HttpTalk(gateway).text(f"{server}__echo", {"text": "on"}, modern=True) == "on"
