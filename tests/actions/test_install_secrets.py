"""Installing servers that need secrets: asked for, kept for this install, given to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.access.granted import NeedsSecret, secrets_of
from mcptui.actions.install import install, review
from mcptui.actions.put_secret import forget_secret, grant_secret, put_secret, revoke_secret
from mcptui.actions.remove import remove
from mcptui.actions.secrets import secrets, server_secrets
from mcptui.actions.undo import undo
from mcptui.actions.update import update
from mcptui.errors import McptuiError, UsageError
from mcptui.gateway.credentials import HeaderSecrets
from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.progress import Step
from tests.actions.conftest import put_in, walk
from tests.own_server import Toml
from tests.real_keyring import RealKeyring, real_keyring, with_keyring

pytestmark = pytest.mark.engine

KEY = '[[secrets]]\nname = "acme.key"\nenv = "ACME_KEY"\nwhere = "acme.example, Settings"\n'
MORE = KEY + '[[secrets]]\nname = "acme.extra"\nenv = "ACME_EXTRA"\nrequired = false\n'


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[RealKeyring]:
    """An unlocked keyring of this test's own."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with real_keyring() as running:
        yield running


@pytest.fixture
def home(scratch_environ: dict[str, str], keyring: RealKeyring) -> Iterator[Home]:
    """A home with that keyring."""
    environ = with_keyring(scratch_environ, keyring)
    made = Home(Paths.of(environ), environ=environ)
    yield made
    made.close()


def _given(home: Home, name: str = "peer") -> dict[str, str]:
    row = home.store.installed(name)
    assert row is not None
    return dict(secrets_of(home)(row))


def test_what_is_typed_is_kept_for_this_install_when_it_started(home: Home, toml: Toml) -> None:
    file = toml(more=MORE)
    look = review(home, str(file))
    assert look.refused is None
    assert [(one.kind, one.name, one.option) for one in look.missing] == [
        ("secret", "acme.key", "--secret acme.key")
    ]
    with pytest.raises(UsageError, match="needs something"):
        put_in(home, file)
    assert not home.paths.vault.exists()
    row, _ = put_in(home, file, secrets={"acme.key": "v1"})
    assert _given(home) == {"acme.key": "v1"}
    (one,) = secrets(home)
    assert (one.name, one.servers) == ("acme.key", ("peer",))
    assert one.used > 0
    assert "v1" not in str(row)
    assert [(s.secret.name, s.granted) for s in server_secrets(home)] == [
        ("acme.key", True),
        ("acme.extra", False),
    ]


def test_a_failed_install_keeps_nothing(home: Home, toml: Toml) -> None:
    with pytest.raises(McptuiError):
        put_in(home, toml("peer", "--no-such-option", more=KEY), secrets={"acme.key": "v1"})
    assert home.vault().names() == ()


def test_a_stored_secret_is_not_given_to_whoever_names_it(home: Home, toml: Toml) -> None:
    put_in(home, toml("honest", more=KEY), secrets={"acme.key": "v1"})
    file = toml("greedy", more=KEY)
    look = review(home, str(file))
    assert [one.name for one in look.missing] == ["acme.key"]
    assert "stored" in look.missing[0].text
    with pytest.raises(UsageError):
        put_in(home, file)
    put_in(home, file, secrets={"acme.key": None})
    assert _given(home, "greedy") == _given(home, "honest") == {"acme.key": "v1"}


def test_a_second_value_is_for_its_own_server_alone(home: Home, toml: Toml) -> None:
    put_in(home, toml("work", more=KEY), secrets={"acme.key": "of work"})
    put_in(home, toml("play", more=KEY), secrets={"acme.key": "of play"})
    assert _given(home, "work") == {"acme.key": "of work"}
    assert _given(home, "play") == {"acme.key": "of play"}
    assert [one.name for one in secrets(home)] == ["acme.key", "acme.key@play"]


