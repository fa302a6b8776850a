"""The record of calls: found by the query language, followed live, exported whole or not at all."""

from __future__ import annotations

import asyncio
import csv
import json
import threading
import time
from pathlib import Path

import pytest

from mcptui.actions.calls import body, calls, export, follow
from mcptui.errors import McptuiError, UsageError
from mcptui.home import Home
from mcptui.store import Store
from mcptui.store.rows import CallEnd, CallRow, CallStart


def start(key: str, tool: str = "say", **more: object) -> CallStart:
    base: dict[str, object] = {
        "key": key, "gateway": "g", "at": time.time(), "client_name": "Cursor",
        "client_version": "1", "client_pid": 1, "server": "parrot", "tool": tool,
        "method": "tools/call", "request": '{"text":"hello"}', "request_bytes": 16, "what": "hello",
    }  # fmt: skip
    return CallStart(**{**base, **more})  # pyright: ignore[reportArgumentType]


def fill(home: Home) -> None:
    home.store.record(
        [
            start("a"),
            CallEnd("a", "ok", 12.0, answer='{"content":[]}', answer_bytes=14),
            start("b", tool="shout", client_name="Claude"),
            CallEnd("b", "error", 700.0, reason="it broke"),
            start("c", at=time.time() - 7200),
            CallEnd("c", "ok", 3.0, findings=2),
            start("d", server="=cmd", what="+1"),
            CallEnd("d", "blocked", 0.0, reason="tool switched off"),
        ]
    )


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("", "abcd"),
        ("shout", "b"),
        ("is:ok", "ac"),
        ("is:ok,error", "abc"),
        ("is:flagged", "c"),
        ("-is:ok", "bd"),
        ("ms>500", "b"),
        ("since:1h", "abd"),
        ("client:cla", "b"),
        ("server:parrot tool:say", "ac"),
        ('"it broke"', "b"),
        ("nobody:knows", ""),
    ],
)
def test_queries(home: Home, query: str, keys: str) -> None:
    fill(home)
    assert "".join(row.key for row in calls(home, query)) == keys


def test_the_newest_come_when_there_are_more(home: Home) -> None:
    fill(home)
    assert [row.key for row in calls(home, "", 2)] == ["c", "d"]
    assert [row.key for row in calls(home, "is:ok", 1)] == ["c"]


def test_a_call_is_shown_with_its_bodies(home: Home) -> None:
    fill(home)
    row, texts = body(home, calls(home, "tool:shout")[0].id)
    assert (row.outcome, texts.request) == ("error", '{"text":"hello"}')
    with pytest.raises(UsageError, match="No call has the number 99"):
        body(home, 99)


def test_followers_hear_of_calls_of_another_process_at_once(home: Home) -> None:
    fill(home)
    heard: list[tuple[CallRow, float]] = []

    def write() -> None:
        other = Store.open(home.paths.database)
        time.sleep(0.3)
        other.record([start("new")])
        time.sleep(0.3)
        other.record([CallEnd("new", "ok", 1.0)])
        other.record([start("not", tool="shout"), CallEnd("not", "ok", 1.0)])
        other.close()

    async def listen() -> None:
        writer = threading.Thread(target=write)
        writer.start()
        async with asyncio.timeout(10):
            async for rows in follow(home, "tool:say"):
                heard.extend((row, time.time()) for row in rows)
                if heard[-1][0].outcome != "open":
                    break
        writer.join()

    asyncio.run(listen())
    assert [(row.key, row.outcome) for row, _ in heard] == [("new", "open"), ("new", "ok")]
    assert heard[0][1] - heard[0][0].at < 0.2


def test_jsonl_holds_everything(home: Home, tmp_path: Path) -> None:
    fill(home)
    file = tmp_path / "calls.jsonl"
    assert export(home, "-is:blocked", file) == 3
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(row["key"], row["outcome"]) for row in rows] == [
        ("a", "ok"),
        ("b", "error"),
        ("c", "ok"),
    ]
    assert rows[0]["answer"] == '{"content":[]}'
    assert file.stat().st_mode & 0o777 == 0o600


def test_csv_holds_no_formula(home: Home, tmp_path: Path) -> None:
    fill(home)
    file = tmp_path / "calls.csv"
    assert export(home, "", file) == 4
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert (rows[3]["server"], rows[3]["what"]) == ("'=cmd", "'+1")


def test_an_export_that_fails_leaves_the_old_file(home: Home, tmp_path: Path) -> None:
    fill(home)
    file = tmp_path / "calls.txt"
    file.write_text("old")
    with pytest.raises(UsageError, match="no format"):
        export(home, "", file)
    with pytest.raises(McptuiError, match="could not be written"):
        export(home, "", tmp_path / "missing" / "calls.csv")
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["calls.txt"]
    assert file.read_text() == "old"
