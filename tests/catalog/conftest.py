"""A publisher with sources of its own, nothing published yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.forge import CatalogForge


@pytest.fixture
def forge(tmp_path: Path) -> CatalogForge:
    """A publisher whose sources hold one server, `clock`."""
    return CatalogForge(tmp_path / "forge")
