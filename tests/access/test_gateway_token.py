"""The HTTP front's token: one for all gateways, compared safely, gone when it is rotated."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest

from mcptui.access.gateway_token import GatewayToken, gateway_token, matches, rotate
from mcptui.errors import McptuiError
from mcptui.home import Home
from mcptui.paths import Paths
from tests.real_keyring import without_keyring


def test_it_is_made_once_for_all_who_ask_at_once(safe: Home) -> None:
    found: list[str] = []
    homes = [Home(safe.paths, environ=safe.environ) for _ in range(4)]

    def ask(home: Home) -> None:
        found.append(gateway_token(home))

    threads = [threading.Thread(target=ask, args=(home,)) for home in homes]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(base64.urlsafe_b64decode(found[0] + "=")) == 32
    assert found[0].encode() not in safe.paths.vault.read_bytes()
    assert safe.vault().names() == (), "it is no secret of a person's"


def test_a_running_front_follows_a_rotation(safe: Home) -> None:
    front = GatewayToken(safe)
    front.load()
    first = gateway_token(safe)
    assert front.matches(first)
    assert front.matches(first.encode())
    for wrong in ("", "x", first[:-1], first + "x", first.swapcase(), b"\xff\xfe", "é" * 43):
        assert not front.matches(wrong), wrong
    second = rotate(Home(safe.paths, environ=safe.environ))
    assert second != first
    assert front.matches(second)
    assert not front.matches(first)
    safe.vault().drop("gateway/token")
    assert not front.matches(second)
    assert not front.matches("")


def test_no_token_matches_nothing() -> None:
    assert not matches("", "")
    assert not matches(b"", b"")
    assert matches("abc", b"abc")


def test_without_keyring_and_passphrase_every_way_out_is_told(
    scratch_environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    environ = without_keyring(scratch_environ, tmp_path)
    home = Home(Paths.of(environ), environ=environ)
    with pytest.raises(McptuiError, match="HTTP front has no token") as caught:
        GatewayToken(home).load()
    for way in ("GNOME Keyring", "--passphrase-fd", "unix socket"):
        assert way in caught.value.fix
