"""What the doctor and the list of problems say about sign-ins and the vault."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.access.challenge import Challenge
from mcptui.access.standing import SignInState, Standing, needed, stand
from mcptui.actions.findings import check_access, check_keyring
from mcptui.actions.problems import problems
from mcptui.cli.commands import COMMANDS
from mcptui.entry import OAuth, Secret
from mcptui.home import Home
from mcptui.paths import Paths
from tests.access.test_tokens_attacks import remote
from tests.real_keyring import without_keyring
from tests.tui.world import entry as catalog_entry


@pytest.fixture
def home(scratch_environ: dict[str, str], tmp_path: Path) -> Generator[Home]:
    environ = without_keyring(scratch_environ, tmp_path)
    made = Home(Paths.of(environ), environ=environ)
    made.ask_secret = lambda question: "a passphrase of a test"
    yield made
    made.close()


def test_a_server_that_needs_a_sign_in_is_told_with_its_way_out(home: Home) -> None:
    home.store.put_install(remote("https://x.test/mcp"))
    assert [one.state for one in check_access(home)] == ["ok"]
    before = Standing("s", SignInState.GOOD, "https://x.test/mcp", "https://as.test", "read")
    more = needed(before, "the server wants the scopes admin", Challenge("insufficient_scope"))
    stand(home.store, more)
    (found,) = check_access(home)
    assert (found.state, found.detail) == ("warn", "s needs more scopes")
    assert found.fix_text == "`mcptui oauth authorize s`"
    told = [one for one in problems(home) if one.room == "access"]
    assert [(one.name, one.key) for one in told] == [("s", "a")]
    assert told[0].text == "s: needs more scopes, the server wants the scopes admin"


def test_a_secret_that_a_sign_in_gives_is_not_asked_for(home: Home) -> None:
    secret = Secret("notes.token", "NOTES_TOKEN", True, "")
    oauth = OAuth("Notes", (), "NOTES_TOKEN", "https://as.test")
    entry = replace(catalog_entry("notes"), secrets=(secret,), oauth=oauth, mounts=())
    home.store.put_install(replace(remote("https://x.test/mcp"), name="notes", entry=entry))
    (found,) = check_access(home)
    assert found.title.startswith("Sign-in: 1 server")
    told = [(one.name, one.key) for one in problems(home) if one.room == "access"]
    assert told == [("notes", "a")]


def test_a_vault_that_does_not_open_is_a_finding(home: Home) -> None:
    home.vault().put("a", "value")
    (found,) = check_keyring(home)
    assert (found.state, "--passphrase-fd" in found.fix_text) == ("warn", True)
    read, write = os.pipe()
    os.write(write, b"another passphrase\n")
    os.close(write)
    wrong = Home(home.paths, environ=home.environ)
    wrong.passphrase_fd = read
    (found,) = check_keyring(wrong)
    wrong.close()
    assert (found.state, found.title) == ("bad", "The passphrase is not the vault's")


@pytest.mark.parametrize("path", [("oauth", "authorize"), ("oauth", "revoke")])
def test_a_machine_without_terminal_can_open_the_vault_to_sign_in(path: tuple[str, ...]) -> None:
    command = next(one for one in COMMANDS if one.path == path)
    assert "--passphrase-fd" in [flag for one in command.arguments for flag in one.names]
