"""The package carries the shim, compiled, although git does not."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
from hatchling.builders.wheel import WheelBuilder
print(next(WheelBuilder(sys.argv[1]).build(directory=sys.argv[2], versions=[sys.argv[3]])))
"""


def built(target: Path, version: str) -> Path:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BUILD, str(ROOT), str(target), version],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Path(done.stdout.splitlines()[-1])


def test_a_wheel_has_both_programs(tmp_path: Path) -> None:
    with zipfile.ZipFile(built(tmp_path, "standard")) as wheel:
        shims = [
            one for one in wheel.infolist() if one.filename.startswith("mcptui/runtime/shim/bin")
        ]
        assert [Path(one.filename).name for one in shims] == [
            "mcptui-shim-aarch64",
            "mcptui-shim-x86_64",
        ]
        assert all((one.external_attr >> 16) & 0o111 == 0o111 for one in shims)


def test_an_editable_install_has_them_in_place(tmp_path: Path) -> None:
    built(tmp_path, "editable")
    folder = ROOT / "mcptui" / "runtime" / "shim" / "bin"
    assert {path.name for path in folder.glob("mcptui-shim-*")} == {
        "mcptui-shim-x86_64",
        "mcptui-shim-aarch64",
    }
