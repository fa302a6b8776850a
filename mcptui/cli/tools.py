"""`tools`: list, inspect and call what the installed servers offer."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

from mcptui.cli.output import Out
from mcptui.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.actions.servers import ToolRow
    from mcptui.home import Home


def ls(home: Home, given: Namespace, out: Out) -> int:
    """List tools."""
    from mcptui.actions.tools import list_tools

    rows = list_tools(home, tuple(given.servers))
    if out.as_json:
        out.data(rows)
    elif rows:
        out.table(
            ("tool", "", "is", "calls", "what it does"),
            [
                (row.exposed, "on" if row.on else "off", _is(row), row.calls, _first(row))
                for row in rows
            ],
        )
    else:
        out.say("No tools: `mcptui install NAME` brings some")
    return 0


def _is(row: ToolRow) -> str:
    if row.state != "ok":
        return f"▲ {row.state}"
    return "✗ destructive" if row.destroys else "read" if row.reads else "✎ write"


def _first(row: ToolRow) -> str:
    return (row.description.strip().splitlines() or [row.title])[0]


def inspect(home: Home, given: Namespace, out: Out) -> int:
    """Print one tool's whole definition, and what waits to be approved."""
    from mcptui.actions.tools import find_tool

    row = _found(home, given, find_tool)
    if out.as_json:
        out.data(row)
        return 0
    out.text(f"{row.exposed}  ({'on' if row.on else 'off'}, {_is(row)})")
    out.text(row.description)
    if row.definition is not None:
        out.text(json.dumps(row.definition, indent=2))
    if row.state in ("changed", "new"):
        out.say(f"its text waits for you: `mcptui approve {row.server} {row.name}`")
    return 0


def _found(home: Home, given: Namespace, find: Any) -> ToolRow:
    """The tool that was named as `server__tool`, `tool`, or `server tool`."""
    if given.name:
        return find(home, given.name, given.tool)
    return find(home, given.tool)


def call(home: Home, given: Namespace, out: Out) -> int:
    """Call a tool and print its answer; an answer that is an error gives the exit code 1."""
    from mcptui.actions.tools import call_tool, find_tool

    row = find_tool(home, given.tool)
    result = asyncio.run(call_tool(home, row, _arguments(given, row)))
    if out.as_json:
        out.data(result)
    else:
        for item in cast("list[Any]", result.get("content") or []):
            out.text(_text(item))
        if not result.get("content") and "structuredContent" in result:
            out.text(json.dumps(result["structuredContent"], indent=2))
    return 1 if result.get("isError") is True else 0


def _text(item: Any) -> str:
    if isinstance(item, dict):
        known = cast("dict[str, Any]", item)
        if isinstance(known.get("text"), str):
            return known["text"]
        if isinstance(known.get("data"), str):
            return f"({known.get('mimeType', 'data')}, {len(known['data'])} characters of base64)"
    return json.dumps(item)


def _arguments(given: Namespace, row: ToolRow) -> dict[str, Any]:
    """The arguments of a call, from JSON and NAME=VALUE words typed by the tool's schema.

    Raises:
        UsageError: one of them is malformed.
    """
    from mcptui.actions.tools import typed

    found: dict[str, Any] = {}
    if given.arguments:
        try:
            read: Any = json.loads(given.arguments)
        except ValueError as error:
            raise UsageError("--arguments is not JSON", str(error)) from error
        if not isinstance(read, dict):
            raise UsageError("--arguments is not a JSON object")
        found.update(cast("dict[str, Any]", read))
    for word in given.values:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"{word}: no value", fix="Write NAME=VALUE")
        found[name] = typed(row, name, value)
    return found
