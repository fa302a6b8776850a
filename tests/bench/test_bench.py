"""The benchmark's short cut: who takes part answers every call rightly. Times are never asserted.

In a process of its own, as `make bench` runs: the loops of its clients are not this test's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import egress
from tests.bench.echo_image import build, write_entry
from tests.world import install_server, make_home

ROOT = Path(__file__).parents[2]
WHO = ("docker run", "mcptui")
_PROGRAM = """
import json, sys
from pathlib import Path
from tests.bench import calls
from tests.world import make_home
found = calls.run(make_home(Path(sys.argv[1])), Path(sys.argv[1]), 1, 5, 0.02, tuple(sys.argv[2:]))
Path(sys.argv[1], "found.json").write_text(json.dumps(found))
"""


@pytest.mark.engine
@pytest.mark.slow
def test_who_takes_part_answers_rightly(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    try:
        install_server(home, write_entry(tmp_path, "echo0", build(home)))
    finally:
        home.close()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path), *WHO], cwd=ROOT, capture_output=True,
        text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    failed = {
        (transport, name): one["failed"]
        for transport, report in found.items()
        for name, one in report.items()
        if "failed" in one
    }
    assert not failed
    assert any(name.startswith("mcptui") for name in found["stdio"])
    assert any(name.startswith("mcptui") for name in found["HTTP"])
    for report in found.values():
        assert all(one["small /s@32"] and one["100KB /s@32"] for one in report.values())


def test_the_way_out_is_measured_beside_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without squid, which is installed for the benchmark alone."""
    monkeypatch.setattr(egress, "squid", lambda: "")
    found = egress.run(quick=True)
    assert {"direct", "mcptui"} <= found.keys()
    assert all(value > 0 for values in found.values() for value in values.values())
