"""The checks behind the catalog can be repeated: the same pins come out of a real container."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from mcptui.actions.check_entry import Result, check_entry, read_source
from mcptui.home import Home

CATALOG = Path(__file__).parents[2] / "catalog"


def copied(name: str, to: Path) -> Path:
    """The sources of one entry without what its check wrote."""
    for folder in ("servers", "locks", "checks"):
        (to / folder).mkdir(parents=True)
        for file in (CATALOG / folder).glob(f"{name}.*"):
            shutil.copy(file, to / folder)
    return to / "servers" / f"{name}.toml"


async def checked(home: Home, file: Path) -> Result:
    found: object = None
    async for step in check_entry(home, file):
        found = step.result or found
    assert isinstance(found, Result)
    return found


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name",
    ["time", pytest.param("sequential-thinking", marks=pytest.mark.node)],
)
def test_a_check_gives_the_pins_of_the_catalog(name: str, home: Home, tmp_path: Path) -> None:
    file = copied(name, tmp_path / "catalog")
    result = asyncio.run(checked(home, file))
    assert result.calls
    again, published = file.read_text("utf-8"), CATALOG / "servers" / file.name
    pins = again.partition("[[tools]]")[2]
    assert "sha256:" in pins
    assert pins == published.read_text("utf-8").partition("[[tools]]")[2]
    assert read_source(file).checked.listed
    definitions = (tmp_path / "catalog" / "tools" / f"{name}.json").read_text("utf-8")
    assert definitions == (CATALOG / "tools" / f"{name}.json").read_text("utf-8")
