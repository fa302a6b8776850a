"""The vault: what goes in comes out, for those it was granted to, on machines of both kinds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mcptui.access.passphrase import Argon2, NoPassphrase
from mcptui.access.vault import NoSecret, Vault, WrongPassphrase, vault_of
from mcptui.errors import UsageError
from mcptui.home import Home
from mcptui.paths import Paths
from tests.real_keyring import RealKeyring, without_keyring

WORDS = "correct horse battery staple"
VALUE = "tok_ünï→ \n\t'\"\\$(x)"


def test_a_value_survives_this_process_and_the_keyrings_session(
    safe: Home, keyring: RealKeyring
) -> None:
    safe.vault().put("github.token", VALUE, {"github": 12.25})
    keyring.restart()
    code = "import sys, json; from mcptui.home import Home; h = Home.real(); "
    code += "print(json.dumps([h.vault().get('github.token'), h.vault().source()]))"
    environ = {**safe.environ, "DBUS_SESSION_BUS_ADDRESS": keyring.address}
    environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [VALUE, "keyring"]
    assert VALUE.encode() not in safe.paths.vault.read_bytes() + keyring.files()
    assert safe.paths.vault.stat().st_mode & 0o777 == 0o600
    assert safe.paths.vault.parent.stat().st_mode & 0o777 == 0o700


def test_names_and_grants_are_told_without_the_key(safe: Home, keyring: RealKeyring) -> None:
    vault = safe.vault()
    vault.put("b", "1")
    vault.put("a", "2", {"one": 1.0})
    vault.keep("oauth/x", "3")
    keyring.lock()
    rows = vault_of(safe).names()
    assert [(row.name, dict(row.servers)) for row in rows] == [("a", {"one": 1.0}), ("b", {})]
    assert abs(rows[0].created - safe.clock()) < 60


def test_a_server_gets_what_was_granted_to_this_very_install(safe: Home) -> None:
    vault = safe.vault()
    vault.put("a", "1", {"one": 10.5})
    vault.put("b", "2")
    assert vault.granted(("a", "b"), "one", 10.5) == {"a": "1"}
    assert vault.granted(("a", "b"), "one", 11.0) == {}, "another install of the same name"
    assert vault.granted(("a", "b"), "two", 10.5) == {}
    vault.grant("two", "b", 3.0)
    vault.put("b", "new")
    assert vault.granted(("b",), "two", 3.0) == {"b": "new"}, "a new value keeps its grants"
    vault.revoke("two", "b")
    assert vault.granted(("b",), "two", 3.0) == {}
    with pytest.raises(NoSecret):
        vault.grant("two", "c", 3.0)


def test_forgetting(safe: Home) -> None:
    vault = safe.vault()
    vault.put("a", "1")
    vault.remove("a")
    with pytest.raises(NoSecret) as caught:
        vault.get("a")
    assert "mcptui secret set a" in caught.value.fix
    with pytest.raises(NoSecret):
        vault.remove("a")
    vault.drop("a")
    assert vault.find("a") is None


@pytest.mark.parametrize("name", ["", "a b", "../a", "a/b", "-a", "é", "a" * 200, "a\n", "a@B"])
def test_odd_names_are_refused(name: str, safe: Home) -> None:
    with pytest.raises(UsageError):
        safe.vault().put(name, "1")
    assert not safe.paths.vault.exists()


@pytest.mark.parametrize("value", ["", "a\0b", "x" * 65537, "\udc80"])
def test_values_that_no_environment_holds_are_refused(value: str, safe: Home) -> None:
    with pytest.raises(UsageError) as caught:
        safe.vault().put("a", value)
    assert "xxx" not in str(caught.value)


def test_nothing_is_asked_of_the_keyring_before_a_value_is_needed(
    home: Home, tmp_path: Path
) -> None:
    code = (
        "import sys\nfrom mcptui.home import Home\nv = Home.real().vault()\n"
        "assert v.names() == () and v.source() == '' and v.granted(('a',), 's', 1.0) == {}\n"
        "print(sorted({'keyring', 'cryptography', 'jeepney'} & set(sys.modules)))"
    )
    environ = without_keyring(home.environ, tmp_path)
    environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"


# ---- a machine without a keyring


@pytest.fixture
def headless(
    scratch_environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Vault]:
    """A vault where no keyring is; what it may be opened with is said anew each time."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)

    def vault(
        *, fd: str = "", credential: str = "", typed: list[str] | None = None, **more: str
    ) -> Vault:
        environ = {**without_keyring(scratch_environ, tmp_path), **more}
        made = Home(Paths.of(environ), environ=environ)
        if fd:
            end, start = os.pipe()
            os.write(start, fd.encode())
            os.close(start)
            made.passphrase_fd = end
        if credential:
            folder = tmp_path / "credentials"
            folder.mkdir(exist_ok=True)
            (folder / "mcptui-passphrase").write_text(credential)
            environ["CREDENTIALS_DIRECTORY"] = str(folder)
        if typed is not None:
            answers = iter(typed)
            made.ask_secret = lambda question: next(answers)
        return vault_of(made)

    return vault


