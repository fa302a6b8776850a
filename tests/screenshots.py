"""Take the pictures of the README from the running program: `make screenshots`.

A scratch home gets real servers from the signed catalog, real connected clients and real calls
through a real gateway; then the real app is driven by keys and draws itself. Nothing is made up
but the names of the clients.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mcptui.actions.connect import connect
from mcptui.actions.switch import switch_tool
from mcptui.entry import Choices
from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.tui.app import McptuiApp
from mcptui.tui.feed import Feed
from tests.world import ROOT, install_server, world_environ, write_program

WHERE = ROOT / "screenshots"
HELLO: dict[str, object] = {"protocolVersion": "2025-06-18", "capabilities": {}}
CALLS: dict[str, list[tuple[str, dict[str, object]]]] = {
    "Claude Code": [
        ("time__get_current_time", {"timezone": "Europe/Lisbon"}),
        ("filesystem__list_directory", {"path": "/folders/notes"}),
        ("filesystem__read_text_file", {"path": "/folders/notes/plan.md"}),
        ("filesystem__read_text_file", {"path": "/etc/shadow"}),
        ("filesystem__write_file", {"path": "/folders/notes/plan.md", "content": "gone"}),
        ("memory__create_entities", {"entities": [
            {"name": "Ada", "entityType": "person", "observations": ["likes engines"]}]}),
    ],
    "Cursor": [
        ("time__convert_time", {
            "source_timezone": "UTC", "time": "16:30", "target_timezone": "Asia/Tokyo"}),
        ("memory__search_nodes", {"query": "engines"}),
        ("time__get_current_time", {"timezone": "Atlantis/Capital"}),
        ("filesystem__search_files", {"path": "/folders/notes", "pattern": "*.md"}),
    ],
}  # fmt: skip


def prepare(folder: Path) -> Home:
    """A home as somebody has it after a day."""
    user = folder
    command = write_program(user / ".local" / "bin" / "mcptui")
    environ = {"HOME": str(user), "PATH": os.environ["PATH"]}
    home = Home(Paths.of(environ), environ=environ, gateway_command=(command,))
    (user / ".claude.json").write_text('{\n  "numStartups": 41\n}\n')
    (user / ".cursor").mkdir()
    (user / ".cursor" / "mcp.json").write_text('{\n  "mcpServers": {}\n}\n')
    code = user / ".config" / "Code" / "User"
    code.mkdir(parents=True)
    (code / "mcp.json").write_text(
        "{\n  // shared with the team\n  \"servers\": {\n    \"linear\": {\"command\": \"npx\", "
        "\"args\": [\"linear-mcp\"]}\n  }\n}\n"
    )  # fmt: skip
    notes = user / "notes"
    notes.mkdir(mode=0o755)
    user.chmod(0o755)
    (notes / "plan.md").write_text("# Plan\n\n1. Write it down\n2. Measure it\n")
    install_server(home, "time")
    kept = user / "memory"
    kept.mkdir()
    kept.chmod(0o777)  # the server's user is not ours when this runs as root
    install_server(home, "memory", Choices(mounts={"folder": ((str(kept), True),)}))
    picked = {"folders": ((str(notes), False),)}
    install_server(home, "filesystem", Choices(mounts=picked))
    switch_tool(home, "filesystem", "write_file", False)
    for client in ("claude-code", "cursor"):
        connect(home, client)
    home.store.remember("first-run", {"skipped": True})
    return home


def use(home: Home, client: str, calls: Sequence[tuple[str, dict[str, object]]]) -> None:
    """Call tools as a client does, through a gateway of its own."""
    gateway = subprocess.Popen(
        [*home.gateway_command, "gateway", "run"],
        env=world_environ(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert gateway.stdin is not None
    assert gateway.stdout is not None
    hello: dict[str, object] = {**HELLO, "clientInfo": {"name": client, "version": "1"}}
    requests = [("initialize", hello)]
    requests += [("tools/call", {"name": name, "arguments": given}) for name, given in calls]
    for number, (method, params) in enumerate(requests):
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        gateway.stdin.write(json.dumps(message).encode() + b"\n")
        gateway.stdin.flush()
        while json.loads(gateway.stdout.readline()).get("id") != number:
            pass
    gateway.stdin.close()
    gateway.wait(30)
    gateway.stdout.close()


async def take(home: Home) -> None:
    """Drive the app by keys and let it draw itself."""
    app = McptuiApp(Feed(home))
    app.title = "mcptui"
    async with app.run_test(size=(120, 35)) as pilot:

        async def picture(name: str, *keys: str, seconds: float = 2.0) -> None:
            await pilot.press(*keys)
            await asyncio.sleep(seconds)
            await pilot.pause()
            (WHERE / f"{name}.svg").write_text(without_fonts(app.export_screenshot()))
            print(f"screenshots/{name}.svg")

        await asyncio.sleep(4)
        await pilot.press("escape")
        await picture("catalog", "slash", *"git", "enter")
        await pilot.press("escape", "slash", *"everything", "enter")
        await asyncio.sleep(1)
        await picture("install", "i", seconds=4)
        await pilot.press("escape", "escape")
        await picture("servers", "2", seconds=4)
        await picture("calls", "3", "k", "k")
        await picture("clients", "4", "j", "j")
        await picture("doctor", "6", seconds=5)
        await picture("keys", "2", "question_mark")


def without_fonts(svg: str) -> str:
    """The picture without the address of a font: it must not call home from a README."""
    return re.sub(r"@font-face\s*\{[^}]*\}", "", svg)


def main() -> int:
    """Prepare, use and draw."""
    WHERE.mkdir(exist_ok=True)
    folder = Path(tempfile.gettempdir()) / "ada"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    home = prepare(folder)
    try:
        for client, calls in CALLS.items():
            use(home, client, calls)
        asyncio.run(take(home))
    finally:
        home.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
