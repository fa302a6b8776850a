"""Arguments of a tool call from the words of a command line, typed by the tool's JSON Schema.

    name=value     the text as the schema wants it: "007" stays a text where one is wanted
    name=a name=b  several items of an array
    name:=json     any JSON, whatever the schema says
    @file, @-      a JSON object with the rest, from a file or from stdin

What the server would refuse anyway is refused here, with the parameter's name, before anything is
started. Servers may be looser or stricter than their schema, so only plain faults count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from mcptui.actions.found import near
from mcptui.errors import UsageError
from mcptui.visible import visible

Schema = Mapping[str, Any]
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
"""JSON Schema's types, and Python's."""


def arguments(
    schema: Schema, words: Iterable[str], read: Callable[[str], str], given: str = ""
) -> dict[str, Any]:
    """Make a call's arguments; see the module.

    Args:
        schema: the tool's inputSchema.
        words: as they stand on the command line.
        read: gives the text of a file, "-" for stdin.
        given: a JSON object that the words add to.

    Raises:
        UsageError: a word is malformed, or the schema forbids what comes out; names the parameter.
    """
    found: dict[str, Any] = _object(given, "--arguments") if given else {}
    said: dict[str, Any] = {}
    for word in words:
        if word.startswith("@"):
            found |= _object(read(word[1:]), word)
            continue
        name, equals, text = word.partition("=")
        if not equals or name in ("", ":"):
            shown = visible(word, limit=80)
            raise UsageError(f"{shown}: no value", fix="Write NAME=VALUE, NAME:=JSON or @FILE")
        if name.endswith(":"):
            said[name[:-1]] = _json(text, name[:-1])
        else:
            _must_be_known(schema, name)
            value = typed(schema, name, text)
            before = said.get(name)
            if isinstance(before, list) and isinstance(value, list):
                value = [*cast("list[Any]", before), *cast("list[Any]", value)]
            elif name in said:
                raise UsageError(f"{_shown(name)} is given twice", fix="One value is enough")
            said[name] = value
    found |= said
    check(schema, found)
    return found


def typed(schema: Schema, name: str, text: str) -> Any:
    """A value from the command line as the tool's schema wants it.

    Raises:
        UsageError: the schema wants something that the text is not.
    """
    part = _part(schema, name)
    kinds = _kinds(schema, part)
    if kinds == {"string"}:
        return text
    if text == "null" and "null" in kinds:
        return None
    if "array" in kinds and not text.lstrip().startswith("["):
        items = _resolved(schema, part.get("items"))
        return [_one(text, _kinds(schema, items) or {"string"}, f"an item of {_shown(name)}")]
    return _one(text, kinds, _shown(name))


def _one(text: str, kinds: set[str], where: str) -> Any:
    try:
        value: Any = json.loads(text)
    except ValueError:
        if not kinds or "string" in kinds:
            return text
        raise _no_such(where, text, kinds) from None
    if not kinds or _is(value, kinds):
        return value
    if "string" in kinds:
        return text
    raise _no_such(where, text, kinds)


def _no_such(where: str, text: str, kinds: set[str]) -> UsageError:
    return UsageError(f"{where}: {visible(text, limit=80)!r} is no {' or '.join(sorted(kinds))}")


def _is(value: Any, kinds: set[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in kinds
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return True  # JSON Schema: 1.0 is an integer
    return any(isinstance(value, KINDS.get(kind, ())) for kind in kinds)


def check(schema: Schema, values: Mapping[str, Any]) -> None:
    """Refuse what the schema plainly forbids.

    Raises:
        UsageError: a parameter is missing, unknown, of another type or no value of its list.
    """
    wanted: Any = schema.get("required")
    required = [str(name) for name in cast("list[Any]", wanted)] if _list(wanted) else []
    missing = [_shown(name) for name in required if name not in values]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} required",
            fix=f"Add {' '.join(f'{name}=…' for name in missing)}",
        )
    for name, value in values.items():
        if schema.get("additionalProperties") is False:
            _must_be_known(schema, name)
        _check_one(schema, name, value)


def _check_one(schema: Schema, name: str, value: Any) -> None:
    part = _part(schema, name)
    kinds = _kinds(schema, part)
    shown = visible(json.dumps(value), limit=80)
    if kinds and not _is(value, kinds):
        raise UsageError(f"{_shown(name)}: {shown} is no {' or '.join(sorted(kinds))}")
    choices: Any = part.get("enum", [part["const"]] if "const" in part else None)
    if _list(choices) and value not in choices:
        known = visible(", ".join(json.dumps(one) for one in choices), limit=300)
        raise UsageError(f"{_shown(name)}: {shown} is none of {known}")


def _must_be_known(schema: Schema, name: str) -> None:
    properties = _properties(schema)
    open_ended = schema.get("additionalProperties") not in (None, False)
    patterns = schema.get("patternProperties")
    if name in properties or not properties or open_ended or patterns:
        return
    names = list(properties)
    raise UsageError(
        f"There is no parameter {_shown(name)}",
        f"known: {visible(', '.join(names), limit=300)}",
        near(name, names),
    )


def _properties(schema: Schema) -> Mapping[str, Any]:
    found: Any = schema.get("properties")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _part(schema: Schema, name: str) -> Schema:
    return _resolved(schema, _properties(schema).get(name))


def _resolved(schema: Schema, part: Any) -> Schema:
    """A part of a schema, after a reference into the same schema."""
    for _ in range(8):
        if not isinstance(part, dict):
            return {}
        reference: Any = cast("dict[str, Any]", part).get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return cast("dict[str, Any]", part)
        part = schema
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            part = cast("dict[str, Any]", part).get(key) if isinstance(part, dict) else None
    return {}


def _kinds(schema: Schema, part: Schema, depth: int = 0) -> set[str]:
    """The types a value may have; empty when the schema leaves it open."""
    wanted: Any = part.get("type")
    if isinstance(wanted, str):
        return {wanted}
    if _list(wanted):
        return {str(kind) for kind in wanted}
    for key in ("anyOf", "oneOf"):
        choices: Any = part.get(key)
        if _list(choices) and depth < 4:
            found = [_kinds(schema, _resolved(schema, one), depth + 1) for one in choices]
            return {kind for kinds in found for kind in kinds} if all(found) else set()
    choices = part.get("enum")
    if _list(choices):
        return {kind for one in choices for kind in KINDS if _is(one, {kind})}
    return set()


def _list(value: Any) -> bool:
    return isinstance(value, list)


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"{_shown(name)} is not JSON", visible(error, limit=200)) from error


def _object(text: str, where: str) -> dict[str, Any]:
    value = _json(text, where)
    if not isinstance(value, dict):
        raise UsageError(f"{_shown(where)} is not a JSON object")
    return cast("dict[str, Any]", value)


def _shown(name: str) -> str:
    return visible(name, limit=80)
