"""A stand-in for a gateway: starts one server, says its container's ID, and waits to be killed."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from mcptui.runtime.engine import Engine
from mcptui.runtime.find import find
from tests.runtime.talk import planned, start


async def main(image: str, folder: str, route: str, *command: str) -> None:
    """Start it and wait."""
    endpoint = find(os.environ, Path.home()).endpoint
    engine = Engine(endpoint, folder=Path(folder))
    talk = await start(engine, planned(engine, image, *command), route)
    await talk.call("echo", text="x")
    sys.stdout.write(talk.container.container_id + "\n")
    sys.stdout.flush()
    await asyncio.sleep(120)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
