"""The front door: help, exit codes, streams, and errors told in words."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mcptui.cli.commands import COMMANDS, DEFAULTS, Command
from mcptui.cli.parser import EPILOG, make_parser, with_default
from tests.cli.conftest import ROOT, Shell


def _words(command: Command) -> list[str]:
    """The shortest complete command line of a command."""
    words = list(command.path)
    for argument in command.arguments:
        if argument.names[0].startswith("-") or argument.settings.get("nargs") in ("*", "?"):
            continue
        choices = argument.settings.get("choices")
        words.append(choices[0] if choices else "1")
    return words


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.path))
def test_every_command_parses_and_its_function_exists(command: Command) -> None:
    import importlib

    given = make_parser().parse_args([*_words(command), "--json"])
    assert given.command is command
    assert given.json is True
    module, function = command.run.split(":")
    assert callable(getattr(importlib.import_module(f"mcptui.cli.{module}"), function))


def test_every_command_has_one_line_of_help() -> None:
    for command in COMMANDS:
        assert command.help
        assert len(command.help) < 80
        for argument in command.arguments:
            assert argument.help, (command.path, argument.names)


def test_a_group_without_a_command_means_its_usual_one() -> None:
    assert with_default(["calls", "-f"]) == ["calls", "ls", "-f"]
    assert with_default(["catalog", "git", "trust:signed"])[:3] == ["catalog", "ls", "git"]
    assert with_default(["catalog", "show", "git"]) == ["catalog", "show", "git"]
    assert with_default(["gateway", "--client", "x"]) == ["gateway", "run", "--client", "x"]
    assert with_default(["tools", "--help"]) == ["tools", "--help"]
    assert set(DEFAULTS) == {one.path[0] for one in COMMANDS if len(one.path) > 1}


def test_help_names_every_command_and_every_exit_code(shell: Shell) -> None:
    ran = shell("--help")
    assert ran.code == 0
    for command in COMMANDS:
        assert command.path[0] in ran.out
    for code in ("0 ", "1 ", "2 ", "3 ", "4 ", "130"):
        assert f"\n  {code}" in ran.out
    assert EPILOG.strip() in ran.out


def test_version(shell: Shell) -> None:
    from mcptui import __version__

    assert shell("version").out == f"mcptui {__version__}\n"
    assert shell("--version").out == f"mcptui {__version__}\n"
    assert shell("version", "--json").data == {"version": __version__}


def test_a_wrong_word_is_a_usage_error(shell: Shell) -> None:
    ran = shell("instal", "x")
    assert (ran.code, ran.out) == (2, "")
    assert "invalid choice: 'instal'" in ran.err


def test_an_error_says_what_why_and_how_to_go_on(shell: Shell) -> None:
    ran = shell("servers")
    assert (ran.code, ran.out) == (0, "")
    ran = shell("switch", "nothing", "off")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "mcptui: No server 'nothing' is installed",
        "  why: none is",
        "  fix: `mcptui catalog` lists what can be installed",
    ]


def test_with_json_an_error_is_json_on_stdout(shell: Shell) -> None:
    ran = shell("switch", "nothing", "off", "--json")
    assert ran.code == 2
    assert ran.data["error"]["code"] == 2
    assert ran.data["error"]["what"] == "No server 'nothing' is installed"


def test_hostile_words_do_not_reach_the_terminal(shell: Shell) -> None:
    evil = "\x1b]0;owned\x07\u202egnp\x9b31m"
    for words in (("switch", evil, "off"), ("install", evil), ("tools", "inspect", evil)):
        ran = shell(*words, PYTHONIOENCODING="utf-8")
        assert ran.code in (1, 2)
        assert not set("\x1b\x07\u202e\x9b") & set(ran.out + ran.err), words


def test_an_unforeseen_error_is_one_line_and_a_file(shell: Shell, tmp_path: Path) -> None:
    broken = tmp_path / "mcptui" / "state"
    broken.mkdir(parents=True)
    script = (
        "import sys, mcptui.store as s\n"
        "def bang(*a, **k): raise ZeroDivisionError('by accident')\n"
        "s.Store.open = bang\n"
        "from mcptui.cli import main\n"
        "sys.exit(main(['servers']))\n"
    )
    environ = {**os.environ, "MCPTUI_HOME": str(tmp_path / "mcptui"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    log = broken / "errors.log"
    assert done.stderr.splitlines() == [
        "mcptui: A defect in mcptui: ZeroDivisionError: by accident",
        f"  fix: Please report it with {log}",
    ]
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**environ, "MCPTUI_DEBUG": "1"},
        capture_output=True,
        text=True,
    )
    assert "Traceback" in done.stderr


def test_ctrl_c_ends_a_follower_with_130(scratch_environ: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "mcptui", "calls", "--follow", "--json"],
        cwd=ROOT,
        env=scratch_environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 20
        database = Path(scratch_environ["MCPTUI_HOME"]) / "state" / "state.db"
        while not database.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (out, err) == ("", "interrupted\n")


def test_a_reader_that_goes_away_is_no_error(shell: Shell, scratch_environ: dict[str, str]) -> None:
    line = f"{sys.executable} -m mcptui catalog | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env=scratch_environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert "Broken" not in done.stderr


@pytest.mark.engine
def test_without_a_terminal_the_doctor_speaks(shell: Shell) -> None:
    ran = shell()
    assert "answers in" in ran.out
    assert "Catalog:" in ran.out


@pytest.mark.engine
def test_checks_that_run_at_once_never_meet_half_made_modules(shell: Shell) -> None:
    for _ in range(4):
        findings = shell("doctor", "--json").data["findings"]
        assert not [one for one in findings if "The check of" in one["title"]]


@pytest.mark.engine
def test_a_dumb_terminal_gets_the_doctors_page(scratch_environ: dict[str, str]) -> None:
    import pexpect

    spawn: Any = pexpect.spawn  # pyright: ignore[reportUnknownMemberType]
    environ = {**scratch_environ, "TERM": "dumb"}
    child = spawn(
        sys.executable, ["-m", "mcptui"], cwd=str(ROOT), env=environ, encoding="utf-8", timeout=60
    )
    child.expect(pexpect.EOF)
    child.close()
    assert "answers in" in child.before
    assert "\x1b" not in child.before
    assert child.exitstatus in (0, 1)


def test_questions_without_a_person_need_yes(shell: Shell) -> None:
    ran = shell("catalog", "show", "notthere", "--json")
    assert ran.code == 1
    assert "The catalog has no server" in ran.data["error"]["what"]


def test_options_are_never_guessed() -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["install", "x", "--dry"])


def test_namespaces_carry_no_surprises() -> None:
    given = make_parser().parse_args(["install", "x"])
    assert isinstance(given, argparse.Namespace)
    assert (given.set, given.mount, given.yes, given.dry_run) == ([], [], False, False)
    assert json.dumps(vars(given) | {"command": ""})
