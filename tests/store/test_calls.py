"""The record of calls: starts, ends, followers and dead gateways."""

from __future__ import annotations

from dataclasses import replace

from mcptui.store import Store
from mcptui.store.rows import CallEnd, CallStart

CALL = CallStart("a", "g1", 10.0, "Cursor", "1.2", 77, "time", "now", "tools/call", '{"q":1}', 7)


def test_a_call_is_open_until_its_end_comes(store: Store) -> None:
    store.record([CALL])
    assert [(row.key, row.outcome) for row in store.calls()] == [("a", "open")]
    store.record([CallEnd("a", "error", 12.5, "no such zone", '{"e":1}', 7, findings=2)])
    row = store.calls()[0]
    assert (row.outcome, row.ms, row.reason, row.bytes_in, row.bytes_out, row.findings) == (
        "error", 12.5, "no such zone", 7, 7, 2,
    )  # fmt: skip
    body = store.call_body(row.id)
    assert body is not None
    assert (body.request, body.answer) == ('{"q":1}', '{"e":1}')


def test_start_and_end_in_one_batch_make_one_row(store: Store) -> None:
    store.record([CALL, CallEnd("a", "ok", 1.0, answer="yes"), replace(CALL, key="b")])
    assert [(row.key, row.outcome) for row in store.calls()] == [("a", "ok"), ("b", "open")]
    body = store.call_body(store.calls()[0].id)
    assert body is not None
    assert body.answer == "yes"


def test_a_note_of_the_end_is_added_to_what_the_beginning_said(store: Store) -> None:
    store.record([replace(CALL, what="q=1"), CallEnd("a", "ok", 1.0, note="late")])
    store.record([replace(CALL, key="b"), replace(CALL, key="c", what="q=2")])
    store.record([CallEnd("b", "ok", 1.0, note="late"), CallEnd("c", "ok", 1.0)])
    assert [row.what for row in store.calls()] == ["q=1 · late", "late", "q=2"]


def test_a_follower_sees_each_beginning_and_each_end_once(store: Store) -> None:
    store.record([CALL])
    first, cursor = store.call_changes(0)
    assert [row.outcome for row in first] == ["open"]
    assert store.call_changes(cursor) == ([], cursor)
    store.record([CallEnd("a", "ok", 1.0), replace(CALL, key="b")])
    second, cursor = store.call_changes(cursor)
    assert {(row.key, row.outcome) for row in second} == {("a", "ok"), ("b", "open")}
    assert store.call_changes(cursor)[0] == []
    assert store.call_cursor() == cursor


def test_a_dead_gateways_open_calls_are_lost_and_followers_hear_of_it(store: Store) -> None:
    store.record([CALL, replace(CALL, key="b"), replace(CALL, key="c", gateway="g2")])
    store.record([CallEnd("b", "ok", 1.0)])
    cursor = store.call_cursor()
    assert store.lose_gateways(["g1"]) == 1
    rows, _ = store.call_changes(cursor)
    assert [(row.key, row.outcome) for row in rows] == [("a", "lost")]
    assert {row.key: row.outcome for row in store.calls()} == {"a": "lost", "b": "ok", "c": "open"}


def test_newest_limits_counts_and_pruning(store: Store) -> None:
    store.record([replace(CALL, key=str(n), at=float(n)) for n in range(10)])
    assert [row.key for row in store.calls(newest=True, limit=3)] == ["7", "8", "9"]
    assert [row.key for row in store.calls(after=8)] == ["8", "9"]
    assert store.call_counts(since=5.0) == {("time", "now", "open"): 5}
    assert store.prune_calls(before=4.0) == 4
    assert store.read("SELECT count(*) FROM bodies")[0][0] == 6


def test_an_end_without_a_start_is_dropped(store: Store) -> None:
    store.record([CallEnd("ghost", "ok", 1.0)])
    assert store.calls() == []
