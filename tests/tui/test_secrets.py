"""Secrets on the screen: typed unseen, told by name, and nowhere in what is drawn or copied."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import pytest

from mcptui.entry import Secret
from tests.tui.driving import at_screen, drive
from tests.tui.frames import check, frame
from tests.tui.world import FakeFeed, entry
from tests.tui.world_secrets import STORED, WANTED

VALUE = "hunter2-and-more"
NEEDS = Secret("acme.key", "ACME_KEY", True, "acme.example, Settings")


@pytest.fixture
def stored(feed: FakeFeed) -> FakeFeed:
    """A feed with secrets stored and secrets wanted."""
    feed.stored_secrets, feed.wanted_secrets = list(STORED), list(WANTED)
    return feed


@pytest.mark.parametrize("size", ["120x35", "80x24", "60x16"])
def test_the_room(stored: FakeFeed, size: str) -> None:
    columns, rows = (int(part) for part in size.split("x"))

    async def story() -> None:
        async with at_screen(stored, "access", (columns, rows)) as seat:
            await seat.press("down")
            check(seat.app, f"access-secrets-{size}")
            await seat.press("e")
            await seat.type(VALUE)
            check(seat.app, f"sheet-secret-{size}")

    drive(story())


def test_a_value_is_typed_unseen_and_replaces_the_old_one(stored: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(stored, "access") as seat:
            seat.app.here.select("github.token")
            await seat.press("e")
            await seat.type(VALUE)
            screen = frame(seat.app)
            assert "•" * len(VALUE) in screen
            assert VALUE not in screen
            await seat.press("ctrl+c", "ctrl+x")
            assert VALUE not in seat.app.clipboard
            picture = io.StringIO(seat.app.export_screenshot())
            assert VALUE not in picture.read()
            await seat.press("enter")
            assert ("put", "github.token", VALUE, ()) in stored.did
            assert VALUE not in frame(seat.app) + seat.said

    drive(story())


def test_esc_and_an_empty_line_store_nothing(stored: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(stored, "access") as seat:
            await seat.press("e", "enter", "e")
            await seat.type("half a va")
            await seat.press("escape")
            assert stored.did == []

    drive(story())


def test_a_missing_one_is_entered_for_its_server(stored: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(stored, "access") as seat:
            seat.app.here.select("time")
            assert "▲ missing" in frame(seat.app)
            await seat.press("e")
            await seat.type("v")
            await seat.press("enter")
            assert stored.did == [("put", "weather.key", "v", ("time",))]
            assert "weather.key is stored, for time" in seat.said

    drive(story())


def test_space_gives_and_takes_and_d_asks_first(stored: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(stored, "access") as seat:
            seat.app.here.select("fetch")
            await seat.press("space")
            assert stored.did.pop() == ("grant", "github.token", "fetch", True)
            await seat.press("up", "up")
            seat.app.here.select("git-local")
            await seat.press("space")
            assert stored.did.pop() == ("grant", "github.token", "git-local", False)
            await seat.press("d")
            assert "git-local cannot start without it" in frame(seat.app)
            await seat.press("escape")
            assert stored.did == []
            await seat.press("d", "enter")
            assert stored.did == [("forget", "github.token")]

    drive(story())


def test_an_install_asks_for_its_secret_in_the_sheet(feed: FakeFeed) -> None:
    feed.made -= {"git-local"}
    feed.entries["git-local"] = replace(entry("git-local"), secrets=(NEEDS,), mounts=())

    async def story() -> None:
        async with at_screen(feed, size=(120, 35)) as seat:
            seat.app.here.select("git-local")
            await seat.press("i")
            assert "a secret is needed" in frame(seat.app)
            await seat.press("enter")
            await seat.type(VALUE)
            assert VALUE not in frame(seat.app)
            check(seat.app, "sheet-install-secret-120x35")
            await seat.press("enter")
            assert "••••••" in frame(seat.app)
            await seat.press("enter")
            assert feed.given == [{"acme.key": VALUE}]
            assert VALUE not in frame(seat.app) + seat.said

    drive(story())


def test_a_stored_secret_is_given_by_a_switch(feed: FakeFeed) -> None:
    feed.made -= {"git-local"}
    feed.stored_secrets = [replace(STORED[0], name="acme.key")]
    feed.entries["git-local"] = replace(entry("git-local"), secrets=(NEEDS,), mounts=())

    async def story() -> None:
        async with at_screen(feed) as seat:
            seat.app.here.select("git-local")
            await seat.press("i", "enter")
            assert feed.given == []
            await seat.press("space")
            assert "it gets the stored one" in frame(seat.app)
            await seat.press("enter")
            assert feed.given == [{"acme.key": None}]

    drive(story())


def test_a_thread_that_needs_the_passphrase_asks_on_the_screen(feed: FakeFeed) -> None:
    found: list[str] = []

    async def story() -> None:
        async with at_screen(feed, "access") as seat:
            ask = feed.home.ask_secret
            assert ask is not None
            thread = threading.Thread(target=lambda: found.append(ask("Passphrase of the vault: ")))
            thread.start()
            while "Passphrase of the vault" not in frame(seat.app):
                await seat.settle()
            await seat.type(VALUE)
            assert VALUE not in frame(seat.app)
            await seat.press("enter")
            while thread.is_alive():
                await seat.settle()
            assert found == [VALUE]

    drive(story())
