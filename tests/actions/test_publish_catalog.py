"""Publishing as a maintainer does it: keys named or told off, and nothing half-published."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mcptui.actions.publish_catalog import KEYS, publish_catalog
from mcptui.errors import McptuiError, UsageError
from mcptui.home import Home
from mcptui.progress import Step, StepState
from tests.forge import CatalogForge


@pytest.fixture
def forge(tmp_path: Path) -> CatalogForge:
    """A publisher with sources and keys, nothing published yet."""
    return CatalogForge(tmp_path / "forge")


def publish(
    home: Home, forge: CatalogForge, keys: Path | None, output: Path | None = None
) -> list[Step]:
    async def collect() -> list[Step]:
        steps = publish_catalog(home, forge.sources, keys, output, anchor=forge.anchor)
        return [step async for step in steps]

    return asyncio.run(collect())


def test_a_catalog_is_published_into_its_folder(home: Home, forge: CatalogForge) -> None:
    steps = publish(home, forge, forge.keys)
    assert [(step.key, step.state) for step in steps if step.state is StepState.DONE] == [
        ("build", StepState.DONE),
        ("sign", StepState.DONE),
    ]
    assert steps[-1].result == 1
    assert (forge.sources / "metadata" / "timestamp.json").is_file()
    assert publish(home, forge, forge.keys)[-1].detail == "version 1, same database, signed anew"
    forge.write_server("another")
    assert publish(home, forge, forge.keys)[-1].result == 2


def test_another_folder_may_take_it(home: Home, forge: CatalogForge, tmp_path: Path) -> None:
    publish(home, forge, forge.keys, tmp_path / "out")
    assert (tmp_path / "out" / "metadata" / "timestamp.json").is_file()
    assert not (forge.sources / "metadata").exists()


def test_the_variable_names_the_keys(
    forge: CatalogForge, home: Home, scratch_environ: dict[str, str]
) -> None:
    with pytest.raises(UsageError, match="No folder of keys was named"):
        publish(home, forge, None)
    named = Home(home.paths, environ={**scratch_environ, KEYS: str(forge.keys)})
    assert publish(named, forge, None)[-1].result == 1


def test_refused_sources_leave_the_repository_as_it_was(home: Home, forge: CatalogForge) -> None:
    publish(home, forge, forge.keys)
    timestamp = forge.sources / "metadata" / "timestamp.json"
    before = timestamp.read_bytes()
    forge.write_server("bad", description="a\\u202eb")
    with pytest.raises(McptuiError, match="bad.toml: description holds control"):
        publish(home, forge, forge.keys)
    assert timestamp.read_bytes() == before


def test_foreign_keys_are_refused(home: Home, forge: CatalogForge, tmp_path: Path) -> None:
    other = CatalogForge(tmp_path / "other")
    with pytest.raises(McptuiError, match="is not the one that the trust root names"):
        publish(home, forge, other.keys)
    assert not (forge.sources / "metadata" / "timestamp.json").exists()
