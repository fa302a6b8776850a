"""Words of a command line become the arguments a tool's schema wants, or are refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcptui.actions.arguments import arguments, check, typed
from mcptui.errors import UsageError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "deep": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "numbers": {"type": "array", "items": {"$ref": "#/$defs/whole"}},
        "filter": {"type": "object"},
        "mode": {"enum": ["fast", "slow"]},
        "level": {"type": "integer", "enum": [1, 2, 3]},
        "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "any": {},
    },
    "required": ["path"],
    "$defs": {"whole": {"type": "integer"}},
}


def made(
    *words: str, given: str = "", schema: dict[str, Any] = SCHEMA, stdin: str = "", **files: str
) -> Any:
    return arguments(schema, words, lambda name: {"-": stdin, **files}[name], given)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("path=007", "007"), ("path=true", "true"), ("path=", ""), ("path=a=b", "a=b"),
        ("path=@x", "@x"), ("count=7", 7), ("share=1.5", 1.5), ("share=2", 2), ("deep=true", True),
        ("tags=a", ["a"]), ('tags=["a","b"]', ["a", "b"]), ("tags=7", ["7"]), ("numbers=7", [7]),
        ('filter={"a":[1]}', {"a": [1]}), ("mode=fast", "fast"), ("level=2", 2),
        ("maybe=null", None), ("maybe=x", "x"), ("maybe=7", "7"), ("limit=null", None),
        ("limit=5", 5), ("any=5", 5), ("any=x y", "x y"), ("path:=\"a\\nb\"", "a\nb"),
        ("any:=[1,[2]]", [1, [2]]),
    ],
)  # fmt: skip
def test_values_have_the_type_the_schema_wants(word: str, value: object) -> None:
    name = word.partition("=")[0].rstrip(":")
    found = made(word, given='{"path": "p"}')[name]
    assert (found, type(found)) == (value, type(value))


def test_words_add_up() -> None:
    found = made(
        "path=a", "tags=x", "tags=y", "@rest", "count=1", rest='{"count": 9, "deep": true}'
    )
    assert found == {"path": "a", "tags": ["x", "y"], "count": 1, "deep": True}
    assert made("@-", stdin='{"path": "stdin"}') == {"path": "stdin"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["path=a", "count=many"], "count: 'many' is no integer"),
        (["path=a", "count=1.5"], "count: '1.5' is no integer"),
        (["path=a", "deep=yes"], "deep: 'yes' is no boolean"),
        (["path=a", "filter=x"], "filter: 'x' is no object"),
        (["path=a", "numbers=x"], "an item of numbers"),
        (["path=a", "mode=middle"], 'mode: "middle" is none of "fast", "slow"'),
        (["path=a", "level=9"], "level: 9 is none of 1, 2, 3"),
        (["path=a", "count:=[1]"], "count: [1] is no integer"),
        (["count=1"], "path is required"),
        (["path=a", "paht=b"], "no parameter paht"),
        (["path=a", "path=b"], "path is given twice"),
        (["path=a", "deep"], "deep: no value"),
        (["path=a", "any:={"], "any is not JSON"),
        (["path=a", "@list"], "@list is not a JSON object"),
        (["path=a", "limit=x"], "limit: 'x' is no integer or null"),
    ],
)
def test_a_fault_is_told_with_the_parameters_name(words: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        made(*words, list="[1]")
    assert told in str(caught.value)


def test_near_names_are_offered() -> None:
    with pytest.raises(UsageError, match="Did you mean count"):
        made("path=a", "cuont=1")


def test_an_open_schema_takes_what_it_does_not_name() -> None:
    opened = {**SCHEMA, "additionalProperties": True}
    assert made("path=a", "more=1", schema=opened)["more"] == 1
    assert made("x=1", schema={"type": "object"}) == {"x": 1}
    assert made("path=a", "more:=1")["more"] == 1  # JSON Schema allows it unless it says no
    with pytest.raises(UsageError, match="no parameter more"):
        made("path=a", "more:=1", schema={**SCHEMA, "additionalProperties": False})


@pytest.mark.parametrize(
    "schema",
    [
        {}, {"properties": []}, {"required": "x"}, {"properties": {"a": True}},
        {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"properties": {"a": {"anyOf": []}}}, {"properties": {"a": {"type": ["odd", 7]}}},
        {"properties": {"a": {"enum": "x"}}}, {"properties": {"a": {"$ref": "http://x/y"}}},
    ],
)  # fmt: skip
def test_an_odd_schema_of_a_server_breaks_nothing(schema: dict[str, Any]) -> None:
    try:
        typed(schema, "a", "x")
        check(schema, {"a": json.loads("[1]")})
    except UsageError as error:
        assert "a" in str(error)
