"""What the containers' tests share: one engine a worker, the fixture images, clean ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from mcptui.paths import Paths
from mcptui.runtime.engine import Engine
from mcptui.runtime.find import find
from tests.fixtures.images import fixture_image

Result = TypeVar("Result")


@pytest.fixture(scope="session")
def shared_engine() -> Iterator[Engine]:
    """The real engine; a missing one fails the test."""
    home = Paths.of(os.environ).home
    made = find(os.environ, home)
    yield made
    made.close()


@pytest.fixture
def engine(shared_engine: Engine, tmp_path: Path) -> Iterator[Engine]:
    """The real engine with socket folders of this test's own."""
    version = shared_engine.client.api.api_version
    made = Engine(shared_engine.endpoint, version, folder=tmp_path / "run")
    yield made
    made.close()


@pytest.fixture(scope="session")
def images(shared_engine: Engine) -> dict[str, str]:
    """Flavour → image with the fixture servers."""
    return {name: fixture_image(shared_engine, name) for name in ("python", "node")}


@pytest.fixture
def python_image(images: dict[str, str]) -> str:
    """The image of the Python fixtures."""
    return images["python"]


def run(work: Awaitable[Result], *, fast: bool = False) -> Result:
    """Run a coroutine on a loop of its own, uvloop's when `fast`, as the gateway does."""

    async def main() -> Result:
        return await work

    if not fast:
        return asyncio.run(main())
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())