def test_a_missing_secret_refuses_the_start_and_names_the_command(home: Home, toml: Toml) -> None:
    put_in(home, toml(more=KEY), secrets={"acme.key": "v1"})
    revoke_secret(home, "acme.key", "peer")
    with pytest.raises(NeedsSecret, match="acme.key") as caught:
        _given(home)
    assert caught.value.fix == "`mcptui secret grant acme.key peer`"
    grant_secret(home, "acme.key", "peer")
    assert _given(home) == {"acme.key": "v1"}
    assert forget_secret(home, "acme.key") == ("peer",)
    with pytest.raises(NeedsSecret) as caught:
        _given(home)
    assert caught.value.fix == "`mcptui secret set acme.key`"
    assert put_secret(home, "acme.key", "v2", ("peer",)) == ("peer",)
    assert _given(home) == {"acme.key": "v2"}
    with pytest.raises(UsageError, match="does not declare"):
        put_secret(home, "other", "v", ("peer",))


def test_a_server_installed_anew_under_an_old_name_inherits_nothing(home: Home, toml: Toml) -> None:
    put_in(home, toml(more=KEY), secrets={"acme.key": "v1"})
    walk(remove(home, "peer"))
    undo(home)
    assert _given(home) == {"acme.key": "v1"}, "the very same install is back"
    walk(remove(home, "peer"))
    look = review(home, str(toml(more=KEY)))
    assert [one.name for one in look.missing] == ["acme.key"]
    row = put_in(home, toml(more=KEY), secrets={"acme.key": None})[0]
    other = replace(row, installed_at=row.installed_at + 1)
    with pytest.raises(NeedsSecret):
        secrets_of(home)(other)


def test_an_update_keeps_what_was_granted_and_asks_for_what_is_new(home: Home, toml: Toml) -> None:
    put_in(home, toml(more=KEY), secrets={"acme.key": "v1"})
    toml("peer", "--era", "modern", more=MORE)
    walk(update(home, "peer"))
    assert _given(home) == {"acme.key": "v1"}
    toml("peer", "--era", "modern", more=MORE.replace("required = false\n", ""))
    with pytest.raises(UsageError, match="acme.extra"):
        walk(update(home, "peer"))
    put_secret(home, "acme.extra", "e1")
    with pytest.raises(UsageError, match="which is stored"):
        walk(update(home, "peer"))
    walk(update(home, "peer", {"acme.extra": None}))
    assert _given(home) == {"acme.key": "v1", "acme.extra": "e1"}


REMOTE = """
id = "far"
title = "Far"
description = "A test."
[remote]
url = "https://mcp.example.com/mcp"
transport = "streamable-http"
headers = { Authorization = "Bearer ${FAR_TOKEN}" }
[[secrets]]
name = "far.token"
env = "FAR_TOKEN"
"""


def test_a_remote_server_gets_its_header_from_a_secret(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "far.toml"
    file.write_text(REMOTE)
    assert [one.option for one in review(home, str(file)).missing] == ["--secret far.token"]
    row, _ = put_in(home, file, secrets={"far.token": "t0ken"})
    headers = asyncio.run(HeaderSecrets(secrets_of(home)).headers(row, "https://mcp.example.com"))
    assert headers == {"Authorization": "Bearer t0ken"}
    revoke_secret(home, "far.token", "far")
    with pytest.raises(NeedsSecret, match="far.token"):
        asyncio.run(HeaderSecrets(secrets_of(home)).headers(row, "https://mcp.example.com"))


def test_a_locked_keyring_stops_an_install_before_anything_is_built(
    home: Home, toml: Toml, keyring: RealKeyring
) -> None:
    keyring.lock()
    steps: list[Step] = []

    async def run() -> None:
        async for step in install(home, str(toml(more=KEY)), secrets={"acme.key": "v1"}):
            steps.append(step)  # noqa: PERF401  # those before the error count

    with pytest.raises(McptuiError, match="locked"):
        asyncio.run(run())
    assert steps == []
    assert home.store.names() == []
