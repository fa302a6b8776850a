"""The page of what a server wrote, as text."""

from __future__ import annotations

from dataclasses import replace

from mcptui.store.written import WrittenRow
from mcptui.tui.rooms.server_pages import page_text, trust
from tests.tui.world import NOW, FakeFeed


def page(*runs: WrittenRow, strain: str = "") -> str:
    feed = FakeFeed()
    row = replace(next(one for one in feed.servers() if one.name == "git-local"), strain=strain)
    return page_text(trust(row, feed.installed()["git-local"], NOW, runs)(80))


def test_what_it_wrote_stands_on_its_page() -> None:
    files = (("/home/demo/notes/today.md", 1234, "folder"), ("/tmp/index", 20_480, "memory"),
             ("/var/x", -1, "image"))  # fmt: skip
    text = page(WrittenRow("git-local", NOW - 900, NOW - 600, files))
    assert "Written until" in text
    assert "1.2 kB      /home/demo/notes/today.md" in text
    assert "20 kB       /tmp/index  gone with the run" in text
    assert "–           /var/x  gone with the run" in text


def test_a_long_list_is_cut_and_says_where_the_rest_is() -> None:
    files = tuple((f"/x/{number}", number, "folder") for number in range(20))
    text = page(WrittenRow("git-local", NOW, NOW, files))
    assert "/x/11" in text
    assert "/x/12" not in text
    assert "and 8 more: `mcptui written git-local`" in text
    text = page(WrittenRow("git-local", NOW, NOW, files, True))
    assert "and more: `mcptui written git-local`" in text
    assert "Written" not in page()


def test_a_strain_stands_there() -> None:
    assert "slowed down" in page(strain="slowed down 80 % of the time")
