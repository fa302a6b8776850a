"""`connect` and `disconnect` at a shell: the exact change is shown, then the person is asked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Ran, Shell

BEFORE = b'{\n  "numStartups": 3,\n  "theme": "dark"\n}\n'


@pytest.fixture
def config(scratch_environ: dict[str, str], shell: Shell) -> Path:
    """A config with mcptui in it."""
    file = Path(scratch_environ["HOME"]) / ".claude.json"
    file.write_bytes(BEFORE)
    ran = shell("connect", "claude-code", "--yes", "--force")
    assert ran.code == 0, ran.err
    assert file.read_bytes() != BEFORE
    return file


def at_a_terminal(environ: dict[str, str], answer: bytes, *words: str) -> Ran:
    """Run a command whose stdin is a terminal, where the person types `answer`."""
    person, terminal = pty.openpty()
    try:
        os.write(person, answer + b"\n")
        command = [sys.executable, "-m", "mcptui", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=environ, stdin=terminal, capture_output=True, text=True,
            timeout=100, check=False,
        )  # fmt: skip
    finally:
        os.close(person)
        os.close(terminal)
    return Ran(done.returncode, done.stdout, done.stderr)


def test_what_disconnect_takes_out_is_shown_and_asked_for(
    config: Path, scratch_environ: dict[str, str]
) -> None:
    ours = config.read_bytes()
    ran = at_a_terminal(scratch_environ, b"n", "disconnect", "claude-code")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0] == str(config)
    assert any(line.lstrip().startswith('-    "mcptui": {') for line in ran.out.splitlines())
    assert f"Write this to {config}? [y/N]" in ran.err
    assert "nothing was changed" in ran.err
    assert config.read_bytes() == ours
    ran = at_a_terminal(scratch_environ, b"y", "disconnect", "claude-code")
    assert "Claude Code is disconnected" in ran.err
    assert config.read_bytes() == BEFORE


def test_a_dry_run_of_disconnect_shows_the_change_only(config: Path, shell: Shell) -> None:
    ours = config.read_bytes()
    ran = shell("disconnect", "claude-code", "--dry-run", "--json")
    assert (ran.code, ran.data[0]["done"]) == (0, "nothing was changed")
    assert any(line.startswith("-") and "mcptui" in line for line in ran.data[0]["diff"])
    assert config.read_bytes() == ours


def test_disconnect_needs_a_yes_where_nobody_can_be_asked(config: Path, shell: Shell) -> None:
    ours = config.read_bytes()
    ran = shell("disconnect", "claude-code")
    assert ran.code == 2
    assert "Add --yes" in ran.err
    assert config.read_bytes() == ours
    ran = shell("disconnect", "claude-code", "--yes", "--json")
    assert (ran.code, ran.data[0]["done"]) == (0, "Claude Code is disconnected")
    assert config.read_bytes() == BEFORE


def test_where_nothing_changes_nobody_is_asked(config: Path, shell: Shell) -> None:
    ran = shell("connect", "claude-code", "--force")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "Claude Code is connected already\n"
    assert shell("disconnect", "claude-code", "--yes").code == 0
    ran = shell("disconnect", "claude-code")
    assert (ran.code, ran.out, ran.err) == (0, "", "Claude Code was not connected\n")
