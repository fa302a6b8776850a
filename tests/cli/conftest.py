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

from tests.own_server import Toml, peer_image_id, toml_writer

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


@pytest.fixture(scope="session")
def peer_image() -> str:
    """An image of the engine with the fixture servers."""
    return peer_image_id()


@pytest.fixture
def toml(tmp_path: Path, peer_image: str) -> Toml:
    """Writes server.toml files of the peer."""
    return toml_writer(tmp_path, peer_image)
