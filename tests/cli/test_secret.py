"""`mcptui secret` and `install --secret` as a person and a script use them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.cli.conftest import Ran, Shell
from tests.own_server import Toml
from tests.real_keyring import RealKeyring, real_keyring

ROOT = Path(__file__).parents[2]
KEY = '[[secrets]]\nname = "acme.key"\nenv = "ACME_KEY"\nwhere = "acme.example, Settings"\n'
VALUE = "s3cret-value-x"


@pytest.fixture
def keyring() -> Iterator[RealKeyring]:
    """An unlocked keyring of this test's own."""
    with real_keyring() as running:
        yield running


@pytest.fixture
def safe(shell: Shell, keyring: RealKeyring) -> Callable[..., Ran]:
    """Run `mcptui` where that keyring is."""

    def run(*words: str, stdin: str = "") -> Ran:
        return shell(*words, stdin=stdin, DBUS_SESSION_BUS_ADDRESS=keyring.address)

    return run


def test_a_secret_goes_in_by_stdin_and_never_comes_out(safe: Shell) -> None:
    done = safe("secret", "set", "acme.key", stdin=VALUE + "\n")
    assert done.code == 0, done.err
    assert "acme.key is stored" in done.err
    (row,) = safe("secret", "ls", "--json").data
    assert (row["name"], row["servers"], row["used"]) == ("acme.key", [], 0.0)
    table = safe("secret")
    assert "acme.key" in table.out
    assert "just now" in table.out
    for ran in (done, table, safe("secret", "set", "acme.key", "--json", stdin=VALUE)):
        assert VALUE not in ran.out + ran.err
    refused = safe("secret", "rm", "acme.key")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert safe("secret", "rm", "acme.key", "--yes").code == 0
    again = safe("secret", "rm", "acme.key", "--yes")
    assert (again.code, "There is no secret" in again.err) == (1, True)


@pytest.mark.parametrize("words", [("secret", "set"), ("install", "x", "--secret")])
def test_a_value_is_never_an_argument(words: tuple[str, ...], shell: Shell, toml: Toml) -> None:
    target = str(toml(more=KEY))
    words = tuple(target if word == "x" else word for word in words)
    done = shell(*words, f"acme.key={VALUE}", stdin="other\n")
    assert done.code == 2
    assert VALUE not in done.err + done.out or words[0] == "secret"


def test_nothing_given_stores_nothing(safe: Shell) -> None:
    assert safe("secret", "set", "acme.key").code == 2
    assert safe("secret", "ls", "--json").data == []


def test_a_machine_without_a_keyring_says_what_to_do(shell: Shell, tmp_path: Path) -> None:
    environ = {"DBUS_SESSION_BUS_ADDRESS": "", "XDG_RUNTIME_DIR": str(tmp_path)}
    done = shell("secret", "set", "acme.key", stdin=VALUE, **environ)
    assert done.code == 1
    assert "There is no keyring" in done.err
    assert "--passphrase-fd" in done.err
    token = shell("gateway", "token", **environ)
    assert "unix socket" in token.err


