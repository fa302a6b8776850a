"""What a user installs: the wheel holds the signed catalog, and a changed one is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
import hatchling.build
print(hatchling.build.build_wheel(sys.argv[1]))
"""
OPEN = """
import mcptui
from mcptui.errors import McptuiError
from mcptui.home import Home
try:
    facts = Home.real().catalog().facts
    print(mcptui.__file__, facts.source, facts.count)
except McptuiError as error:
    print(type(error).__name__, error)
"""


def run(code: str, *arguments: str, cwd: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_brings_a_catalog_that_verifies(
    tmp_path: Path, scratch_environ: dict[str, str]
) -> None:
    run(BUILD, str(tmp_path), cwd=ROOT, environ=dict(os.environ))
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    assert not [name for name in names if name.endswith((".toml", ".ed25519"))]
    environ = {**scratch_environ, "PYTHONPATH": str(site)}
    said = run(OPEN, cwd=tmp_path, environ=environ).split()
    assert said[0] == str(site / "mcptui" / "__init__.py")
    assert said[1] == "shipped"
    assert int(said[2]) >= 76
    (database,) = (site / "mcptui" / "_catalog" / "targets").iterdir()
    data = bytearray(database.read_bytes())
    data[-100] ^= 1
    database.write_bytes(bytes(data))
    assert run(OPEN, cwd=tmp_path, environ=environ).startswith(
        "NotTrusted The catalog's database is not the one that was signed"
    )
