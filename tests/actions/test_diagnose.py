"""The doctor: findings in words, each with what to do, and fixes that really mend."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from mcptui.actions.diagnose import CHECKS, FIXES, Finding, diagnose, fix
from mcptui.actions.findings import check_clock, check_database, check_disk, check_gateways
from mcptui.errors import McptuiError, UsageError
from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.runtime.owner import process_start
from mcptui.store.rows import CallStart, GatewayRow
from tests.actions.conftest import walk


def findings(home: Home) -> dict[str, Finding]:
    async def run() -> list[Finding]:
        return [finding async for finding in diagnose(home)]

    return {finding.id: finding for finding in asyncio.run(run())}


@pytest.mark.engine
def test_every_check_reports_and_names_what_to_do(home: Home) -> None:
    found = findings(home)
    assert set(found) == set(CHECKS)
    for finding in found.values():
        assert finding.state in ("ok", "warn", "bad")
        assert finding.title
        assert finding.state == "ok" or finding.fix_text
        assert not finding.fixable or finding.id in FIXES
    assert found["engine"].state == "ok"
    assert "API 1." in found["engine"].detail
    assert found["catalog"].state == "ok"


def test_an_engine_that_is_not_there_is_a_finding_not_an_error(home: Home, tmp_path: Path) -> None:
    environ = {**home.environ, "DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"}
    lost = Home(Paths.of(environ), environ=environ)
    found = findings(lost)["engine"]
    assert found.state == "bad"
    assert found.fix_text
    assert not found.fixable
    with pytest.raises(McptuiError, match="unset DOCKER_HOST"):
        walk(fix(lost, "engine"))
    lost.close()


def test_a_check_that_fails_hides_no_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def bang(_home: Home) -> list[Finding]:
        raise ZeroDivisionError("by accident")

    monkeypatch.setitem(CHECKS, "disk", bang)
    found = findings(home)
    assert found["disk"].state == "bad"
    assert "ZeroDivisionError" in found["disk"].title
    assert set(found) == set(CHECKS)


def test_a_wrong_clock_is_told(home: Home) -> None:
    early = Home(home.paths, environ=home.environ, clock=lambda: 1_000_000_000.0)
    (finding,) = check_clock(early)
    assert finding.state == "bad"
    assert "The clock is wrong" in finding.title
    (finding,) = check_clock(home)
    assert finding.state == "ok"
    early.close()


def test_a_damaged_database_is_set_aside_when_asked(home: Home) -> None:
    home.paths.private(home.paths.state)
    home.paths.database.write_bytes(b"this is no database, whatever its name says" * 100)
    (finding,) = check_database(home)
    assert (finding.state, finding.fixable) == ("bad", True)
    (step,) = walk(fix(home, "database"))
    assert "damaged" in step.detail
    assert home.store.installs() == []
    kept = [path for path in home.paths.state.iterdir() if "damaged" in path.name]
    assert kept[0].read_bytes().startswith(b"this is no database")
    (step,) = walk(fix(home, "database"))
    assert step.state.value == "skipped"


@pytest.mark.engine
def test_gateways_that_died_are_cleared_away(home: Home) -> None:
    now = home.clock()
    pid, start = os.getpid(), process_start(os.getpid())
    home.store.put_gateway(GatewayRow("here", pid, start, "Cursor", "1", 1, now, now))
    home.store.put_gateway(GatewayRow("dead", 2**22 + 1, "1", "Claude", "1", 1, now, now))
    home.store.record([CallStart("k", "dead", now, "Claude", "1", 1, "s", "t", "m", "{}", 2)])
    first, second = check_gateways(home)
    assert (first.state, first.title) == ("ok", "Gateways: 1 running")
    assert (second.state, second.fixable) == ("warn", True)
    (step,) = walk(fix(home, "gateways"))
    assert step.detail.startswith("1 gateway, 1 open call, ")
    assert [row.outcome for row in home.store.calls()] == ["lost"]
    (only,) = check_gateways(home)
    assert only.state == "ok"


def test_a_gateway_that_hangs_is_told(home: Home) -> None:
    now = time.time()
    pid, start = os.getpid(), process_start(os.getpid())
    home.store.put_gateway(GatewayRow("here", pid, start, "Cursor", "1", 1, now, now - 60))
    (finding,) = check_gateways(home)
    assert finding.state == "warn"
    assert str(pid) in finding.detail


def test_a_full_disk_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcptui.actions.findings.LEAST_DISK", 10**18)
    monkeypatch.setattr("mcptui.actions.findings.LITTLE_DISK", 10**18)
    (finding,) = check_disk(home)
    assert finding.state == "bad"
    assert str(home.paths.cache) in finding.fix_text


def test_what_cannot_be_mended_is_refused(home: Home) -> None:
    with pytest.raises(UsageError, match="cannot be mended"):
        walk(fix(home, "weather"))
