"""A client made with fastmcp, run by the interpreter that has it: lists tools and calls one.

Arguments: a config in the common form, a tool, its arguments as JSON, how many calls. Prints what
it saw as one JSON object; `at` is the clock when an answer was in the client's hands.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any


async def main(config: str, tool: str, arguments: str, count: str) -> None:
    """Talk to the one server of a config."""
    fastmcp: Any = importlib.import_module("fastmcp")
    seen: dict[str, Any] = {"answers": []}
    async with fastmcp.Client(json.loads(Path(config).read_text("utf-8"))) as client:
        seen["tools"] = [listed.name for listed in await client.list_tools()]
        for _ in range(int(count)):
            result = await client.call_tool(tool, json.loads(arguments))
            at = time.time()
            seen["answers"].append({"at": at, "text": result.content[0].text})
            # The next call must not hide when the row of this one came.
            await asyncio.sleep(0.5)
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
