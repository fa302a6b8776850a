"""The line of a call in a list says what it asks for."""

from __future__ import annotations

import time

import pytest

from mcptui.gateway.gist import MOST, gist
from mcptui.store import Store
from tests.gateway.conftest import Start, rows
from tests.gateway.local import installed
from tests.gateway.test_trust import pins


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"timezone": "Europe/Paris"}', 'timezone="Europe/Paris"'),
        ('{"q":"retry policy","page":2,"all":true}', 'q="retry policy" page=2 all=true'),
        ('{"paths": ["a", "b"], "at": {"x": 1}}', 'paths=["a","b"] at={"x":1}'),
        ('{"body": "one\\ntwo"}', 'body="one\\ntwo"'),
        ('{"token": "[redacted]"}', 'token="[redacted]"'),
        ("{}", ""),
        ("", ""),
        ("[1, 2]", "[1, 2]"),
        ('{"cut": "in the mid', '{"cut": "in the mid'),
        ('{"odd": "\\ud800"}', '{"odd": "\\ud800"}'),
    ],
)
def test_arguments_in_a_few_words(text: str, wanted: str) -> None:
    assert gist(text) == wanted


def test_it_is_short_and_quick_whatever_comes() -> None:
    began = time.monotonic()
    for text in ('{"a": "' + "x" * 60_000 + '"}', "[" * 2000, '{"a":' * 300, "\ufffd" * 50_000):
        assert 0 < len(gist(text)) <= MOST
    assert time.monotonic() - began < 1


def test_the_row_of_a_call_has_it_without_secrets(start: Start, store: Store) -> None:
    talk = start(installed("one", pins=pins()))
    talk.hello()
    talk.call("one__echo", {"text": "hello there", "password": "correct-horse-battery"})
    what, _, waited = rows(store, 1)[0].what.partition(" · ")
    assert what == 'text="hello there" password="[redacted]"'
    assert waited.startswith("waited ")
