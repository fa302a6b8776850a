"""A publisher and a user of its catalog, fresh for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.forge import CatalogForge, Client


@pytest.fixture
def forge(tmp_path: Path) -> CatalogForge:
    """A publisher whose version 1 is out."""
    made = CatalogForge(tmp_path / "forge")
    made.publish()
    return made


@pytest.fixture
def client(forge: CatalogForge, tmp_path: Path) -> Client:
    """A user whose program came with version 1."""
    return Client(forge, tmp_path / "client")
