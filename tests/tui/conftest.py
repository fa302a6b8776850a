"""A made-up feed in a scratch folder, and a time zone that stands still for golden frames."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.tui.world import FakeFeed


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def feed() -> FakeFeed:
    """Placeholder data that never changes."""
    return FakeFeed()
