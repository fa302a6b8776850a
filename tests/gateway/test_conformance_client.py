"""The official conformance suite, client mode: the gateway as the client of the suite's servers.

Every scored scenario that is not about sign-in (those are in tests/conformance), each with the
number of checks that must have been made: the suite also calls a scenario passed in which nothing
happened.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import tools

ROOT = Path(__file__).parents[2]
SCENARIOS = {
    "2026-07-28": {
        "tools_call": 2, "request-metadata": 8, "sep-2322-client-request-state": 5,
        "http-standard-headers": 8, "http-custom-headers": 18, "http-invalid-tool-headers": 12,
        "json-schema-ref-no-deref": 1,
    },
    "2025-11-25": {
        "initialize": 1, "tools_call": 2, "elicitation-sep1034-client-defaults": 5, "sse-retry": 3,
    },
}  # fmt: skip
"""Revision → scenario → checks that must have passed."""


@pytest.mark.node
@pytest.mark.parametrize(
    ("revision", "scenario"), [(one, name) for one, names in SCENARIOS.items() for name in names]
)
def test_scenario(revision: str, scenario: str, tmp_path: Path) -> None:
    suite = tools().modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    command = [
        str(tools().node), str(suite), "client", "--scenario", scenario,
        "--spec-version", revision, "--timeout", "90000", "-o", str(tmp_path),
        "--command", f"{sys.executable} -m tests.conformance.client_driver",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=150, check=False)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    results = list(tmp_path.rglob("checks.json"))
    assert len(results) == 1, said[-2000:]
    checks = json.loads(results[0].read_text("utf-8"))
    bad = [one for one in checks if one["status"] not in ("SUCCESS", "INFO", "SKIPPED")]
    log = "".join(path.read_text("utf-8") for path in tmp_path.rglob("stderr*"))
    assert not bad, (bad, log[-3000:])
    good = sum(one["status"] == "SUCCESS" for one in checks)
    assert good >= SCENARIOS[revision][scenario], (good, checks, log[-3000:])
