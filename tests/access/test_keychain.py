"""The vault's key in a real GNOME Keyring, and in none of the keyrings that are no keyrings."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from mcptui.access.keychain import Keychain, KeyringShut, NoKeyring
from mcptui.errors import McptuiError
from tests.real_keyring import RealKeyring, without_keyring

KEY = bytes(range(32))


def _chain(keyring: RealKeyring) -> Keychain:
    return Keychain(keyring.environ, "linux")


def test_a_key_is_kept_over_a_restart_and_is_not_plain_on_the_disk(keyring: RealKeyring) -> None:
    chain = _chain(keyring)
    assert chain.read("vault a") is None
    chain.write("vault a", KEY)
    chain.write("vault b", KEY[::-1])
    keyring.restart()
    assert _chain(keyring).read("vault a") == KEY
    assert _chain(keyring).read("vault b") == KEY[::-1]
    files = keyring.files()
    assert len(files) > 100
    assert KEY not in files
    assert b64encode(KEY) not in files
    _chain(keyring).forget("vault a")
    _chain(keyring).forget("vault a")
    assert _chain(keyring).read("vault a") is None
    assert "SecretService" in _chain(keyring).name()


def test_a_locked_keyring_is_told_as_one_and_opens_again(keyring: RealKeyring) -> None:
    _chain(keyring).write("vault a", KEY)
    keyring.lock()
    with pytest.raises(KeyringShut, match="locked") as caught:
        _chain(keyring).read("vault a")
    assert "Unlock it" in caught.value.fix
    with pytest.raises(KeyringShut, match="locked"):
        _chain(keyring).write("vault a", KEY[::-1])
    keyring.restart("not the password")
    with pytest.raises(KeyringShut):
        _chain(keyring).read("vault a")
    keyring.restart()
    assert _chain(keyring).read("vault a") == KEY


def test_without_a_session_bus_the_ways_that_are_left_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with pytest.raises(NoKeyring) as caught:
        Keychain(without_keyring({}, tmp_path), "linux").read("vault a")
    assert "SecretService" in caught.value.why
    for way in ("GNOME Keyring", "--passphrase-fd", "systemd credential"):
        assert way in caught.value.fix


def test_the_bus_is_found_though_the_client_gave_few_variables(
    keyring: RealKeyring, tmp_path: Path
) -> None:
    """MCP clients start servers without the bus's address; the socket is where systemd puts it."""
    link = tmp_path / "run"
    link.mkdir()
    path = keyring.address.removeprefix("unix:path=").partition(",")[0]
    (link / "bus").symlink_to(path)
    chain = Keychain({"XDG_RUNTIME_DIR": str(link)}, "linux")
    chain.write("vault a", KEY)
    assert chain.read("vault a") == KEY


_PLAIN = """
import sys
from keyring.backend import KeyringBackend
class Keyring(KeyringBackend):
    priority = 9.9
    kept = {}
    def get_password(self, service, username):
        return open(sys.argv[1]).read() if __import__("os").path.exists(sys.argv[1]) else None
    def set_password(self, service, username, password):
        open(sys.argv[1], "w").write(password)
    def delete_password(self, service, username): pass
"""
_TRY = """
import os, sys
from mcptui.access.keychain import Keychain, NoKeyring
try:
    Keychain(dict(os.environ), "linux").write("vault a", bytes(32))
except NoKeyring:
    print("refused")
"""


@pytest.mark.parametrize("way", ["variable", "file", "plug-in", "null", "chainer", "all"])
def test_a_keyring_that_writes_plain_text_is_never_used(
    way: str, tmp_path: Path, scratch_environ: dict[str, str]
) -> None:
    (tmp_path / "plain_one.py").write_text(_PLAIN)
    environ = without_keyring(scratch_environ, tmp_path)
    environ["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"
    named = {
        "null": "keyring.backends.null.Keyring",
        "chainer": "keyring.backends.chainer.ChainerBackend",
    }
    if way in ("variable", "null", "chainer", "all"):
        environ["PYTHON_KEYRING_BACKEND"] = named.get(way, "plain_one.Keyring")
    if way in ("file", "all"):
        config = tmp_path / "config"
        (config / "python_keyring").mkdir(parents=True)
        (config / "python_keyring" / "keyringrc.cfg").write_text(
            f"[backend]\ndefault-keyring=plain_one.Keyring\nkeyring-path={tmp_path}\n"
        )
        environ["XDG_CONFIG_HOME"] = str(config)
    if way in ("plug-in", "all"):
        facts = tmp_path / "plain_one-1.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: plain-one\nVersion: 1\n")
        (facts / "entry_points.txt").write_text("[keyring.backends]\nplain = plain_one\n")
    leak = tmp_path / "leak"
    done = subprocess.run(
        [sys.executable, "-c", _TRY, str(leak)],
        env=environ, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "refused\n"
    assert not leak.exists()
    if way in ("variable", "file", "plug-in"):
        # The same machine, asked without our list: the attack is a real one.
        code = "import keyring; keyring.set_password('a', 'b', 'c')"
        subprocess.run([sys.executable, "-c", code, str(leak)], env=environ, timeout=60, check=True)
        assert leak.read_text() == "c"


def test_properties_from_the_environment_change_nothing(
    keyring: RealKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    _chain(keyring).write("vault a", KEY)
    monkeypatch.setenv("KEYRING_PROPERTY_PREFERRED_COLLECTION", "/nowhere")
    monkeypatch.setenv("KEYRING_PROPERTY_SCHEME", "KeePassXC")
    assert _chain(keyring).read("vault a") == KEY


class _Odd:
    """A keyring with a fault."""

    name = "odd"
    kept: str | None = None

    def get_password(self, service: str, user: str) -> str | None:
        return self.kept

    def set_password(self, service: str, user: str, text: str) -> None: ...


class _Slow(_Odd):
    def get_password(self, service: str, user: str) -> str | None:
        time.sleep(3)
        return None


class _Broken(_Odd):
    def get_password(self, service: str, user: str) -> str | None:
        raise OSError("the wallet \x1b[31mburns")


def _with(backend: _Odd, monkeypatch: pytest.MonkeyPatch, seconds: float = 60) -> Keychain:
    chain = Keychain({}, "linux", seconds)

    def backends(self: Keychain) -> list[Any]:
        return [backend]

    monkeypatch.setattr(Keychain, "_backends", backends)
    return chain


def test_a_keyring_that_forgets_is_noticed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyringShut, match="did not keep"):
        _with(_Odd(), monkeypatch).write("vault a", KEY)


def test_a_keyring_that_never_answers_does_not_hang_us(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyringShut, match="does not answer"):
        _with(_Slow(), monkeypatch, 0.2).read("vault a")


def test_a_keyring_that_breaks_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyringShut, match="refuses") as caught:
        _with(_Broken(), monkeypatch).read("vault a")
    assert "\x1b" not in str(caught.value)


def test_something_else_in_our_place_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = _Odd()
    odd.kept = "hunter2"
    with pytest.raises(McptuiError, match="no key") as caught:
        _with(odd, monkeypatch).read("vault a")
    assert "hunter2" not in str(caught.value)
