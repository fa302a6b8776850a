"""A real server of the catalog that needs a program of Debian's besides, out of the real
registries. (tests/catalog_content checks entries that need none.)"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from mcptui.actions.check_entry import Result, check_entry
from mcptui.home import Home
from mcptui.runtime.image.base import Base
from tests.fixtures.images import CACHE

CATALOG = Path(__file__).parents[3] / "catalog"


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_git_finds_its_program_and_still_no_shell(home: Home, tmp_path: Path) -> None:
    for folder in ("servers", "locks", "checks"):
        (tmp_path / folder).mkdir()
        for file in (CATALOG / folder).glob("git.*"):
            shutil.copy(file, tmp_path / folder)
    home.environ = dict(os.environ)
    for part in ("bases", "wheels"):
        if (CACHE / part).is_dir():
            shutil.copytree(CACHE / part, home.paths.cache / part, copy_function=os.link)

    async def main() -> Result:
        results = [one.result async for one in check_entry(home, tmp_path / "servers" / "git.toml")]
        assert isinstance(results[-1], Result)
        return results[-1]

    result = asyncio.run(main())
    assert "git_status" in {str(tool["name"]) for tool in result.said.tools}
    labels = home.engine().client.api.inspect_image(result.image)["Config"]["Labels"]
    base = Base.read(home.paths.cache / "bases" / labels["mcptui.on"])
    if base is not None:  # built now, not found from an earlier run
        names = {package.partition("=")[0] for package in base.packages}
        assert "git" in names
        assert not names & {"dash", "bash", "perl", "dpkg"}
