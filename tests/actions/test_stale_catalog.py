"""A refreshed catalog that has expired keeps new servers out, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mcptui.actions.install import review
from mcptui.actions.tools import call_tool, find_tool
from mcptui.actions.update import update, update_review
from mcptui.catalog.database import write
from mcptui.catalog.load import open_catalog
from mcptui.entry import Trust
from mcptui.entry_read import entry_from_file
from mcptui.errors import TryAgain
from mcptui.home import Home
from mcptui.trust.tuf_copy import best
from tests.actions.conftest import containers_of, put_in, walk
from tests.forge import CatalogForge, Client
from tests.own_server import Toml

pytestmark = pytest.mark.engine
YEAR = 365 * 86_400.0


class Publisher:
    """A forge whose catalog has servers of the local engine."""

    def __init__(self, folder: Path) -> None:
        self.forge = CatalogForge(folder / "forge")
        self.folder = folder

    def publish(self, *files: Path) -> None:
        """Sign a catalog of these entries."""
        database = self.folder / "made.sqlite"
        database.unlink(missing_ok=True)
        write([entry_from_file(file) for file in files], database)
        self.forge.publish_file(database)


@pytest.fixture
def late(home: Home, tmp_path: Path, toml: Toml) -> Callable[[], Home]:
    """A user with `peer` of the signed catalog, who refreshed it and then slept for a year."""
    publisher = Publisher(tmp_path)
    publisher.publish(toml("peer"))
    client = Client(publisher.forge, tmp_path / "client")

    def at(moment: Callable[[], float]) -> Home:
        return Home(
            home.paths,
            environ=home.environ,
            clock=moment,
            find_catalog=lambda made: open_catalog(best(client.place), made.clock),
        )

    def go() -> Home:
        row, _ = put_in(at(home.clock), "peer")
        assert row.trust is Trust.SIGNED
        publisher.publish(toml("peer", "--extra", "more"), toml("other"))
        client.refresh()
        made = at(lambda: home.clock() + YEAR)
        assert made.catalog().facts.stale
        return made

    return go


def test_new_servers_are_refused_and_installed_ones_answer(late: Callable[[], Home]) -> None:
    home = late()
    refused = review(home, "other").refused
    assert isinstance(refused, TryAgain)
    with pytest.raises(TryAgain) as caught:
        put_in(home, "other")
    assert caught.value.what == "The catalog is stale, so nothing new is installed from it"
    assert "expired" in caught.value.why
    assert "mcptui catalog refresh" in caught.value.fix
    assert [row.name for row in home.store.installs()] == ["peer"]
    said = asyncio.run(call_tool(home, find_tool(home, "peer__echo"), {"text": "still here"}))
    assert said["content"][0]["text"] == "still here"
    assert containers_of(home) == []
    home.close()


def test_own_servers_need_no_catalog(late: Callable[[], Home], toml: Toml) -> None:
    home = late()
    row, _ = put_in(home, toml("mine"))
    assert (row.name, row.trust) == ("mine", Trust.UNSIGNED)
    home.close()


def test_an_installed_server_can_still_be_updated(late: Callable[[], Home]) -> None:
    home = late()
    found = update_review(home, "peer")
    assert (found.newest, found.review.refused) == (False, None)
    walk(update(home, "peer"))
    row = home.store.installed("peer")
    assert row is not None
    assert (row.entry.command, row.trust) == (("/srv/peer.py", "--extra", "more"), Trust.SIGNED)
    home.close()
