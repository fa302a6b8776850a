"""The benchmark's short cut: everybody answers every call rightly. Times are never asserted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import calls
from tests.bench.echo_image import build, write_entry
from tests.world import install_server, make_home


@pytest.mark.engine
@pytest.mark.slow
def test_every_contestant_answers_rightly(tmp_path: Path) -> None:
    """All that this machine has, over both transports; who fails is named with the reason."""
    home = make_home(tmp_path)
    try:
        install_server(home, write_entry(tmp_path, "echo0", build(home)))
        found = calls.run(home, tmp_path, 1, 10, 0.05)
    finally:
        home.close()
    failed = {
        (transport, name): one["failed"]
        for transport, report in found.items()
        for name, one in report.items()
        if "failed" in one
    }
    assert not failed
    assert len(found["stdio"]) >= 5 and len(found["HTTP"]) >= 6
    for report in found.values():
        assert all(one["small /s@32"] and one["100KB /s@32"] for one in report.values())
