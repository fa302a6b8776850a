"""What a client made with fastmcp sees of one server, as one JSON object on stdout.

Arguments: a config with one server or the address of one, and a JSON list of [tool, arguments].
Run by the interpreter that has fastmcp.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from pathlib import Path
from typing import Any


def plain(value: Any) -> Any:
    """A fastmcp object as JSON; what was not sent is not there."""
    return value.model_dump(mode="json", by_alias=True, exclude_unset=True)


async def main(target: str, calls: str) -> None:
    """List everything and make the calls."""
    fastmcp: Any = importlib.import_module("fastmcp")
    at: Any = target if target.startswith("http") else json.loads(Path(target).read_text("utf-8"))
    async with fastmcp.Client(at) as client:
        seen: dict[str, Any] = {
            "tools": [plain(one) for one in await client.list_tools()],
            "prompts": [plain(one) for one in await client.list_prompts()],
            "resources": [plain(one) for one in await client.list_resources()],
            "calls": [],
        }
        for tool, arguments in json.loads(calls):
            result = await client.call_tool_mcp(tool, arguments)
            seen["calls"].append(plain(result))
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
