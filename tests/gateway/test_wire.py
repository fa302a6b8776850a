"""The wire: ids, half characters, and lists that a client can take."""

from __future__ import annotations

from typing import Any

import pytest

from mcptui.gateway.book import Template, bind
from mcptui.gateway.surrogates import hide, show
from mcptui.gateway.view import ServerView, well_formed
from mcptui.gateway.wire import MALFORMED, canonical_id, decode_envelope, fields, joined
from mcptui.store.rows import Definitions
from tests.gateway.local import installed


@pytest.mark.parametrize(
    ("raw", "identity"),
    [
        (b"1", b"1"), (b"-7", b"-7"), (b"0", b"0"), (b'"a"', b'"a"'), (b'"\\u0061"', b'"a"'),
        (b"9007199254740992", b"9007199254740992"), (b"9007199254740993", None), (b"1.0", None),
        (b"null", None), (b"true", None), (b"[]", None), (b"", None), (b"1e3", None),
        (b'"' + b"x" * 300 + b'"', None),
    ],
)  # fmt: skip
def test_what_may_be_an_id(raw: bytes, identity: bytes | None) -> None:
    assert canonical_id(raw) == identity


@pytest.mark.parametrize(
    "text",
    [
        r'"\ud83d"', r'"a\udc00b"', r'"\ud83d\u0041"', r'"\\ud83d"', r'"\ud83d\ude00"',
        r'"\\\ud83d"', r'"\ud83d\ud83d\ude00"', r'"\uD83D \uDE00"', '"plain"', r'"\u00e9\n"',
    ],
)  # fmt: skip
def test_half_characters_pass_as_they_are(text: str) -> None:
    line = f'{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"a":{text}}}}}'.encode()
    message = decode_envelope(line)
    assert show(joined(fields(message.params))) == f'{{"a":{text}}}'.encode()


def test_a_whole_message_is_left_alone() -> None:
    line = rb'{"a":"\ud83d\ude00 \\ud83d"}'
    assert hide(line) == line
    with pytest.raises(MALFORMED):
        decode_envelope(b'{"jsonrpc":')


def test_of_duplicate_keys_one_is_left() -> None:
    members = fields(rb'{"name":"a","x":[1, 2],"n\u0061me":"b","_meta":{}}')
    assert joined(members) == b'{"name":"b","x":[1, 2],"_meta":{}}'


@pytest.mark.parametrize(
    ("template", "uri", "fits"),
    [
        ("file:///{path}", "file:///a/b", True),
        ("file:///{path}", "http://a", False),
        ("test://{id}/data", "test://7/data", True),
        ("test://{id}/data", "test://7/other", False),
        ("a{x}b{y}c", "a1b2c", True),
        ("a{x}b{y}c", "a1c", False),
        ("plain", "plain", True),
        ("plain", "plainer", False),
        ("ab{x}ba", "aba", False),
    ],
)
def test_templates_choose_a_server(template: str, uri: str, fits: bool) -> None:
    assert Template.of(template).matches(uri) is fits


def test_the_most_exact_template_is_meant_and_hostile_ones_are_quick() -> None:
    views = [
        ServerView(installed(name), Definitions(name, "legacy", "", templates=[shape]), {})
        for name, shape in (
            ("wide", {"uriTemplate": "x://{+any}", "name": "w"}),
            ("exact", {"uriTemplate": "x://a/{id}", "name": "e"}),
            ("hostile", {"uriTemplate": "{a}x" * 500, "name": "h"}),
        )
    ]
    book = bind(views)
    assert book.resource("x://a/1") == "exact"
    assert book.resource("x://b") == "wide"
    assert book.resource("y" * 8000) is None


def test_two_servers_with_one_address_do_not_stop_each_other() -> None:
    views = [
        ServerView(
            installed(name),
            Definitions(name, "legacy", "", resources=[{"uri": "a://b", "name": name}]),
            {},
        )
        for name in ("one", "two")
    ]
    book = bind(views)
    assert book.resource("a://b") == "one"
    assert book.lists["resources/list"][0] == b'{"resources":[{"uri":"a://b","name":"one"}]}'


def test_instructions_are_joined_and_bounded() -> None:
    views = [
        ServerView(installed(f"s{n}"), Definitions(f"s{n}", "legacy", "", instructions="x" * n), {})
        for n in (5, 100_000, 90_000, 80_000, 70_000, 60_000)
    ]
    joined_words = bind(views).instructions
    assert "# s5\nxxxxx" in joined_words
    assert len(joined_words) < 34_000


def test_bad_tools_are_told_and_left_out() -> None:
    told: list[str] = []
    good: dict[str, Any] = {"name": "a", "inputSchema": {"type": "object"}}
    bad: list[Any] = [
        5, {}, {"name": ""}, {"name": "b"}, {"name": "c", "inputSchema": {"type": "array"}}, good,
        {**good, "name": "d\n"}, {**good, "name": "e", "description": 5},
        {**good, "name": "f" * 300},
    ]  # fmt: skip
    assert well_formed([good, *bad], told.append) == [good]
    assert len(told) == len(bad)
