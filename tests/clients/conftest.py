"""One client's file in a scratch folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcptui.home import Home
from tests.clients.world import World


@pytest.fixture
def world(home: Home, tmp_path: Path) -> World:
    """VS Code with a file that does not exist yet."""
    folder = tmp_path / "client"
    folder.mkdir()
    return World(folder / "mcp.json", home.store, home.paths.state)
