"""A gateway process in front of peers, for every test of the gateway."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mcptui.home import Home
from mcptui.store import Store
from mcptui.store.rows import CallRow, Installed
from tests.gateway.http_talk import HttpGateway
from tests.gateway.talk import Talk

Start = Callable[..., Talk]
Serve = Callable[..., HttpGateway]


@pytest.fixture
def start(home: Home, store: Store, scratch_environ: dict[str, str]) -> Iterator[Start]:
    """Starts a gateway process with some servers installed; keyword arguments are limits."""
    talks: list[Talk] = []

    def go(*servers: Installed, **limits: float) -> Talk:
        for server in servers:
            store.put_install(server)
        script = str(Path(__file__).parent / "gateway_process.py")
        words = [f"{key}={value}" for key, value in limits.items()]
        talks.append(Talk([sys.executable, script, *words], scratch_environ))
        return talks[-1]

    yield go
    for talk in talks:
        talk.close()


@pytest.fixture
def serve(home: Home, store: Store, scratch_environ: dict[str, str]) -> Iterator[Serve]:
    """Starts an HTTP gateway with some servers installed; words are `LIMIT=VALUE`."""
    gateways: list[HttpGateway] = []

    def go(*servers: Installed, words: Sequence[str] = (), token: str = "") -> HttpGateway:
        for server in servers:
            store.put_install(server)
        more = [f"token={token}"] if token else []
        gateways.append(HttpGateway(scratch_environ, *words, *more))
        return gateways[-1]

    yield go
    for gateway in gateways:
        gateway.close()


def rows(store: Store, count: int, seconds: float = 15.0) -> list[CallRow]:
    """The first calls of the store, once there are `count` that ended."""
    deadline = time.monotonic() + seconds
    while True:
        found = store.calls()
        done = [row for row in found if row.outcome != "open"]
        if len(done) >= count:
            return done
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
