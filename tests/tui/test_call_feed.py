"""Calls as plain data: new ones are added, running ones replaced, nothing is missing silently."""

from __future__ import annotations

from dataclasses import replace

from mcptui.store.rows import CallRow
from mcptui.tui.rooms.call_feed import CallFeed
from tests.tui.world import call


def rows(first: int, last: int, outcome: str = "ok") -> list[CallRow]:
    return [call(number, "time.now", outcome) for number in range(first, last + 1)]


def test_running_calls_are_replaced_in_place() -> None:
    feed = CallFeed()
    feed.begin(rows(1, 3) + rows(4, 4, "open"), 4)
    new, changed = feed.take([call(5, "time.now"), call(4, "time.now", "blocked")], 6)
    assert [row.id for row in new] == [5]
    assert [row.id for row in changed] == [4]
    assert [row.outcome for row in feed.rows] == ["ok", "ok", "ok", "blocked", "ok"]
    assert feed.refused == 1
    assert feed.places(changed, feed.rows) == [(3, changed[0])]


def test_a_call_that_begins_and_ends_in_one_batch_is_one_row() -> None:
    feed = CallFeed()
    feed.begin([], 0)
    new, _ = feed.take([call(1, "time.now", "open"), call(1, "time.now")], 2)
    assert [(row.id, row.outcome) for row in new] == [(1, "ok")]


def test_a_filter_goes_on_while_calls_arrive() -> None:
    feed = CallFeed()
    feed.begin(rows(1, 4), 4)
    feed.filter(lambda row: row.id % 2 == 0)
    assert [row.id for row in feed.shown] == [2, 4]
    new, _ = feed.take(rows(5, 8), 8)
    assert [row.id for row in new] == [6, 8]
    assert feed.total == 8


def test_what_is_left_out_is_said() -> None:
    feed = CallFeed(limit=10)
    feed.begin(rows(91, 100), 100)
    assert feed.shown[0].outcome == "gap"
    assert [row.id for row in feed.shown] == list(range(90, 101))
    feed.take(rows(101, 200), 200)
    assert [row.id for row in feed.rows] == list(range(191, 201))


def test_counts_follow_what_is_kept() -> None:
    feed = CallFeed(limit=10)
    feed.begin([replace(row, findings=1) for row in rows(1, 5, "refused")], 5)
    assert (feed.refused, feed.flagged) == (5, 5)
    feed.take(rows(6, 30), 30)
    assert (feed.refused, feed.flagged) == (0, 0)


def test_an_unknown_call_that_ended_is_no_news() -> None:
    feed = CallFeed()
    feed.begin(rows(10, 12), 12)
    assert feed.take([call(3, "time.now")], 13) == ([], [])
