"""The program as a person at a shell meets it: a process with arguments, streams and a code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)


Shell = Callable[..., Ran]


@pytest.fixture
def shell(scratch_environ: dict[str, str]) -> Shell:
    """Run `mcptui` with arguments in a scratch home; stdin is closed unless given."""

    def run(*words: str, stdin: str = "", **environ: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "mcptui", *words],
            cwd=ROOT,
            env={**scratch_environ, "COLUMNS": "200", **environ},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
