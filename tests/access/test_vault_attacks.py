"""The vault under a changed file, a full disk, a killed process and many writers at once."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcptui.access.sealed import parse
from mcptui.access.vault import vault_of
from mcptui.access.vault_file import VaultFile
from mcptui.errors import McptuiError, NotTrusted, TryAgain
from mcptui.home import Home
from tests.real_keyring import RealKeyring

ROOT = Path(__file__).parents[2]


@pytest.fixture
def filled(safe: Home) -> Home:
    """A home with two secrets."""
    safe.vault().put("a", "value of a", {"one": 1.0})
    safe.vault().put("b", "value of b")
    return safe


def _body(home: Home) -> dict[str, Any]:
    return json.loads(home.paths.vault.read_text())


def _write(home: Home, body: Any) -> None:
    home.paths.vault.write_text(body if isinstance(body, str) else json.dumps(body))


def _flip(text: str) -> str:
    at = len(text) // 2
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def _swap(body: dict[str, Any]) -> None:
    items = body["items"]
    items["a"]["sealed"], items["b"]["sealed"] = items["b"]["sealed"], items["a"]["sealed"]


def _add_grant(body: dict[str, Any]) -> None:
    body["items"]["b"]["servers"]["evil"] = 1.0


def _rename(body: dict[str, Any]) -> None:
    body["items"]["c"] = body["items"].pop("b")


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "value": lambda body: body["items"]["a"].update(sealed=_flip(body["items"]["a"]["sealed"])),
    "two values swapped": _swap,
    "a grant added": _add_grant,
    "a name taken away": lambda body: body["items"].pop("b"),
    "a name changed": _rename,
    "a date": lambda body: body["items"]["a"].update(created=1.0),
    "a version": lambda body: body["items"]["a"].update(version=7),
    "the count": lambda body: body.update(changes=9),
    "the seal": lambda body: body.update(seal=_flip(body["seal"])),
    "no seal": lambda body: body.update(seal=""),
    "the check": lambda body: body.update(check=_flip(body["check"])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_refused_for_reading_and_for_writing(change: str, filled: Home) -> None:
    body = _body(filled)
    CHANGES[change](body)
    _write(filled, body)
    changed = filled.paths.vault.read_bytes()
    for vault in (filled.vault(), vault_of(filled)):
        with pytest.raises(NotTrusted):
            vault.get("a")
        with pytest.raises(NotTrusted):
            vault.put("c", "more")  # writing would make the change good
        with pytest.raises(NotTrusted):
            vault.remove("a")
    assert filled.paths.vault.read_bytes() == changed


def test_one_value_put_back_from_an_older_file_is_noticed(filled: Home) -> None:
    old = _body(filled)
    filled.vault().put("a", "rotated after the leak")
    now = _body(filled)
    now["items"]["a"] = old["items"]["a"]
    _write(filled, now)
    with pytest.raises(NotTrusted, match="changed by something else"):
        filled.vault().get("a")


def test_a_whole_older_file_is_not_noticed_and_we_say_so(filled: Home) -> None:
    """Known and written down: nothing on this machine remembers better than the file itself."""
    import mcptui.access.sealed as sealed

    old = filled.paths.vault.read_text()
    filled.vault().put("a", "rotated")
    _write(filled, old)
    assert filled.vault().get("a") == "value of a"
    assert "whole file replaced by a whole older one" in (sealed.__doc__ or "").replace("\n", " ")


def test_a_value_of_another_vault_does_not_open_here(
    filled: Home, keyring: RealKeyring, tmp_path: Path
) -> None:
    from tests.real_keyring import with_keyring
    from tests.world import scratch_environ

    environ = with_keyring(scratch_environ(tmp_path / "other"), keyring)
    from mcptui.paths import Paths

    other = Home(Paths.of(environ), environ=environ)
    other.vault().put("a", "another value")
    _write(filled, {**_body(other), "id": _body(filled)["id"]})
    with pytest.raises(NotTrusted):
        vault_of(filled).get("a")


@pytest.mark.parametrize("keep", [0, 1, 40, 400, -1, -30])
def test_a_cut_file_is_refused_in_words_and_kept(keep: int, filled: Home) -> None:
    text = filled.paths.vault.read_text()
    _write(filled, text[:keep])
    with pytest.raises(NotTrusted, match="cannot be read") as caught:
        filled.vault().get("a")
    assert "backup" in caught.value.fix
    with pytest.raises(NotTrusted):
        filled.vault().put("c", "1")
    assert filled.paths.vault.read_text() == text[:keep]


@pytest.mark.parametrize(
    "text",
    ["[]", "null", "{}", '{"mcptui-vault": 2}', "[" * 100_000, '{"mcptui-vault":1,"id":1}', "\0"],
)
def test_what_is_no_vault_is_refused(text: str) -> None:
    with pytest.raises(NotTrusted):
        parse(text)


@pytest.mark.parametrize(
    "change",
    [
        {"memory_kib": 2**40},
        {"memory_kib": "1"},
        {"passes": 10**9},
        {"lanes": 0},
        {"salt": ""},
        {"kdf": "pbkdf2"},
        {"memory_kib": True},
    ],
)
def test_a_changed_head_cannot_take_the_machines_memory(
    change: dict[str, Any], filled: Home
) -> None:
    key = {"from": "passphrase", "kdf": "argon2id", "salt": "A" * 24, "memory_kib": 65536}
    key |= {"passes": 3, "lanes": 4}
    body = copy.deepcopy(_body(filled))
    parse(json.dumps({**body, "key": key}))
    with pytest.raises(NotTrusted):
        parse(json.dumps({**body, "key": {**key, **change}}))


# ---- the file itself


def test_rights_that_are_too_wide_are_taken_back(filled: Home) -> None:
    filled.paths.vault.chmod(0o644)
    assert filled.vault().get("a") == "value of a"
    assert filled.paths.vault.stat().st_mode & 0o777 == 0o600


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("how", [_link, _pipe, _folder])
def test_what_is_no_plain_file_is_refused(how: Callable[[Path], None], filled: Home) -> None:
    how(filled.paths.vault)
    with pytest.raises(NotTrusted, match="is not used"):
        filled.vault().get("a")
    with pytest.raises(NotTrusted):
        filled.vault().put("c", "1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_users_file_is_refused(filled: Home) -> None:
    os.chown(filled.paths.vault, 65534, 65534)
    with pytest.raises(NotTrusted, match="another user"):
        filled.vault().get("a")


def test_the_lock_is_waited_for_and_not_for_ever(
    filled: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcptui.access.vault_file.LOCK_SECONDS", 0.3)
    with VaultFile(filled.paths.vault).locked(), pytest.raises(TryAgain, match="in use"):
        filled.vault().put("c", "1")
    filled.vault().put("c", "1")


_WRITER = """
import sys
from mcptui.home import Home
vault = Home.real().vault()
for number in range(int(sys.argv[2])):
    vault.put(f"{sys.argv[1]}-{number}", f"value {sys.argv[1]} {number}", {sys.argv[1]: 1.0})
    vault.grant(sys.argv[1], "shared", float(number))
