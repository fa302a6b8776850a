"""Runs the official conformance suite against a gateway and reads what it found.

The suite's own verdict is not enough: it calls a scenario passed when a tool is missing and the
refusal is a text, and when a check did not run at all. So each scenario must have as many passed
checks as `expected.toml` says, and no failure and no warning besides.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.tools import tools

HERE = Path(__file__).parent
FIXTURE = HERE.parent / "fixtures" / "conformance_server.py"
KEY = "io.modelcontextprotocol/"
SECONDS = 200
_FOLDER = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+")
_FINE = ("SUCCESS", "INFO", "SKIPPED")


@dataclass(frozen=True, slots=True)
class Check:
    """One statement of the suite.

    Args:
        scenario: of which scenario.
        id: its name.
        status: SUCCESS, FAILURE, WARNING, SKIPPED or INFO.
        words: what went wrong.
        details: what the suite saw.
    """

    scenario: str
    id: str
    status: str
    words: str
    details: Mapping[str, Any]

    def __str__(self) -> str:
        seen = json.dumps(self.details)[:600]
        return f"{self.scenario}: {self.id} {self.status}: {self.words}\n      saw {seen}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of one revision with the fixture in one era.

    Args:
        counts: scenario → checks that must pass.
        scored: how many of the scenarios the suite counts.
        cannot: scenario → (check, why) that cannot pass across eras; a check is named once for
            each time that it fails.
    """

    counts: Mapping[str, int]
    scored: int
    cannot: Mapping[str, list[tuple[str, str]]]

    @classmethod
    def read(cls, revision: str, era: str) -> Expected:
        """What `expected.toml` says."""
        table = tomllib.loads((HERE / "expected.toml").read_text("utf-8"))
        cannot: dict[str, list[tuple[str, str]]] = {}
        passes: dict[str, int] = {}
        for entry in table.get("cannot", ()):
            if era in entry["eras"] and revision in entry["revisions"]:
                passes[entry["scenario"]] = entry["passed"]
                for check in entry["checks"]:
                    cannot.setdefault(entry["scenario"], []).append((check, entry["why"]))
        found = table[revision]
        counts = {**found["scored"], **found.get("also", {}), **passes}
        return cls(counts, len(found["scored"]), cannot)


def run_suite(url: str, revision: str, folder: Path) -> dict[str, list[Check]]:
    """Run every scenario of a revision; gives scenario → its checks.

    Args:
        url: the endpoint.
        revision: of the protocol, as its date.
        folder: where the suite may write.
    """
    made = tools()
    program = made.modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    which = ["--requirements", revision]
    if revision == "2025-06-18":  # it has no frozen list: all that apply to it are meant
        which = ["--spec-version", revision, "--suite", "all"]
    done = subprocess.run(
        [str(made.node), str(program), "server", "--url", url, *which, "-o", str(folder)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    found = {name: checks for path in folder.iterdir() for name, checks in _read(path)}
    assert found, f"the suite ran nothing:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return found


def _read(folder: Path) -> Iterator[tuple[str, list[Check]]]:
    named = _FOLDER.fullmatch(folder.name)
    if named is None:
        return
    scenario = named[1]
    checks: list[dict[str, Any]] = json.loads((folder / "checks.json").read_text("utf-8"))
    yield (
        scenario,
        [
            Check(
                scenario, one["id"], one["status"], one.get("errorMessage") or "",
                one.get("details") or {},
            )
            for one in checks
        ],
    )  # fmt: skip


def faults(found: Mapping[str, list[Check]], expected: Expected) -> list[str]:
    """Everything in which the suite's findings differ from what is expected, in words."""
    said: list[str] = []
    for scenario, count in expected.counts.items():
        said.extend(_faults(scenario, found.get(scenario, []), count, expected))
    text = _simple_text(found.get("tools-call-simple-text", []))
    if text != "This is a simple text response for testing.":
        said.append(f"tools-call-simple-text: the answer is not the fixture's but {text!r}")
    return said


def _faults(scenario: str, checks: list[Check], count: int, expected: Expected) -> list[str]:
    if not checks:
        return [f"{scenario}: did not run"]
    cannot = [check for check, _ in expected.cannot.get(scenario, ())]
    said: list[str] = []
    for check in checks:
        if check.status in _FINE:
            continue
        if check.id in cannot:
            cannot.remove(check.id)
        else:
            said.append(str(check))
    said.extend(f"{scenario}: {check} was expected to fail and did not" for check in cannot)
    passed = sum(check.status == "SUCCESS" for check in checks)
    if not said and passed != count:
        said.append(f"{scenario}: {passed} checks passed, expected {count}")
    return said


def _simple_text(checks: list[Check]) -> str:
    for check in checks:
        if check.id == "tools-call-simple-text":
            with contextlib.suppress(KeyError, IndexError, TypeError):
                result: Any = check.details["result"]
                return str(result["content"][0]["text"])
    return ""


def make_ready(url: str, seconds: float = 60) -> None:
    """Wait until the server has said what it offers, and is up for the suite's impatient client.

    A person's install starts it once, so that no client of theirs meets an empty list. And one
    check gives a call 0.6 s: it is about what the answer holds, not about a container's start.
    """
    deadline = time.monotonic() + seconds
    while not _ask(url, "tools/list", {}, seconds)["tools"]:
        assert time.monotonic() < deadline, "the server offers no tool"
        time.sleep(0.05)
    _ask(url, "tools/call", {"name": "test_simple_text"}, seconds)


def _ask(url: str, method: str, params: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Ask as the suite's own client does when it can be asked back."""
    meta: dict[str, Any] = {
        KEY + "protocolVersion": "2026-07-28",
        KEY + "clientInfo": {"name": "conformance-client", "version": "1.0.0"},
        KEY + "clientCapabilities": {"elicitation": {}},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": method,
        "Mcp-Name": params.get("name", ""),
    }
    data = json.dumps(body, separators=(",", ":")).encode()
    request = Request(url, data, {key: value for key, value in headers.items() if value})  # noqa: S310
    with urlopen(request, timeout=seconds) as answer:  # noqa: S310 it is our own address
        result: dict[str, Any] = json.load(answer)["result"]
    return result


@contextlib.contextmanager
def gateway_at(environ: Mapping[str, str], names: str = "plain") -> Generator[str]:
    """A gateway over HTTP for the time of the block; gives the address of its endpoint.

    Args:
        environ: of the scratch world whose servers it offers.
        names: "plain" or "prefixed".
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "http_gateway.py"), names],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            assert found is not None, "the gateway did not start"
            yield found[0]
        finally:
            process.terminate()
            process.communicate(timeout=30)
            errors.seek(0)
            # pytest shows it beside a failure: what the gateway itself complained of.
            sys.stderr.write(errors.read()[-4000:].decode("utf-8", "replace"))
