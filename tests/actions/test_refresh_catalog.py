"""Refreshing as a user does it: from a folder or an address, with the old catalog kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mcptui.actions.refresh_catalog import ADDRESS, refresh_catalog
from mcptui.catalog.load import open_catalog
from mcptui.errors import NotTrusted, TryAgain, UsageError
from mcptui.home import Home
from mcptui.progress import Step, StepState
from mcptui.trust.tuf_copy import Place, best
from tests.forge import CatalogForge, Client


@pytest.fixture
def forge(tmp_path: Path) -> CatalogForge:
    """A publisher whose version 1 is out."""
    made = CatalogForge(tmp_path / "forge")
    made.publish()
    return made


@pytest.fixture
def place(forge: CatalogForge, tmp_path: Path) -> Place:
    """Where a user whose program came with version 1 keeps copies."""
    return Client(forge, tmp_path / "client").place


@pytest.fixture
def user(place: Place, home: Home) -> Home:
    """A home whose catalog is that user's."""
    return Home(
        home.paths,
        environ=home.environ,
        find_catalog=lambda home: open_catalog(best(place), home.clock),
    )


def refresh(home: Home, place: Place, source: str = "") -> list[Step]:
    async def collect() -> list[Step]:
        return [step async for step in refresh_catalog(home, source, place=place)]

    return asyncio.run(collect())


def test_from_a_folder_and_then_from_there_again(
    forge: CatalogForge, user: Home, place: Place
) -> None:
    assert user.catalog().facts.version == 1
    forge.next()
    steps = refresh(user, place, str(forge.repository))
    assert [step.state for step in steps] == [StepState.RUNNING, StepState.DONE]
    assert steps[-1].result == 2
    assert user.catalog().facts.version == 2
    assert user.catalog().facts.source == "refreshed"
    forge.next()
    assert refresh(user, place)[-1].result == 3
    assert [row.id for row in user.catalog().rows()] == ["clock", "more-1", "more-2"]


def test_without_a_source(user: Home, place: Place) -> None:
    with pytest.raises(UsageError, match="No address to refresh the catalog from"):
        refresh(user, place)


def test_the_variable_names_the_source(
    forge: CatalogForge, user: Home, place: Place, scratch_environ: dict[str, str]
) -> None:
    forge.next()
    environ = {**scratch_environ, ADDRESS: str(forge.repository)}
    assert refresh(Home(user.paths, environ=environ), place)[-1].result == 2


@pytest.mark.parametrize("source", ["http://example.org/catalog", "ftp://x", "https://u@h"])
def test_only_https(user: Home, place: Place, source: str) -> None:
    with pytest.raises(UsageError, match="The catalog's address"):
        refresh(user, place, source)


def test_a_folder_that_holds_none(user: Home, place: Place, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no signed catalog"):
        refresh(user, place, str(tmp_path))


def test_an_address_that_does_not_answer(user: Home, place: Place) -> None:
    with pytest.raises(TryAgain, match="cannot be reached"):
        refresh(user, place, "https://127.0.0.1:9/")
    assert user.catalog().facts.version == 1


def test_a_foreign_catalog_is_refused(user: Home, place: Place, tmp_path: Path) -> None:
    other = CatalogForge(tmp_path / "other")
    other.publish()
    other.next()
    with pytest.raises(NotTrusted, match="not signed by the keys"):
        refresh(user, place, str(other.repository))
    assert user.catalog().facts.version == 1


def test_a_signed_file_that_cannot_be_opened_is_not_put_in_use(
    forge: CatalogForge, user: Home, place: Place
) -> None:
    file = forge.folder / "nonsense"
    file.write_bytes(b"nonsense" * 1000)
    forge.publish_file(file)
    with pytest.raises(Exception, match="cannot be read"):
        refresh(user, place, str(forge.repository))
    assert user.catalog().facts.version == 1