"""


def test_writers_at_once_all_survive(filled: Home) -> None:
    """Three processes and two threads; each also changes one item of all."""
    filled.vault().put("shared", "of all")
    environ = {**filled.environ, "PYTHONPATH": str(ROOT)}
    names, each = ("p", "q", "r"), 8
    command = [sys.executable, "-c", _WRITER]
    running = [subprocess.Popen([*command, name, str(each)], env=environ) for name in names]

    def write(name: str) -> None:
        for number in range(each):
            filled.vault().put(f"{name}-{number}", f"value {name} {number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in ("t", "u")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [one.wait(120) for one in running] == [0, 0, 0]
    vault = vault_of(filled)
    for name in (*names, "t", "u"):
        assert [vault.get(f"{name}-{n}") for n in range(each)] == [
            f"value {name} {n}" for n in range(each)
        ]
    shared = next(row for row in vault.names() if row.name == "shared")
    assert dict(shared.servers) == dict.fromkeys(names, float(each - 1))


_ENDLESS = """
import sys
from mcptui.home import Home
vault = Home.real().vault()
number = 0
while True:
    number += 1
    vault.put("k", f"{number} " + "x" * 30_000)
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_the_old_value_or_the_new_one(filled: Home) -> None:
    """kill -9 at moments that chance chooses; nothing is lost, nothing half, no file left over."""
    environ = {**filled.environ, "PYTHONPATH": str(ROOT)}
    last = 0
    for turn in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", _ENDLESS], env=environ, stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.003 * turn)
            writer.send_signal(signal.SIGKILL)
            told = [int(line) for line in writer.stdout.read().split()]
        vault = vault_of(filled)
        last = int(vault.get("k").split()[0])
        assert last >= max([1, *told])
        assert vault.get("a") == "value of a"
    assert last
    filled.vault().put("k", "done")
    assert not list(filled.paths.state.glob(".*.new"))


