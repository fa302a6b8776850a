"""The subset of JSON Schema in which an entry describes its parameters.

Small enough to draw as a form and to check without a library: an object whose properties are a
string, a whole number, a number, true/false, or a list of strings, each with an optional
description, default, closed list and bounds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from mcptui.fields import Table

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_TYPES = ("string", "integer", "number", "boolean", "array")
_LARGE = 10.0**15
_LONGEST = 8192


def _fits(kind: str, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str) and len(value) <= _LONGEST
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "array":
        items = cast("list[Any]", value) if isinstance(value, list) else [None]
        return len(items) <= 256 and all(_fits("string", item) for item in items)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return kind == "number" or isinstance(value, int)


def value_problem(schema: Mapping[str, Any], value: Any) -> str:
    """Return what keeps `value` from fitting one property's schema, "" when it fits."""
    kind = str(schema.get("type", "string"))
    if not _fits(kind, value):
        wanted = {"array": "a list of strings", "integer": "a whole number", "number": "a number"}
        return f"must be {wanted.get(kind, 'true or false' if kind == 'boolean' else 'a string')}"
    allowed = schema.get("enum")
    chosen = cast("list[Any]", value) if kind == "array" else [value]
    if allowed is not None and any(item not in allowed for item in chosen):
        return f"must be one of {', '.join(str(item) for item in allowed)}"
    if kind in ("integer", "number"):
        least, most = schema.get("minimum", -_LARGE), schema.get("maximum", _LARGE)
        if not least <= value <= most:
            return f"must be from {least:g} to {most:g}"
    return ""


def parameter_problems(schema: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, str]:
    """Compare chosen parameters with an entry's schema.

    Returns:
        Parameter name → what is wrong with it; empty when the entry can run with `chosen`.
    """
    properties = cast("Mapping[str, Mapping[str, Any]]", schema.get("properties", {}))
    problems: dict[str, str] = {}
    for name, value in chosen.items():
        if name not in properties:
            problems[name] = "is not a parameter of this server"
        elif problem := value_problem(properties[name], value):
            problems[name] = problem
    for name in schema.get("required", ()):
        if name not in chosen and "default" not in properties.get(name, {}):
            problems[name] = "is needed"
    return problems


def with_defaults(schema: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return `chosen` with the schema's defaults filled in."""
    properties = cast("Mapping[str, Mapping[str, Any]]", schema.get("properties", {}))
    defaults = {name: rule["default"] for name, rule in properties.items() if "default" in rule}
    return {**defaults, **chosen}


def _property(table: Table) -> dict[str, Any]:
    kind = table.one_of("type", _TYPES, "string")
    rule: dict[str, Any] = {"type": kind}
    for text, limit in (("title", 80), ("description", 400)):
        if table.has(text):
            rule[text] = table.text(text, limit=limit)
    items = table.table("items")
    if (items is not None) != (kind == "array"):
        table.wrong("items", "belongs to a list, and every list needs it")
    if items is not None:
        rule["items"] = {"type": items.one_of("type", ("string",))}
        items.done()
    for bound in ("minimum", "maximum"):
        if table.has(bound):
            if kind not in ("integer", "number"):
                table.wrong(bound, "belongs to numbers only")
            table.number(bound, 0, -_LARGE, _LARGE)
            rule[bound] = table.get(bound)
    if table.has("enum"):
        rule["enum"] = _enum(table, kind)
    if table.has("default"):
        rule["default"] = table.get("default")
        if problem := value_problem(rule, rule["default"]):
            table.wrong("default", problem)
    table.done()
    return rule


def _enum(table: Table, kind: str) -> list[Any]:
    allowed: Any = table.get("enum")
    single = "string" if kind == "array" else kind
    if not isinstance(allowed, list) or not 0 < len(cast("list[Any]", allowed)) <= 256:
        table.wrong("enum", "must be a list of 1 to 256 values")
    items = cast("list[Any]", allowed)
    if not all(_fits(single, item) for item in items):
        table.wrong("enum", f"must hold values of the type {single}")
    return items


def read_parameters(table: Table) -> dict[str, Any]:
    """Read an entry's `parameters`, refusing whatever the subset does not have.

    Returns:
        A JSON Schema object with "type", "properties" and "required".
    """
    table.one_of("type", ("object",), "object")
    names = table.mapping("properties")
    if len(names) > 64:
        table.wrong("properties", f"has {len(names)} parameters, at most 64 are allowed")
    holder = table.table("properties")
    rules: dict[str, Any] = {}
    for name in names:
        if holder is None or not _NAME.fullmatch(name):
            table.wrong(f"properties.{name[:60]}", "must be named by letters, digits, _ and -")
        one = holder.table(name)
        rules[name] = _property(one) if one is not None else {}
    required = table.texts("required", limit=64)
    for name in required:
        if name not in rules:
            table.wrong("required", f"names {name!r}, which is not among the properties")
    table.alone("required", required)
    table.done()
    return {"type": "object", "properties": rules, "required": list(required)}
