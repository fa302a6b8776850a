"""The official conformance suite, client mode: every scored scenario of sign-in, with our sign-in.

The suite plays the protected server and the authorization server; the client is our gateway with
the sign-in action (auth_driver.py). Extensions that are not part of the scored sets (client
credentials, DPoP, workload identity) are not built.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.tools import tools

ROOT = Path(__file__).parents[2]
SCORED = {
    "2026-07-28": (
        "metadata-default", "metadata-var1", "metadata-var2", "metadata-var3", "basic-cimd",
        "scope-from-www-authenticate", "scope-from-scopes-supported",
        "scope-omitted-when-undefined", "scope-step-up", "scope-retry-limit",
        "token-endpoint-auth-basic", "token-endpoint-auth-post", "token-endpoint-auth-none",
        "pre-registration", "resource-mismatch", "offline-access-scope",
        "offline-access-not-supported", "authorization-server-migration", "iss-supported",
        "iss-not-advertised", "iss-supported-missing", "iss-wrong-issuer", "iss-unexpected",
        "iss-normalized", "metadata-issuer-mismatch",
    ),
    "2025-11-25": (
        "metadata-default", "metadata-var1", "metadata-var2", "metadata-var3", "basic-cimd",
        "scope-from-www-authenticate", "scope-from-scopes-supported",
        "scope-omitted-when-undefined", "scope-step-up", "scope-retry-limit",
        "token-endpoint-auth-basic", "token-endpoint-auth-post", "token-endpoint-auth-none",
        "pre-registration",
    ),
    "2025-03-26": ("2025-03-26-oauth-metadata-backcompat", "2025-03-26-oauth-endpoint-fallback"),
}  # fmt: skip
LEAST = {"resource-mismatch": 2, "metadata-issuer-mismatch": 3}
"""Checks that must have been made and passed; six where nothing else is said."""


def _tried(scenario: str, revision: str, folder: Path) -> list[str]:
    """Run one scenario; what is wrong with it."""
    out = folder / f"{revision}-{scenario}"
    suite = tools().modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    command = [
        str(tools().node), str(suite), "client", "--scenario", f"auth/{scenario}",
        "--spec-version", revision, "--timeout", "90000", "-o", str(out),
        "--command", f"{sys.executable} -m tests.conformance.auth_driver",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=150, check=False)
    results = list(out.rglob("checks.json"))
    if len(results) != 1:
        return [f"{scenario}: no results: {(done.stdout + done.stderr)[-800:].decode()}"]
    checks = json.loads(results[0].read_text("utf-8"))
    bad = [
        f"{scenario}: {check['id']}: {check.get('errorMessage') or check.get('description')}"
        for check in checks
        if check["status"] not in ("SUCCESS", "INFO", "SKIPPED")
    ]
    good = sum(check["status"] == "SUCCESS" for check in checks)
    least = LEAST.get(scenario, 6)
    return bad if bad or good >= least else [f"{scenario}: only {good} checks were made"]


@pytest.mark.node
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("revision", SCORED)
@pytest.mark.parametrize("half", [0, 1])
def test_every_scored_sign_in_scenario_passes(revision: str, half: int, tmp_path: Path) -> None:
    scenarios = SCORED[revision][half::2]
    with ThreadPoolExecutor(2) as threads:
        found = threads.map(partial(_tried, revision=revision, folder=tmp_path), scenarios)
        assert [problem for problems in found for problem in problems] == []