def test_a_passphrase_comes_by_a_descriptor(scratch_environ: dict[str, str]) -> None:
    import subprocess

    environ = {**scratch_environ, "DBUS_SESSION_BUS_ADDRESS": ""}

    def run(passphrase: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        end, start = os.pipe()
        os.write(start, passphrase.encode())
        os.close(start)
        try:
            return subprocess.run(
                [sys.executable, "-m", "mcptui", *words, "--passphrase-fd", str(end)],
                cwd=ROOT, env=environ, input=stdin, capture_output=True, text=True,
                pass_fds=(end,), timeout=60, check=False,
            )  # fmt: skip
        finally:
            os.close(end)

    good = "correct horse battery"
    assert run(good, "secret", "set", "a.b", stdin=VALUE).returncode == 0
    wrong = run("incorrect horses", "secret", "set", "a.c", stdin=VALUE)
    assert wrong.returncode == 4
    assert "passphrase is not the vault's" in wrong.stderr
    token = run(good, "gateway", "token", "--show").stdout
    assert len(token.strip()) == 43
    served = run(good, "gateway", "run", stdin="")
    assert served.returncode == 0, served.stderr


def test_a_client_speaks_where_a_passphrase_would_be(shell: Shell) -> None:
    done = shell("gateway", "run", "--passphrase-fd", "0", stdin="correct horse battery")
    assert done.code == 2
    assert "a client speaks there" in done.err


def test_the_gateways_token_is_shown_only_when_asked_for(safe: Shell) -> None:
    how = safe("gateway", "token")
    token = safe("gateway", "token", "--show").out.strip()
    assert len(token) == 43
    assert token not in how.out + how.err
    assert "Authorization: Bearer ${MCPTUI_TOKEN}" in how.out
    turned = safe("gateway", "token", "--rotate", "--show", "--json").data
    assert turned["rotated"] is True
    assert turned["token"] != token
    assert "token" not in safe("gateway", "token", "--json").data
    assert safe("secret", "ls", "--json").data == []


def test_a_env_file_is_imported_by_name_and_left_alone(safe: Shell, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    text = (
        f'# mine\nexport ACME_TOKEN="{VALUE}"\nPORT=80\nEMPTY_KEY=\nREF_TOKEN=${{OTHER}}\n'
        "OLD_API_KEY='a b' \nX_SECRET=plain # said\n"
    )
    file.write_text(text)
    shown = safe("secret", "import", str(file), "--dry-run")
    assert VALUE not in shown.out + shown.err
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == [
        "ACME_TOKEN",
        "OLD_API_KEY",
        "X_SECRET",
    ]
    assert safe("secret", "ls", "--json").data == []
    assert safe("secret", "import", str(file)).code == 2, "nobody can be asked"
    done = safe("secret", "import", str(file), "--yes", "--json")
    assert [one["imported"] for one in done.data] == [True, True, True]
    assert VALUE not in done.out + done.err
    assert file.read_text() == text
    again = safe("secret", "import", str(file), "--yes", "--json").data
    assert [(one["stored_before"], one["imported"]) for one in again] == [(True, False)] * 3


def test_tokens_in_clients_configs_are_found(safe: Shell, scratch_environ: dict[str, str]) -> None:
    config = Path(scratch_environ["HOME"]) / ".claude.json"
    config.write_text(
        '{"mcpServers": {"acme": {"command": "x", "env": {"ACME_API_KEY": "'
        + VALUE
        + '", "LANG": "C", "A_TOKEN": "${INPUT}"}}}}'
    )
    before = config.read_bytes()
    shown = safe("secret", "import", "--clients", "--dry-run", "--json")
    assert [(one["name"], one["source"]) for one in shown.data] == [
        ("ACME_API_KEY", f"{config} (acme)")
    ]
    assert safe("secret", "import", "--clients", "--yes").code == 0
    assert [row["name"] for row in safe("secret", "ls", "--json").data] == ["ACME_API_KEY"]
    assert config.read_bytes() == before


def _spawn(command: list[str], environ: dict[str, str]) -> Any:
    words: dict[str, Any] = {"cwd": str(ROOT), "env": environ, "timeout": 120}
    made: list[Any] = [pexpect.spawn(command[0], command[1:], encoding="utf-8", **words)]
    return made[0]


@pytest.mark.engine
def test_a_person_is_asked_without_echo(
    toml: Toml, scratch_environ: dict[str, str], keyring: RealKeyring, safe: Shell
) -> None:
    file = str(toml(more=KEY))
    refused = safe("install", file, "--yes")
    assert refused.code == 2
    assert "--secret acme.key" in refused.err
    environ = {**scratch_environ, "DBUS_SESSION_BUS_ADDRESS": keyring.address, "TERM": "dumb"}
    command = [sys.executable, "-m", "mcptui", "install", file]
    child = _spawn(command, environ)
    seen = ""
    child.expect("acme.example, Settings")
    child.expect(r"acme.key \(ACME_KEY\): ")
    seen += str(child.before)
    child.sendline(VALUE)
    child.expect(r"Install peer\? \[y/N\] ")
    seen += str(child.before)
    child.sendline("y")
    child.expect(pexpect.EOF)
    seen += str(child.before)
    child.close()
    assert child.exitstatus == 0, seen
    assert VALUE not in seen
    (row,) = safe("secret", "ls", "--json").data
    assert (row["name"], row["servers"]) == ("acme.key", ["peer"])
    called = safe("tools", "call", "peer__echo", "text=hi")
    assert called.code == 0, called.err
    assert safe("secret", "revoke", "acme.key", "peer").code == 0
    lacking = safe("tools", "call", "peer__echo", "text=hi")
    assert "mcptui secret grant acme.key peer" in lacking.out + lacking.err
    warned = safe("secret", "ls")
    assert "mcptui secret grant acme.key peer" in warned.err
