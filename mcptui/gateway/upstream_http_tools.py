"""What a remote server's list of tools means for the headers of calls to them.

Looked at as the list passes: a tool whose `x-mcp-header` annotations are wrong must not be offered
over HTTP and is left out with a word, all others pass as they are, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcptui.gateway.http_headers import BadAnnotation, Mirror, mirrors, param_headers
from mcptui.gateway.wire import MALFORMED, Part, anything, fields, joined, text
from mcptui.visible import visible

MANY = 10_000
"""Tools whose headers are remembered."""


class ToolHeaders:
    """The headers that calls of one server's tools need.

    Args:
        note: told which tool was left out, and why.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._wanted: dict[str, tuple[Mirror, ...]] = {}

    def knows(self, name: str) -> bool:
        """Whether the server listed a tool of this name."""
        return name in self._wanted

    def of_call(self, members: dict[str, Part]) -> dict[str, str]:
        """The headers of a call.

        Args:
            members: the call's params.
        """
        try:
            wanted = self._wanted.get(text(members.get("name", b'""')), ())
            if not wanted:
                return {}
            return param_headers(wanted, anything(members.get("arguments", b"{}")))
        except MALFORMED:
            return {}

    def listed(self, result: Part) -> bytes | None:
        """Take note of a page of `tools/list`.

        Returns:
            The result without the tools that must not be offered, None when it is fine as it is.
        """
        try:
            members = fields(result)
            tools = _array(members["tools"])
        except (*MALFORMED, KeyError):
            return None
        kept = [tool for tool in tools if self._good(tool)]
        if len(kept) == len(tools):
            return None
        members["tools"] = b"[%b]" % b",".join(bytes(tool) for tool in kept)
        return joined(members)

    def _good(self, tool: Part) -> bool:
        name = ""
        try:
            members = fields(tool)
            name = text(members["name"])
            schema: Any = anything(members.get("inputSchema", b"{}"))
            wanted = mirrors(schema)
        except BadAnnotation as error:
            shown = visible(name, limit=80)
            self._note(f"[mcptui] tool {shown!r} was left out: {visible(error, limit=200)}")
            self._wanted.pop(name, None)
            return False
        except (*MALFORMED, KeyError):
            return True  # whoever lists tools says what is wrong with it
        if len(self._wanted) < MANY:
            self._wanted[name] = wanted
        return True


def _array(value: Part) -> list[Part]:
    from mcptui.gateway.wire import decode_batch

    return list(decode_batch(value))
