"""One member in, one member out: samples whose exact text a person would have written."""

from __future__ import annotations

import pytest

from mcptui.clients.cut import remove
from mcptui.clients.jsonc import Dialect, Document, Malformed
from mcptui.clients.splice import insert, replace

LENIENT = Dialect(comments=True, trailing_commas=True)
ENTRY = {"command": "/m", "args": ["run"]}
SHORT = '"mcptui": {"command": "/m", "args": ["run"]}'


def put(text: str, *, path: tuple[str, ...] = ("s",), trailing: bool = True) -> str:
    patch = insert(Document(text, LENIENT), path, "mcptui", ENTRY, trailing_comma=trailing)
    after = patch.apply(text)
    assert patch.invert(after) == text
    return after


def body(indent: str, unit: str = "  ", eol: str = "\n") -> str:
    lines = ['"mcptui": {', f'{unit}"command": "/m",', f'{unit}"args": [', f'{unit * 2}"run"',
             f"{unit}]", "}"]  # fmt: skip
    return (eol + indent).join(lines)


SAMPLES = [
    ("{}", '{\n  "s": {\n    ' + body("    ") + "\n  }\n}"),
    ("", '{\n  "s": {\n    ' + body("    ") + "\n  }\n}\n"),
    ("\n", '\n{\n  "s": {\n    ' + body("    ") + "\n  }\n}\n"),
    ('{\n  "s": {}\n}\n', '{\n  "s": {\n    ' + body("    ") + "\n  }\n}\n"),
    (
        '{\n\t"s": {\n\t\t"a": {}\n\t}\n}\n',
        '{\n\t"s": {\n\t\t"a": {},\n\t\t' + body("\t\t", "\t") + "\n\t}\n}\n",
    ),
    (
        '{\r\n    "s": {\r\n        "a": 1\r\n    }\r\n}',
        '{\r\n    "s": {\r\n        "a": 1,\r\n        '
        + body("        ", "    ", "\r\n")
        + "\r\n    }\r\n}",
    ),
    (
        '{\n  "s": {\n    "a": 1 // one\n  }\n}',
        '{\n  "s": {\n    "a": 1, // one\n    ' + body("    ") + "\n  }\n}",
    ),
    (
        '{\n  "s": {\n    "a": 1, // one\n  },\n}',
        '{\n  "s": {\n    "a": 1, // one\n    ' + body("    ") + ",\n  },\n}",
    ),
    (
        '{\n  "s": {\n    // only a comment\n  }\n}',
        '{\n  "s": {\n    // only a comment\n    ' + body("    ") + "\n  }\n}",
    ),
    ('{"s": {"a": 1}}', '{"s": {"a": 1, ' + SHORT + "}}"),
    ('{"s":{"a":1}}', '{"s":{"a":1,"mcptui":{"command":"/m","args":["run"]}}}'),
    ('{"s":{}}', '{"s":{"mcptui":{"command":"/m","args":["run"]}}}'),
    ('{"s": {"a": 1 /* one */}}', '{"s": {"a": 1, /* one */ ' + SHORT + "}}"),
    ('{\n  "s": {"a": 1},\n  "t": 2\n}', '{\n  "s": {"a": 1, ' + SHORT + '},\n  "t": 2\n}'),
    ('{ "t": 1 // one\r}', '{ "t": 1, // one\n  "s": {\n    ' + body("    ") + "\n  }\r}"),
    ("// hello", '// hello\n{\n  "s": {\n    ' + body("    ") + "\n  }\n}\n"),
]


@pytest.mark.parametrize(("before", "after"), SAMPLES)
def test_an_entry_looks_like_the_rest_of_the_file(before: str, after: str) -> None:
    assert put(before) == after


@pytest.mark.parametrize("before", [before for before, _ in SAMPLES if before.strip("\n")])
def test_taking_it_out_where_nothing_is_known_leaves_the_rest(before: str) -> None:
    made = () if '"s"' in before else (("s",),)
    left = remove(Document(put(before), LENIENT), ("s",), "mcptui", made)
    assert Document(left, LENIENT).value == Document(before, LENIENT).value
    assert [one for _, one in Document(left, LENIENT).comments()] == [
        one for _, one in Document(before, LENIENT).comments()
    ]


def test_no_comma_is_left_behind_where_the_client_may_not_read_it() -> None:
    before = '{\n  "s": {\n    "a": 1,\n  }\n}'
    assert put(before, trailing=False) == before.replace("1,", "1,\n    " + body("    "))


def test_maps_are_made_on_the_way() -> None:
    assert put('{"x": 1}', path=("a", "b")) == '{"x": 1, "a": {"b": {' + SHORT + "}}}"


def test_a_comment_behind_the_entry_before_is_not_made_to_swallow_what_follows() -> None:
    text = '{"s": {\n "a": 1, // note\n "mcptui": {}, "b": 2}}'
    assert remove(Document(text, LENIENT), ("s",), "mcptui") == (
        '{"s": {\n "a": 1, // note\n  "b": 2}}'
    )


def test_comments_of_others_stay_when_our_entry_goes() -> None:
    text = '{"s": {\n  // of a\n  "a": 1, // one\n  // of ours\n  "mcptui": {}, // two\n}}'
    assert remove(Document(text, LENIENT), ("s",), "mcptui") == (
        '{"s": {\n  // of a\n  "a": 1, // one\n  // of ours\n   // two\n}}'
    )


def test_a_map_we_made_stays_when_somebody_put_something_in() -> None:
    text = put('{"x": 1}').replace("}}}", '}, "other": {}}}')
    left = remove(Document(text, LENIENT), ("s",), "mcptui", (("s",),))
    assert left == '{"x": 1, "s": {"other": {}}}'


def test_a_value_is_replaced_in_its_place() -> None:
    text = '{\n  "s": {\n    "mcptui": {"command": "x"}, // ours?\n    "b": 1\n  }\n}'
    patch = replace(Document(text, LENIENT), ("s",), "mcptui", ENTRY)
    after = patch.apply(text)
    assert after == text.replace('{"command": "x"}', '{"command": "/m", "args": ["run"]}')
    assert patch.invert(after) == text


def test_a_path_through_something_else_is_refused() -> None:
    for text in ('{"s": []}', '{"s": {}, "s": {}}', "[]"):
        with pytest.raises(Malformed):
            put(text)


def test_a_patch_that_fits_two_places_is_not_turned_round() -> None:
    patch = insert(Document("{}", LENIENT), (), "mcptui", ENTRY, trailing_comma=False)
    after = patch.apply("{}")
    assert patch.invert(" " + after) == " {}"
    assert patch.invert(" " + after + after) is None
