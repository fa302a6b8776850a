"""Rows that many tests of actions begin with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions.install import install
from mcptui.entry import Choices, Trust
from mcptui.entry_read import entry_from_dict
from mcptui.home import Home
from mcptui.progress import Step
from mcptui.runtime.owner import HOME
from mcptui.store.rows import Installed
from tests.own_server import Toml, peer_image_id, toml_writer

TOOL: dict[str, Any] = {
    "name": "say",
    "description": "Says what it is told.",
    "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
}


@pytest.fixture
def put(home: Home) -> Callable[..., Installed]:
    """Store an installed server that runs nowhere."""

    def store(name: str = "parrot", **more: Any) -> Installed:
        from mcptui.trust.pins import tool_hash

        tools = more.pop("tools", [TOOL])
        pins = [{"name": t["name"], "hash": tool_hash(t), "definition": t} for t in tools]
        data = {"id": name, "title": name.title(), "image": {"local": True, "digest": IMAGE}}
        row = Installed(
            name=name,
            entry=entry_from_dict({**data, "tools": pins, **more.pop("entry", {})}, "a test"),
            choices=more.pop("choices", Choices()),
            trust=Trust.UNSIGNED,
            origin="a test",
            image_id=IMAGE,
            installed_at=home.clock(),
            updated_at=home.clock(),
        )
        home.store.put_install(row)
        return row

    return store


IMAGE = f"sha256:{'0' * 64}"


@pytest.fixture(scope="session")
def peer_image() -> str:
    """An image of the engine with the fixture servers."""
    return peer_image_id()


@pytest.fixture
def toml(tmp_path: Path, peer_image: str) -> Toml:
    """Writes server.toml files of the peer."""
    return toml_writer(tmp_path, peer_image)


def put_in(home: Home, target: Path | str, **how: Any) -> tuple[Installed, list[Step]]:
    """Install and return the row with all steps."""

    async def run() -> list[Step]:
        return [step async for step in install(home, str(target), **how)]

    steps = asyncio.run(run())
    return steps[-1].result, steps


def walk(steps: AsyncIterator[Step]) -> list[Step]:
    """Run an action to its end."""

    async def run() -> list[Step]:
        return [step async for step in steps]

    return asyncio.run(run())


def containers_of(home: Home) -> list[str]:
    """IDs of this home's containers."""
    return home.engine().containers({HOME: str(home.paths.state)})
