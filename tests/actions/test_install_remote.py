"""Remote servers: installed, shown, updated and removed without an engine and without a network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcptui.actions.install import install, review
from mcptui.actions.install import take_back as undo_install
from mcptui.actions.remove import remove
from mcptui.actions.remove import take_back as undo_remove
from mcptui.actions.servers import plan_of, servers, tools_of, usage
from mcptui.actions.update import update, update_review
from mcptui.errors import McptuiError, TryAgain
from mcptui.home import Home
from mcptui.paths import Paths
from mcptui.runtime.engine import Engine
from mcptui.store.rows import Installed

TOML = """
id = "far"
title = "Far Away"
kind = "remote"

[remote]
url = "https://mcp.example.com/mcp"
{more}
"""
TOOL = """
[[tools]]
name = "{name}"
description = "does it"
"""


@pytest.fixture
def bare(scratch_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home on a machine with neither engine nor network."""

    def none(home: Home) -> Engine:
        raise AssertionError("the engine was asked for")

    def refused(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refused)
    made = Home(Paths.of(scratch_environ), environ=scratch_environ, find_engine=none)
    yield made
    made.close()


def put_in(home: Home, target: Path | str) -> Installed:
    """Install it; gives its row."""

    async def steps() -> Installed:
        found = [step.result async for step in install(home, str(target))]
        assert isinstance(found[-1], Installed)
        return found[-1]

    return asyncio.run(steps())


def entry(folder: Path, more: str = "") -> Path:
    """A server's file."""
    file = folder / "far.toml"
    file.write_text(TOML.format(more=more))
    return file


def test_a_remote_is_installed_shown_and_removed(bare: Home, tmp_path: Path) -> None:
    file = entry(tmp_path)
    look = review(bare, str(file))
    assert look.refused is None and look.plan is None and look.missing == ()
    assert look.runs == "https://mcp.example.com/mcp"
    assert "mcp.example.com" in look.reaches
    row = put_in(bare, file)
    assert (row.name, row.image_id) == ("far", "")
    (shown,) = servers(bare, usage(bare))
    assert (shown.state, shown.kind, shown.cpu, shown.containers) == ("stopped", "remote", None, ())
    assert tools_of(bare, "far") == []
    with pytest.raises(McptuiError, match="runs in no container"):
        plan_of(bare, "far")

    async def away() -> None:
        async for _ in remove(bare, "far"):
            pass

    asyncio.run(away())
    assert servers(bare) == []


def test_both_ways_back_need_no_engine(bare: Home, tmp_path: Path) -> None:
    file = entry(tmp_path)
    put_in(bare, file)
    undo_install(bare, {"server": "far"})
    assert servers(bare) == []
    put_in(bare, file)

    async def away() -> None:
        async for _ in remove(bare, "far"):
            pass

    asyncio.run(away())
    saved = bare.store.last_undo()
    assert saved is not None
    undo_remove(bare, saved.payload)
    assert [row.name for row in servers(bare)] == ["far"]


def test_an_update_shows_another_address(bare: Home, tmp_path: Path) -> None:
    file = entry(tmp_path)
    put_in(bare, file)
    file.write_text(file.read_text().replace("mcp.example.com", "other.example.com"))
    look = update_review(bare, "far")
    assert not look.newest
    assert any("https://other.example.com/mcp" in line for line in look.changes)

    async def renew() -> None:
        async for _ in update(bare, "far"):
            pass

    asyncio.run(renew())
    row = bare.store.installed("far")
    assert row is not None and row.entry.remote is not None
    assert row.entry.remote.url == "https://other.example.com/mcp"


@pytest.mark.parametrize(
    "url",
    ["http://mcp.example.com/", "http://10.0.0.1/", "ftp://x.example", "https://u:p@x.example/",
     "http://127.0.0.1.example.com/", "https://x.example/#f", "file:///etc/passwd"],
)  # fmt: skip
def test_only_https_or_this_machine(bare: Home, tmp_path: Path, url: str) -> None:
    file = entry(tmp_path)
    file.write_text(file.read_text().replace("https://mcp.example.com/mcp", url))
    with pytest.raises(McptuiError, match="remote.url"):
        review(bare, str(file))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123/mcp", "http://localhost/", "http://[::1]/"])
def test_plain_http_on_this_machine(bare: Home, tmp_path: Path, url: str) -> None:
    file = entry(tmp_path)
    file.write_text(file.read_text().replace("https://mcp.example.com/mcp", url))
    assert review(bare, str(file)).runs == url


def test_every_remote_of_the_catalog_that_needs_nothing(bare: Home) -> None:
    rows = [one for one in bare.catalog().rows() if one.kind == "remote" and one.needs == "none"]
    assert len(rows) > 5
    for row in rows:
        look = review(bare, row.id)
        assert look.refused is None, (row.id, look.refused)
        assert look.missing == ()
    one = put_in(bare, rows[0].id)
    assert one.trust.value == "signed"


def test_no_engine_is_no_reason_to_complain(scratch_environ: dict[str, str]) -> None:
    """The engine of this home answers nothing at all, as on a machine without one."""

    def none(home: Home) -> Engine:
        raise TryAgain("no engine answers")

    home = Home(Paths.of(scratch_environ), environ=scratch_environ, find_engine=none)
    name = next(
        one.id for one in home.catalog().rows() if one.kind == "remote" and one.needs == "none"
    )
    put_in(home, name)
    assert usage(home) == {}
    home.close()
