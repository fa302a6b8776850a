"""Headers that repeat what a message says: the coding, the rules for annotations, the values."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mcptui.gateway.http_headers import (
    BadAnnotation,
    coded,
    decoded,
    mirrors,
    param_headers,
    same,
    without_bad_annotations,
)


def schema(**properties: Any) -> dict[str, Any]:
    """An input schema."""
    return {"type": "object", "properties": properties}


def wants(header: Any, kind: Any = "string") -> dict[str, Any]:
    """A property that asks for a header."""
    return {"type": kind, "x-mcp-header": header}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"), ("with space", "with space"), ("", ""),
        (" edge", "=?base64?IGVkZ2U=?="), ("ä", "=?base64?w6Q=?="), ("a\nb", "=?base64?YQpi?="),
        ("=?base64?eA==?=", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="), ("\x7f", "=?base64?fw==?="),
    ],
)  # fmt: skip
def test_values_keep_what_http_would_lose(text: str, value: str) -> None:
    assert coded(text) == value
    assert decoded(value) == text


def test_any_text_comes_back_and_is_safe_in_a_header() -> None:
    letters = random.Random(3)  # noqa: S311 the same texts each time
    for _ in range(2000):
        text = "".join(chr(letters.choice((letters.randrange(0xD800), 10, 13, 32, 61, 63)))
                       for _ in range(letters.randrange(12)))  # fmt: skip
        value = coded(text)
        assert decoded(value) == text
        assert value.isascii() and value.isprintable() and value == value.strip()


@pytest.mark.parametrize("value", ["=?base64?!?=", "=?base64?eB==?=", "=?base64?/w==?="])
def test_what_is_never_written_is_not_read(value: str) -> None:
    assert decoded(value) is None


@pytest.mark.parametrize(
    "bad",
    [
        schema(a=wants("")), schema(a=wants("two words")), schema(a=wants("a:b")),
        schema(a=wants(7)), schema(a=wants(None)), schema(a=wants("N", "number")),
        schema(a=wants("O", "object")), schema(a=wants("L", ["string", "null"])),
        schema(a=wants("Same"), b=wants("sAME")), schema(a=wants("é")),
        {"type": "object", "x-mcp-header": "Root"},
        schema(a={"type": "array", "items": wants("Deep")}),
        {"type": "object", "anyOf": [schema(a=wants("Maybe"))]},
        {"type": "object", "$defs": {"x": wants("Ref")}},
        schema(a={"type": "object", "if": wants("If")}),
    ],
)  # fmt: skip
def test_annotations_the_standard_forbids(bad: dict[str, Any]) -> None:
    with pytest.raises(BadAnnotation):
        mirrors(bad)
    tool = {"name": "t", "inputSchema": bad}
    kept = without_bad_annotations(tool)
    assert kept["name"] == "t"
    assert mirrors(kept["inputSchema"]) == ()
    assert '"x-mcp-header"' not in str(kept).replace("'", '"')


def test_data_is_no_annotation_and_what_is_right_stays_as_it_is() -> None:
    good = schema(
        a={**wants("Region"), "default": {"x-mcp-header": 1}, "enum": [{"x-mcp-header": 2}]},
        b=schema(c=wants("Deep-Er", "integer")),
    )
    tool = {"name": "t", "inputSchema": good}
    assert without_bad_annotations(tool) is tool
    assert {one.header for one in mirrors(good)} == {"Mcp-Param-Region", "Mcp-Param-Deep-Er"}
    wrong = schema(a=wants("two words"), x={"default": {"x-mcp-header": 1}})
    kept = without_bad_annotations({"inputSchema": wrong})["inputSchema"]
    assert kept["properties"]["x"] == {"default": {"x-mcp-header": 1}}


def test_values_of_calls() -> None:
    found = mirrors(
        schema(
            s=wants("S"), i=wants("I", "integer"), b=wants("B", "boolean"), n=wants("N"),
            o=schema(d=wants("D")), gone=wants("Gone"),
        )
    )  # fmt: skip
    arguments = {"s": "zürich", "i": -42, "b": False, "n": None, "o": {"d": "x"}}
    headers = param_headers(found, arguments)
    assert headers == {
        "Mcp-Param-S": coded("zürich"), "Mcp-Param-I": "-42", "Mcp-Param-B": "false",
        "Mcp-Param-D": "x",
    }  # fmt: skip
    assert all(same(one, headers.get(one.header), arguments) for one in found)
    assert not any(same(one, "other", arguments) for one in found)
    assert param_headers(found, {"i": 7.0, "o": "no object"}) == {"Mcp-Param-I": "7"}
    assert param_headers(found, ["no", "object"]) == {}


def test_numbers_are_compared_as_numbers() -> None:
    (one,) = mirrors(schema(i=wants("I", "integer")))
    assert same(one, "42.0", {"i": 42})
    assert same(one, "4.2e1", {"i": 42})
    assert not same(one, "43", {"i": 42})
    assert not same(one, None, {"i": 42})
    assert not same(one, "42", {})


def test_a_schema_without_end_is_walked_without_a_stack() -> None:
    deep: dict[str, Any] = wants("Deep")
    for _ in range(3000):
        deep = schema(a=deep)
    (one,) = mirrors(deep)
    assert len(one.path) == 3000
    bad: dict[str, Any] = wants("two words")
    for _ in range(3000):
        bad = schema(a=bad)
    assert mirrors(without_bad_annotations({"inputSchema": bad})["inputSchema"]) == ()
