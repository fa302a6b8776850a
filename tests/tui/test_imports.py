"""The first frame needs Textual and one room; what is heavy comes when it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "mcp", "docker", "httpx", "authlib", "tuf", "keyring", "cryptography", "securesystemslib",
    "msgspec", "uvloop", "tomlkit", "mcptui.gateway", "mcptui.runtime", "mcptui.catalog",
    "mcptui.clients", "mcptui.actions", "mcptui.tui.sheets.install", "mcptui.tui.rooms.servers",
    "textual.widgets._markdown", "textual.widgets._data_table",
)  # fmt: skip
STORY = """
import sys
from mcptui.home import Home
from mcptui.tui.app import McptuiApp
from mcptui.tui.feed import Feed

class First(McptuiApp):
    def _begin(self):
        self.exit()

First(Feed(Home.real()), room=sys.argv[1]).run(headless=True)
print(*(name for name in sys.argv[2:] if name in sys.modules), sep="\\n")
"""


@pytest.mark.parametrize("room", ["catalog", "doctor", "access", "clients"])
def test_the_first_frame_loads_nothing_heavy(room: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", STORY, room, *HEAVY], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []
