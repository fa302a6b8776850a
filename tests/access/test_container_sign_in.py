"""A container that declares OAuth gets the token of its sign-in as its secret, and no other way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.access.granted import NeedsSecret, secrets_of
from mcptui.actions.install_secrets import missing_secrets
from mcptui.actions.sign_in import authorize, sign_ins
from mcptui.entry import Choices, OAuth, Secret, Trust
from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.store.rows import Installed
from tests.access.authority import authority
from tests.access.browsing import Browser
from tests.tui.world import entry as catalog_entry


@pytest.fixture
def home(tmp_path: Path) -> Generator[Home]:
    environ = {"HOME": str(tmp_path), "MCPTUI_HOME": str(tmp_path / "m"), "PATH": os.defpath}
    made = Home(Paths.of(environ), environ=environ)
    read, write = os.pipe()
    os.write(write, b"a passphrase of a test\n")
    os.close(write)
    made.passphrase_fd = read
    yield made
    made.close()


def test_the_token_is_its_secret(home: Home) -> None:
    async def run() -> None:
        async with authority() as server:
            secret = Secret("notes.token", "NOTES_TOKEN", True, "")
            oauth = OAuth("Notes", ("notes:read",), "NOTES_TOKEN", server.issuer)
            entry = replace(catalog_entry("notes"), secrets=(secret,), oauth=oauth, mounts=())
            row = Installed("notes", entry, Choices(), Trust.UNSIGNED, "test", "sha256:0", 1.0, 1.0)
            home.store.put_install(row)
            assert list(missing_secrets(home, entry, "notes", {})) == []
            with pytest.raises(NeedsSecret, match="mcptui oauth authorize notes"):
                await asyncio.to_thread(secrets_of(home), row)
            browser = Browser()
            await authorize(home, "notes", browser.show)
            assert browser.prompts[0].scopes == "notes:read"
            asked = next(r for r in server.requests if r.path == "/authorize").query
            assert "resource" not in asked
            given = await asyncio.to_thread(secrets_of(home), row)
            assert given == {"notes.token": "access-0"}
            assert [(one.server, one.state) for one in sign_ins(home)] == [("notes", "signed in")]

    asyncio.run(run())


def test_a_token_that_is_over_is_renewed_before_the_start(home: Home) -> None:
    async def run() -> None:
        async with authority() as server:
            secret = Secret("notes.token", "NOTES_TOKEN", True, "")
            oauth = OAuth("Notes", (), "NOTES_TOKEN", server.issuer)
            entry = replace(catalog_entry("notes"), secrets=(secret,), oauth=oauth, mounts=())
            row = Installed("notes", entry, Choices(), Trust.UNSIGNED, "test", "sha256:0", 1.0, 1.0)
            home.store.put_install(row)
            server.seconds = 1
            await authorize(home, "notes", Browser().show)
            await asyncio.sleep(1.1)
            given = await asyncio.to_thread(secrets_of(home), row)
            assert given == {"notes.token": "access-1"}

    asyncio.run(run())
