"""A cut of the soak: four gateways, six servers, under a minute."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.soak.run import Plan, Soak
from tests.world import make_home


@pytest.mark.engine
@pytest.mark.slow
def test_no_wrong_answer_no_lost_record_nothing_left(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    soak = Soak(home, Plan(gateways=4, servers=6, seconds=40, seed=1, least=300))
    try:
        soak.install()
        account = asyncio.run(soak.run())
    finally:
        home.close()
    print("\n".join([*account.report(), *soak.figures()]))
    assert account.faults == []
    seen = {made.seen for made in account.calls.values()}
    kinds = {made.kind for made in account.calls.values()}
    assert "right" in seen and len(account.calls) >= 300
    assert kinds == {"small", "100 KB", "slow", "error", "prompt", "resource", "list"}
    assert account.done["server kill"] and account.rows > 100
