"""The Network tab by keys: what was refused is seen, allowed with one key, learned and locked."""

from __future__ import annotations

import pytest

from mcptui.actions.network import Reach
from mcptui.actions.problems import Problem
from tests.tui.driving import at_screen, drive
from tests.tui.frames import frame
from tests.tui.world import NOW, FakeFeed
from tests.tui.world_hosts import row


def test_a_new_refusal_is_marked_until_somebody_has_looked(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "servers") as seat:
            assert "Net ▲1" in frame(seat.app)
            await seat.press("n")
            assert "✗ telemetry.example.net: it is not on the list" in frame(seat.app)
            assert "refused 3 times" in frame(seat.app)
            assert ("saw", "git-local") not in feed.did, "it is on the screen still"
            await seat.press("left_square_bracket")
            assert ("saw", "git-local") in feed.did
            await seat.press("right_square_bracket")
            assert "▲1]" not in frame(seat.app)
            assert "✗ refused 3" in frame(seat.app)

    drive(story())


def test_one_key_allows_and_takes_away(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "servers") as seat:
            await seat.press("n", "space")
            assert ("host", "git-local", "telemetry.example.net", "True") in feed.did
            assert "[x]  telemetry.example.net" in frame(seat.app)
            assert seat.said == "git-local: telemetry.example.net is allowed"
            await seat.press("down", "down", "space")
            assert ("host", "git-local", "db.example.org:5432/tcp", "False") in feed.did
            assert "[ ]  db.example.org:5432/tcp" in frame(seat.app)
            assert not [one for one in feed.did if one[0] == "switch"], "no server was switched"

    drive(story())


def test_learning_is_asked_for_and_locked(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "servers") as seat:
            await seat.press("n", "L")
            assert "may reach any public host by TLS" in frame(seat.app)
            await seat.press("escape")
            assert ("learn", "git-local") not in feed.did
            await seat.press("L", "enter")
            assert ("learn", "git-local") in feed.did
            assert "▲ learning: any public host" in frame(seat.app)
            await seat.press("L")
            assert feed.did[-1] == ("lock", "git-local")
            assert "nothing else" in frame(seat.app)

    drive(story())


def test_the_next_problem_is_a_new_refusal(feed: FakeFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "git-local was refused telemetry.example.net"
    found = [Problem("servers", "git-local", text, "n", host="telemetry.example.net")]
    monkeypatch.setattr(feed, "problems", lambda: found)

    async def story() -> None:
        for size in ((120, 35), (80, 24)):
            feed.keep_hosts(NOW)
            async with at_screen(feed, "calls", size) as seat:
                await seat.press("exclamation_mark")
                assert seat.said == text
                await seat.press("space")
                assert feed.did[-1] == ("host", "git-local", "telemetry.example.net", "True")

    drive(story())


def test_a_server_without_a_network_has_nothing_to_allow(feed: FakeFeed) -> None:
    async def story() -> None:
        async with at_screen(feed, "servers") as seat:
            await seat.press("down", "down", "n")
            assert "✓ no network" in frame(seat.app)
            before = list(feed.did)
            await seat.press("space")
            assert feed.did == before, "the key is not the one for the whole server"
            assert seat.said == "No host is selected"

    drive(story())


def test_hosts_follow_what_happens_elsewhere(feed: FakeFeed) -> None:
    """The cursor stays on its host when another one comes in above it."""

    async def story() -> None:
        async with at_screen(feed, "servers") as seat:
            await seat.press("n", "down")
            rows = feed.reaches["git-local"].rows
            fresh = row("other.example.net", refused=1, at=NOW, new=True)
            feed.reaches["git-local"] = Reach("listed", (fresh, *rows))
            seat.app.here.stored()
            await seat.settle()
            assert "Net ▲2" in frame(seat.app)
            await seat.press("space")
            assert feed.did[-1] == ("host", "git-local", "api.github.com", "False")

    drive(story())
