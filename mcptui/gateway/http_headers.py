"""The headers of MCP over HTTP that repeat what a message says, so that others need not read it.

`Mcp-Method`, `Mcp-Name` and the `Mcp-Param-…` headers a tool asks for with `x-mcp-header` in its
input schema (MCP 2026-07-28, streamable HTTP). Pure functions for both sides: what a client sends
and what a server compares come from the same rules.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

NAMED_BY: Mapping[str, str] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
"""Method → the parameter that `Mcp-Name` repeats."""
PARAM_PREFIX = "Mcp-Param-"
ANNOTATION = "x-mcp-header"
HEADER_MISMATCH = -32020
"""The error of a server whose headers and body do not say the same."""

_CODED = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_PLAIN = re.compile(r"[\x20-\x7e]*")
_ALLOWED = re.compile(r"[\t\x20-\x7e]*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
_TYPES = ("string", "integer", "boolean")
_INNER = frozenset(
    ("items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames",
     "unevaluatedProperties", "not", "if", "then", "else", "contentSchema")
)  # fmt: skip
_INNER_LISTS = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
_INNER_MAPS = frozenset(("patternProperties", "dependentSchemas", "$defs", "definitions"))


class BadAnnotation(ValueError):
    """A tool asks for a header in a way the standard forbids; says how."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """One argument of a tool that a header repeats.

    Args:
        path: the names of the nested properties that lead to it.
        header: the header's whole name.
        kind: "string", "integer" or "boolean".
    """

    path: tuple[str, ...]
    header: str
    kind: str


def coded(value: str) -> str:
    """A header's value for a text: as it is where HTTP keeps it so, else base64 in its mark."""
    if _PLAIN.fullmatch(value) and value == value.strip() and not _CODED.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode('utf-8', 'surrogatepass')).decode()}?="


def decoded(value: str) -> str | None:
    """The text of a header's value; None when its mark holds what `coded` never writes."""
    found = _CODED.fullmatch(value)
    if found is None:
        return value
    try:
        raw = base64.b64decode(found[1], validate=True)
        return raw.decode() if base64.b64encode(raw).decode() == found[1] else None
    except (binascii.Error, ValueError):
        return None


def mirrors(schema: Any) -> tuple[Mirror, ...]:
    """The arguments that headers repeat, from a tool's input schema.

    Raises:
        BadAnnotation: one of them is not what the standard allows.
    """
    found: dict[str, Mirror] = {}
    for path, position in _positions(schema):
        if ANNOTATION not in position:
            continue
        mirror = _mirror(path, position)
        key = mirror.header.lower()
        if key in found:
            raise BadAnnotation(f"two properties ask for the header {mirror.header}")
        found[key] = mirror
    return tuple(found.values())


def _mirror(path: tuple[str, ...] | None, position: Mapping[str, Any]) -> Mirror:
    if not path:
        raise BadAnnotation(f"{ANNOTATION} stands where no plain property is")
    where = ".".join(path)[:80]
    name, kind = position[ANNOTATION], position.get("type")
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise BadAnnotation(f"the {ANNOTATION} of {where!r} is not the name of a header")
    if kind not in _TYPES:
        raise BadAnnotation(f"{where!r} has {ANNOTATION} and is no string, integer or boolean")
    return Mirror(path, PARAM_PREFIX + name, kind)


def _positions(schema: Any) -> Iterator[tuple[tuple[str, ...] | None, dict[str, Any]]]:
    """Every schema inside a schema, with its path while only `properties` lead to it.

    References are not followed and data (`default`, `enum`, …) is not taken for a schema.
    """
    waiting: list[tuple[tuple[str, ...] | None, Any]] = [((), schema)]
    while waiting:
        path, node = waiting.pop()
        if not isinstance(node, dict):
            continue
        position = cast("dict[str, Any]", node)
        yield path, position
        for key, value in position.items():
            if key == "properties" and isinstance(value, dict):
                for name, inner in cast("dict[str, Any]", value).items():
                    waiting.append(((*path, name) if path is not None else None, inner))
            elif key in _INNER:
                waiting.append((None, value))
            elif key in _INNER_LISTS and isinstance(value, list):
                waiting.extend((None, inner) for inner in cast("list[Any]", value))
            elif key in _INNER_MAPS and isinstance(value, dict):
                waiting.extend((None, inner) for inner in cast("dict[str, Any]", value).values())


def param_headers(wanted: tuple[Mirror, ...], arguments: Any) -> dict[str, str]:
    """The headers that repeat a call's arguments; absent and null ones have none.

    Args:
        wanted: from `mirrors()`.
        arguments: the call's arguments, decoded.
    """
    headers: dict[str, str] = {}
    for mirror in wanted:
        value = _at(arguments, mirror.path)
        if (words := _rendered(value)) is not None:
            headers[mirror.header] = coded(words)
    return headers


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, Any]", value).get(name)
    return value


def _rendered(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    if isinstance(value, str | float):
        return str(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < 4096 else None
    return None


def same(mirror: Mirror, header: str | None, arguments: Any) -> bool:
    """Whether a header that came says what the arguments say; numbers are compared as numbers.

    Args:
        mirror: the argument.
        header: the header's value as it came, None when there is none.
        arguments: the call's arguments, decoded.
    """
    words = _rendered(_at(arguments, mirror.path))
    if words is None or header is None:
        return words is None and header is None
    told = decoded(header) if _ALLOWED.fullmatch(header) else None
    if told == words:
        return True
    if mirror.kind != "integer" or told is None or len(told) > 400:
        return False
    if not _NUMBER.fullmatch(told) or not _NUMBER.fullmatch(words):
        return False
    number = float(told)
    # Above this, doubles take different integers for the same.
    return abs(number) < 2**53 and number == float(words)


def without_bad_annotations(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool's definition for clients over HTTP, who must drop a tool with a wrong annotation.

    A tool that never was behind HTTP may carry such: then its annotations are left out, since no
    header is needed to call it. A definition that is right comes back as it is.
    """
    schema = definition.get("inputSchema")
    try:
        mirrors(schema)
    except BadAnnotation:
        try:
            return {**definition, "inputSchema": _stripped(schema)}
        except RecursionError:
            return {**definition, "inputSchema": {"type": "object"}}
    return definition


def _stripped(schema: Any) -> Any:
    """A copy without annotations at any position that is a schema."""
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    for key, value in cast("dict[str, Any]", schema).items():
        if key == ANNOTATION:
            continue
        if key in _INNER:
            out[key] = _stripped(value)
        elif key in _INNER_LISTS and isinstance(value, list):
            out[key] = [_stripped(inner) for inner in cast("list[Any]", value)]
        elif (key in _INNER_MAPS or key == "properties") and isinstance(value, dict):
            inner = cast("dict[str, Any]", value)
            out[key] = {name: _stripped(one) for name, one in inner.items()}
        else:
            out[key] = value
    return out
