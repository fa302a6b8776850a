"""The socket of one container: private, for one connection, gone afterwards."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcptui.errors import McptuiError
from mcptui.runtime import sockets
from mcptui.runtime.sockets import NAME, StdioSocket, may_be_from, private_folder
from tests.runtime.conftest import run


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name."""
    with tempfile.TemporaryDirectory(prefix="ms") as made:
        yield Path(made) / "run"


def connected(path: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(str(path))
    except OSError:
        line.close()
        raise
    return line


@pytest.mark.parametrize("fast", [False, True])
def test_one_connection_and_no_more(folder: Path, fast: bool) -> None:
    async def work() -> None:
        door = StdioSocket(folder)
        path = door.folder / NAME
        assert door.take() is None
        waiting = asyncio.ensure_future(door.accept("0" * 64))
        await asyncio.sleep(0)
        with connected(path) as first:
            await asyncio.wait_for(waiting, 5)
            taken = door.take()
            assert taken is not None
            assert door.take() is None
            with connected(path) as second:  # the kernel queues it; nobody serves it
                door.close()
                with pytest.raises(ConnectionError):
                    second.sendall(b"x")
                    second.recv(1)
            with taken:
                taken.sendall(b"stdio")
                assert first.recv(10) == b"stdio"
            with pytest.raises(FileNotFoundError):
                connected(path)
        assert list(folder.iterdir()) == []

    run(work(), fast=fast)


def test_only_the_containers_user_passes(folder: Path) -> None:
    mask = os.umask(0o077)
    try:
        door = StdioSocket(folder)
    finally:
        os.umask(mask)
    try:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert door.folder.stat().st_mode & 0o777 == 0o711
        assert (door.folder / NAME).stat().st_mode & 0o777 == 0o666
        assert len(door.folder.name.rpartition("-")[2]) == 16
    finally:
        door.close()


def test_folders_with_long_names(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90) / "run"
    deep.parent.mkdir()
    door = StdioSocket(deep)
    assert len(str(door.folder / NAME)) > 108
    assert (door.folder / NAME).is_socket()
    door.close()


def test_a_connection_nobody_took_is_closed(folder: Path) -> None:
    async def work() -> None:
        door = StdioSocket(folder)
        waiting = asyncio.ensure_future(door.accept("0" * 64))
        await asyncio.sleep(0)
        with connected(door.folder / NAME) as line:
            await asyncio.wait_for(waiting, 5)
            door.close()
            assert line.recv(1) == b""

    run(work())


def test_another_containers_process_is_turned_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        door = StdioSocket(folder)
        waiting = asyncio.ensure_future(door.accept("a" * 64))
        await asyncio.sleep(0)

        def no(line: socket.socket, container: str) -> bool:
            return False

        monkeypatch.setattr(sockets, "may_be_from", no)
        with connected(door.folder / NAME) as stranger:
            await asyncio.sleep(0.1)
            assert not waiting.done()
            assert stranger.recv(1) == b""
        monkeypatch.undo()
        with connected(door.folder / NAME):
            await asyncio.wait_for(waiting, 5)
        door.close()

    run(work())


def test_whose_process_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    groups = "0::/system.slice/docker-{}.scope\n"
    with ours, theirs:
        for told, wanted in (
            (groups.format("a" * 64), True),
            (groups.format("b" * 64), False),
            ("0::/user.slice\n", True),
        ):

            def read(self: Path, *given: str, told: str = told) -> str:
                assert str(self) == f"/proc/{os.getpid()}/cgroup"
                return told

            monkeypatch.setattr(Path, "read_text", read)
            assert may_be_from(ours, "a" * 64) is wanted


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(McptuiError, match="not our own folder"):
        private_folder(tmp_path / "link")
    open_folder = tmp_path / "open"
    open_folder.mkdir(mode=0o755)
    assert private_folder(open_folder).stat().st_mode & 0o777 == 0o700
