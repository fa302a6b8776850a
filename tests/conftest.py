"""What every test may ask for: a home below a scratch folder, its store, the real engine."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.store import Store
from tests import world

if TYPE_CHECKING:
    from mcptui.runtime.engine import Engine

# A shell that starts the tests in the background has them ignore ctrl-c, and every program they
# start as well; some of those are tested for what they do on it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def scratch_environ(tmp_path: Path) -> dict[str, str]:
    """This process's environment with HOME and everything of ours below a scratch folder."""
    return world.scratch_environ(tmp_path)


@pytest.fixture
def home(scratch_environ: dict[str, str]) -> Iterator[Home]:
    """A home of its own; the engine and the catalog are the real ones."""
    made = Home(Paths.of(scratch_environ), environ=scratch_environ)
    yield made
    made.close()


@pytest.fixture
def store(home: Home) -> Store:
    """The home's state database."""
    return home.store


@pytest.fixture
def engine(home: Home) -> Engine:
    """The real container engine. A missing one fails the test: `make test` starts it."""
    return home.engine()
