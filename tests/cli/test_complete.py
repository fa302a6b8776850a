"""Completion: every place of a command line offers what may stand there, and nothing fails."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from mcptui.cli.complete import SCRIPTS, candidates
from tests.cli.conftest import ROOT, Shell

NAMES = {
    "catalog": ["time", "git"],
    "installed": ["parrot", "pirate"],
    "client": ["cursor", "claude-code"],
    "tool": ["parrot__say"],
    "finding": ["engine", "all"],
    "profile": ["work", "home"],
}


def offered(line: str) -> list[str]:
    def values(kind: str) -> Iterable[str]:
        return NAMES[kind]

    return candidates(line.split(" "), values)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("ins", ["install"]),
        ("install ", ["git", "time"]),
        ("install ti", ["time"]),
        ("install ./", [":files"]),
        ("install time --an", ["--any-host"]),
        ("install time --connect cu", ["cursor"]),
        ("remove p", ["parrot", "pirate"]),
        ("remove parrot pi", ["pirate"]),
        ("switch parrot ", ["off", "on", "parrot__say"]),
        ("switch parrot parrot__say o", ["off", "on"]),
        ("catalog s", ["search", "show"]),
        ("catalog show g", ["git"]),
        ("tools call par", ["parrot__say"]),
        ("calls export ", [":files"]),
        ("connect ", ["claude-code", "cursor"]),
        ("doctor --fix e", ["engine"]),
        ("completion z", ["zsh"]),
        ("gateway run --c", ["--call-timeout", "--client"]),
        ("gateway run --profile w", ["work"]),
        ("connect cursor --profile ", ["home", "work"]),
        ("profile a", ["add"]),
        ("profile add work p", ["parrot", "pirate"]),
        ("profile rm h", ["home"]),
        ("calls -", ["--follow", "--help", "--json", "--limit", "-f", "-n"]),
        ("nonsense x", []),
    ],
)
def test_places(line: str, found: list[str]) -> None:
    assert offered(line) == found


def test_the_first_word_offers_every_command() -> None:
    assert {"install", "calls", "doctor", "--help"} <= set(offered(""))


def test_the_program_completes_its_own_catalog(shell: Shell) -> None:
    ran = shell("__complete", "catalog", "show", "deep")
    assert (ran.code, ran.err) == (0, "")
    assert "deepwiki" in ran.out.splitlines()


def test_completion_is_silent_when_nothing_works(shell: Shell, tmp_path: Path) -> None:
    state = tmp_path / "mcptui" / "state"
    state.mkdir(parents=True)
    (state / "state.db").write_bytes(b"not a database at all, but long enough to be looked at")
    ran = shell("__complete", "remove", "")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_scripts_are_sound(shell: Shell, name: str) -> None:
    ran = shell("completion", name)
    assert ran.out == SCRIPTS[name]
    program = shutil.which(name)
    if program is not None:
        done = subprocess.run([program, "-n"], input=ran.out, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_bash_completes_a_line(scratch_environ: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "mcptui"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m mcptui "$@"\n')
    program.chmod(0o755)
    script = f"""
    PATH={tmp_path}:$PATH
    {SCRIPTS["bash"]}
    COMP_WORDS=(mcptui catalog show deep) COMP_CWORD=3
    _mcptui
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=scratch_environ,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "deepwiki" in done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize(("typed", "found"), [("''", "deepwiki"), ("tim", "time")])
def test_zsh_hands_on_an_empty_word_too(
    scratch_environ: dict[str, str], tmp_path: Path, typed: str, found: str
) -> None:
    # Without quotes zsh drops the empty last word: `mcptui install <tab>` would offer `install`.
    assert '"${(@)words[2,CURRENT]}"' in SCRIPTS["zsh"]
    zsh = shutil.which("zsh")
    assert zsh is not None, "`make test` installs zsh"
    program = tmp_path / "mcptui"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m mcptui "$@"\n')
    program.chmod(0o755)
    script = f"""
    compdef() {{ }}
    compadd() {{ print -l -- ${{(P)2}} }}
    path=({tmp_path} $path)
    {SCRIPTS["zsh"]}
    words=(mcptui install {typed}) CURRENT=3
    _mcptui
    """
    done = subprocess.run(
        [zsh, "-f", "-c", script],
        cwd=ROOT,
        env=scratch_environ,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert found in done.stdout.splitlines(), done.stderr