_FULL = """
import json, subprocess, sys
from pathlib import Path
from mcptui.home import Home
from mcptui.errors import McptuiError
home = Home.real()
state = home.paths.private(home.paths.state)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(state)], check=True)
vault = home.vault()
vault.put("a", "value of a")
error = ""
for number in range(100):
    try:
        vault.put(f"k{number}", "x" * 4000)
    except McptuiError as found:
        error = str(found)
        break
(state / "more").write_bytes(b"")
left = sorted(path.name for path in state.iterdir() if path.name != "more")
stored = [vault.get(f"k{n}") == "x" * 4000 for n in range(number)]
vault.remove("k0")
vault.put("k0", "short")
print(json.dumps([error, vault.get("a"), all(stored), number, left, vault.get("k0")]))
"""


def test_a_full_disk_is_told_and_costs_nothing(safe: Home) -> None:
    alone = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    done = subprocess.run(
        [*alone, sys.executable, "-c", _FULL],
        env={**safe.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    error, value, stored, count, left, short = json.loads(done.stdout)
    assert "No space left" in error
    assert "Nothing was changed" in error
    assert value == "value of a"
    assert stored is True
    assert count > 2
    assert left == ["vault.json", "vault.json.lock"]
    assert short == "short"


def test_a_vault_that_cannot_be_written_leaves_no_key_behind(
    safe: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcptui.access.keychain import Keychain

    users: list[str] = []
    real = Keychain.write

    def note(self: Keychain, user: str, key: bytes) -> None:
        users.append(user)
        real(self, user, key)

    def fail(self: VaultFile, text: str) -> None:
        raise McptuiError("The vault cannot be written")

    monkeypatch.setattr(Keychain, "write", note)
    monkeypatch.setattr(VaultFile, "write", fail)
    with pytest.raises(McptuiError):
        safe.vault().put("a", "1")
    assert len(users) == 1
    assert Keychain(safe.environ).read(users[0]) is None
    monkeypatch.undo()
    safe.vault().put("a", "1")
    assert safe.vault().get("a") == "1"


def test_a_keyring_that_lost_the_key_is_told(filled: Home) -> None:
    from mcptui.access.keychain import Keychain

    user = f"vault {_body(filled)['id']}"
    Keychain(filled.environ).write(user, bytes(32))
    with pytest.raises(NotTrusted, match="is not the vault's"):
        vault_of(filled).get("a")
    Keychain(filled.environ).forget(user)
    with pytest.raises(NotTrusted, match="not in the keyring"):
        vault_of(filled).get("a")
    assert filled.vault().get("a") == "value of a", "who opened it before still has the key"
