"""`tools`: list, inspect and call what the installed servers offer."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
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

    _learn(home, out, tuple(given.servers))
    rows = list_tools(home, tuple(given.servers))
    if out.as_json:
        out.data(rows)
    elif rows:
        out.table(
            ("tool", "server's own name", "", "is", "calls", "what it does"),
            [
                (
                    row.exposed,
                    f"{row.server} {row.name}",
                    "on" if row.on else "off",
                    _is(row),
                    row.calls,
                    _first(row),
                )
                for row in rows
            ],
        )
    else:
        out.say("No tools: `mcptui install NAME` brings some")
    return 0


def _learn(home: Home, out: Out, servers: tuple[str, ...] = ()) -> None:
    """Start servers nobody knows anything of, so that they say what they offer."""
    from mcptui.actions.tools import learn, unknown_servers

    unknown = unknown_servers(home, servers)
    if unknown:
        out.say(f"starting {', '.join(unknown)} once to hear what it offers…")
        asyncio.run(learn(home, unknown))


def count(home: Home, given: Namespace, out: Out) -> int:
    """Count tools, and about how many tokens they cost a model."""
    from mcptui.actions.tools import count_tools

    _learn(home, out, tuple(given.servers))
    rows = count_tools(home, tuple(given.servers))
    tools, tokens = sum(row.tools for row in rows), sum(row.tokens for row in rows)
    if out.as_json:
        out.data({"tools": tools, "tokens": tokens, "servers": rows})
        return 0
    out.table(
        ("server", "tools", "of", "tokens, about"),
        [(row.server, row.tools, row.all, f"{row.tokens:,}") for row in rows]
        + [("all", tools, sum(row.all for row in rows), f"{tokens:,}")],
    )
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
    from mcptui.actions.arguments import arguments
    from mcptui.actions.tools import call_tool, find_tool, schema_of

    _learn(home, out)
    row = find_tool(home, given.tool)
    values = arguments(schema_of(row), given.values, _read, given.arguments or "")
    result = asyncio.run(call_tool(home, row, values, _Progress(out)))
    if out.as_json:
        out.data(result)
    else:
        for item in cast("list[Any]", result.get("content") or []):
            out.text(_text(item))
        if not result.get("content") and "structuredContent" in result:
            out.text(json.dumps(result["structuredContent"], indent=2))
    return 1 if result.get("isError") is True else 0


class _Progress:
    """Tells how far a call is, on stderr."""

    def __init__(self, out: Out) -> None:
        self._out = out

    def __call__(self, params: Mapping[str, Any]) -> None:
        done, total = params.get("progress"), params.get("total")
        words = f"{done} of {total}" if total is not None else f"{done}"
        self._out.say(f"● {words}  {params.get('message') or ''}".rstrip())


def _read(name: str) -> str:
    """The text of a file, or of stdin.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"@{name} cannot be read", str(error)) from error


def _text(item: Any) -> str:
    if isinstance(item, dict):
        known = cast("dict[str, Any]", item)
        if isinstance(known.get("text"), str):
            return known["text"]
        if isinstance(known.get("data"), str):
            return f"({known.get('mimeType', 'data')}, {len(known['data'])} characters of base64)"
    return json.dumps(item)
