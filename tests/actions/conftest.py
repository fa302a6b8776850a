"""Rows that many tests of actions begin with."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from mcptui.actions.install import install
from mcptui.entry import Choices, Trust
from mcptui.entry_read import entry_from_dict
from mcptui.errors import McptuiError
from mcptui.home import Home
from mcptui.progress import Step
from mcptui.runtime.image.bases import built_base
from mcptui.runtime.image.work import Work
from mcptui.runtime.owner import HOME
from mcptui.store.rows import Installed

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


PEER = Path(__file__).parents[1] / "fixtures" / "peer.py"
Toml = Callable[..., Path]


@pytest.fixture(scope="session")
def peer_image() -> str:
    """An image of this engine with Python and `tests/fixtures/peer.py` as its program.

    Named by its content, so that all workers and later runs share one; a person's own image as
    far as mcptui knows, so no test removes it.
    """
    home = Home.real()
    home.paths.private(home.paths.cache)
    engine, api = home.engine(), home.engine().client.api
    base = asyncio.run(_base(engine.client, home.paths.cache))
    name = hashlib.sha256(base.encode() + PEER.read_bytes()).hexdigest()[:16]
    reference = f"mcptui-test-peer:{name}"
    try:
        return engine.image_facts(reference).id
    except McptuiError:
        pass
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(PEER, "peer.py")
    made = api.create_container(base, command=["none"], network_disabled=True)["Id"]
    try:
        api.put_archive(made, "/", packed.getvalue())
        change = 'ENTRYPOINT ["/usr/bin/python3", "/peer.py"]\nCMD []\nLABEL mcptui.image=0'
        repository, tag = reference.split(":")
        api.commit(made, repository=repository, tag=tag, changes=change)
    finally:
        api.remove_container(made, force=True)
    home.close()
    return engine.image_facts(reference).id


async def _base(client: Any, cache: Path) -> str:
    work = Work(client, cache, os.environ, lambda step: None)
    await work.thread(work.open)
    try:
        return (await built_base(work, "python", ())).image
    finally:
        await work.thread(work.close)


@pytest.fixture
def toml(tmp_path: Path, peer_image: str) -> Toml:
    """Write a server.toml of the peer; options go to its command line."""

    def write(name: str = "peer", *options: str, more: str = "") -> Path:
        file = tmp_path / f"{name}.toml"
        command = json.dumps(list(options))
        file.write_text(
            f'id = "{name}"\ntitle = "The {name}"\ndescription = "A test."\ncommand = {command}\n'
            f'{more}\n[image]\nlocal = true\ndigest = "{peer_image}"\n'
        )
        return file

    return write


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
