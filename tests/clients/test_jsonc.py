"""Reading JSON with comments: what each dialect takes, and what is refused in words."""

from __future__ import annotations

import pytest

from mcptui.clients.jsonc import Dialect, Document, Malformed

PLAIN = Dialect()
LENIENT = Dialect(comments=True, trailing_commas=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        (" \r\n\t", {}),
        ("\ufeff", {}),
        ("\ufeff{}", {}),
        ('{"a": "// no comment /* at all */ ,}"}', {"a": "// no comment /* at all */ ,}"}),
        (r'{"a": "quote \" // still inside"}', {"a": 'quote " // still inside'}),
        ('{"a": 1e400, "b": -0}', {"a": "1e400", "b": "-0"}),
        ('{"a": ' + "9" * 6000 + "}", {"a": "9" * 6000}),
    ],
)
def test_plain_json_is_read(text: str, value: object) -> None:
    document = Document(text, PLAIN)
    assert document.value == value
    assert len(document.plain) == len(document.bare) == len(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("// nothing but this", {}),
        ("/* nor here */\n", {}),
        ('{"a": [1, 2, ], }', {"a": ["1", "2"]}),
        ('{"a": 1 /* , */ , /* } */ }', {"a": "1"}),
        ('{/**/"a"/**/:/**/true/**/}//', {"a": True}),
        ('{"a": 1, // the last\r}', {"a": "1"}),
        ('{"a": "x, }", "b": ",]", }', {"a": "x, }", "b": ",]"}),
        ("\ufeff// marked\n{}", {}),
    ],
)
def test_comments_and_trailing_commas_are_read_where_the_client_reads_them(
    text: str, value: object
) -> None:
    document = Document(text, LENIENT)
    assert document.value == value
    assert len(document.plain) == len(document.bare) == len(text)
    with pytest.raises(Malformed, match=r"line \d+ has a comm"):
        Document(text, PLAIN)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "}",
        "{}{}",
        '{"a": 1',
        '{"a" 1}',
        '{"a": 1 "b": 2}',
        "[,]",
        "{,}",
        '{"a": [1,,]}',
        '{"a": ,}',
        '{"a",}',
        "{'a': 1}",
        "{a: 1}",
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 01}',
        '{"a": "\t"}',
        '{"a": "\\x41"}',
        '{"a": 1/**/2}',
        '{"a": 1} /* open',
        '{"a": "open}',
        "{}\u2028",
        "{}\x0c",
        "{}\ufeff",
        "# comment\n{}",
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Document(text, LENIENT)


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(Malformed, match="line 3"):
        Document('{\n  "a": 1,\n  oops\n}', LENIENT)
    with pytest.raises(Malformed, match="line 2 has a comment"):
        Document('{\n  // why\n  "a": 1\n}', PLAIN)


def test_a_key_that_is_there_twice_is_refused_however_it_is_written() -> None:
    document = Document('{"mcp": {},\n "\\u006dcp": {}}', PLAIN)
    with pytest.raises(Malformed, match="line 2 has the key"):
        document.walk(("mcp",))


@pytest.mark.parametrize("value", ["null", "[]", '"{}"', "1"])
def test_a_map_that_is_no_object_is_refused(value: str) -> None:
    document = Document(f'{{"mcp": {value}}}', PLAIN)
    with pytest.raises(Malformed, match="not an object"):
        document.walk(("mcp",))


def test_an_outermost_array_is_refused() -> None:
    with pytest.raises(Malformed, match="not an object"):
        Document("[]", PLAIN).walk(("mcp",))


def test_positions_hold_in_the_original_text() -> None:
    text = '\ufeff{ /* one */ "a": {"b": 1 /* x */ , }, // two\n "c": [1, 2], }'
    document = Document(text, LENIENT)
    root = document.root()
    assert [text[one.start : one.end] for one in root.members] == ['{"b": 1 /* x */ , }', "[1, 2]"]
    assert [one.comma is not None and text[one.comma] for one in root.members] == [",", ","]
    inner = document.child(root.members[0])
    assert text[inner.start : inner.end] == '{"b": 1 /* x */ , }'
    assert [comment for _, comment in document.comments()] == ["/* one */", "/* x */", "// two"]


def test_a_large_file_is_read_in_linear_time() -> None:
    text = "{" + ",".join(f'"k{n}": ["v", 1, ]' for n in range(100_000)) + ", } // end"
    assert len(Document(text, LENIENT).value) == 100_000
