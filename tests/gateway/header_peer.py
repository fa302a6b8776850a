"""The peer with a tool that asks for headers in every way the standard allows.

`[--bad]`: another tool's annotation is one the standard forbids.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.fixtures.peer import Peer, options_of  # noqa: E402 the path is set above


def wants(header: str, kind: str = "string") -> dict[str, Any]:
    """A property that asks for a header."""
    return {"type": kind, "x-mcp-header": header}


def tool(name: str, **properties: Any) -> dict[str, Any]:
    """A tool with an input schema."""
    return {"name": name, "inputSchema": {"type": "object", "properties": properties}}


ROUTED = tool(
    "routed", region=wants("Region"), shard=wants("Shard", "integer"), dry=wants("Dry", "boolean"),
    deep={"type": "object", "properties": {"er": wants("Deep-Er")}}, free={"type": "string"},
)  # fmt: skip
BAD = tool("bad", region=wants("two words"))


class HeaderPeer(Peer):
    """The server."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self.tools[1:1] = [ROUTED, BAD] if options.bad else [ROUTED]

    def on_tools_call(self, identity: Any, params: Any, meta: Any, line: bytes) -> None:
        if params["name"] in ("routed", "bad"):
            self.text(identity, json.dumps(params.get("arguments")))
        else:
            super().on_tools_call(identity, params, meta, line)


if __name__ == "__main__":
    parser = options_of()
    parser.add_argument("--bad", action="store_true")
    HeaderPeer(parser.parse_args()).serve()
