"""A real keyring session for the tests of the vault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mcptui.home import Home
from mcptui.paths import Paths
from tests.real_keyring import RealKeyring, real_keyring, with_keyring


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[RealKeyring]:
    """An unlocked GNOME Keyring of this test's own."""
    # What a home finds is put into this process's environment; afterwards it is as it was.
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with real_keyring() as running:
        yield running


@pytest.fixture
def safe(scratch_environ: dict[str, str], keyring: RealKeyring) -> Iterator[Home]:
    """A home with that keyring."""
    environ = with_keyring(scratch_environ, keyring)
    made = Home(Paths.of(environ), environ=environ)
    yield made
    made.close()