def test_a_passphrase_opens_the_vault_by_all_three_ways(headless: Callable[..., Vault]) -> None:
    headless(fd=WORDS + "\n").put("a", VALUE)
    assert headless(fd=WORDS).get("a") == VALUE
    assert headless(credential=WORDS + "\n").get("a") == VALUE
    assert headless(typed=[WORDS]).get("a") == VALUE
    assert headless(typed=["no", "not this", WORDS]).get("a") == VALUE, "a person may mistype"
    assert headless().source() == "passphrase"


def test_a_wrong_passphrase_is_told_as_one_and_changes_nothing(
    headless: Callable[..., Vault], home: Home
) -> None:
    headless(fd=WORDS).put("a", VALUE)
    before = home.paths.vault.read_bytes()
    for wrong in (headless(fd="something else"), headless(typed=["x", "y", "z"])):
        with pytest.raises(WrongPassphrase):
            wrong.get("a")
        with pytest.raises((WrongPassphrase, StopIteration, RuntimeError)):
            wrong.put("b", "2")
    with pytest.raises(NoPassphrase) as caught:
        headless().get("a")
    assert "--passphrase-fd" in caught.value.fix
    assert home.paths.vault.read_bytes() == before


def test_a_passphrase_in_the_environment_is_not_taken(headless: Callable[..., Vault]) -> None:
    headless(fd=WORDS).put("a", VALUE)
    names = ("MCPTUI_PASSPHRASE", "PASSPHRASE", "MCPTUI_VAULT_PASSPHRASE", "CREDENTIALS_DIRECTORY")
    with pytest.raises(NoPassphrase):
        headless(**dict.fromkeys(names, WORDS)).get("a")


@pytest.mark.parametrize(
    ("typed", "why"), [(["short"], "too short"), ([WORDS, WORDS + "x"], "differ")]
)
def test_a_new_passphrase_is_long_and_typed_twice(
    typed: list[str], why: str, headless: Callable[..., Vault], home: Home
) -> None:
    with pytest.raises(UsageError, match=why):
        headless(typed=typed).put("a", "1")
    assert not home.paths.vault.exists()


@pytest.mark.parametrize("given", ["two\nlines are no passphrase", "x" * 5000, "\n"])
def test_what_is_no_passphrase_is_refused(given: str, headless: Callable[..., Vault]) -> None:
    with pytest.raises(UsageError, match="none"):
        headless(fd=given).put("a", "1")


def test_a_descriptor_that_is_not_open_is_told(scratch_environ: dict[str, str]) -> None:
    home = Home(Paths.of(scratch_environ), environ=scratch_environ)
    home.passphrase_fd = 987
    with pytest.raises(UsageError, match="cannot be read"):
        home.vault().put("a", "1")


def test_the_same_words_typed_in_another_form_of_unicode_are_the_same(
    headless: Callable[..., Vault],
) -> None:
    headless(fd="caf\u00e9 au lait s'il vous plait").put("a", VALUE)
    assert headless(fd="cafe\u0301 au lait s'il vous plait").get("a") == VALUE


def test_argon2id_gives_what_the_reference_implementation_gives() -> None:
    """A vector of phc-winner-argon2's own tests."""
    made = Argon2(b"somesalt", memory=65536, passes=2, lanes=1).key("password")
    assert made.hex() == "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
