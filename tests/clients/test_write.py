"""The write protocol: links, owners, modes, full disks and sudden death."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mcptui.clients import files, keep, write
from mcptui.clients.files import Refused
from mcptui.errors import McptuiError
from mcptui.store import Store
from tests.clients.world import World

TEXT = b'{\n  // keep me\n  "servers": {\n    "a": {}\n  }\n}\n'


class TestWhatIsNotAPlainFileOfOurs:
    def refused(self, world: World, why: str) -> None:
        with pytest.raises(Refused, match=why):
            world.connect()
        assert world.standing().state == "broken"
        assert world.store.receipts() == []

    def test_a_folder(self, world: World) -> None:
        world.path.mkdir()
        (world.path / "theirs").write_text("x")
        self.refused(world, "is a folder")
        assert (world.path / "theirs").read_text() == "x"

    def test_a_pipe(self, world: World) -> None:
        os.mkfifo(world.path)
        self.refused(world, "is a pipe")

    def test_a_link_to_a_device(self, world: World) -> None:
        world.path.symlink_to("/dev/zero")
        self.refused(world, "is no file")

    def test_a_hard_link(self, world: World) -> None:
        other = world.path.with_name("other")
        other.write_bytes(TEXT)
        os.link(other, world.path)
        self.refused(world, "2 names")
        assert other.read_bytes() == TEXT

    def test_a_file_of_somebody_else(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.path.write_bytes(TEXT)
        monkeypatch.setattr(os, "geteuid", lambda: world.path.stat().st_uid + 1)
        self.refused(world, "belongs to another user")
        assert world.path.read_bytes() == TEXT

    def test_a_link_to_itself(self, world: World) -> None:
        world.path.symlink_to(world.path)
        self.refused(world, "cannot be read")

    def test_a_path_through_a_file(self, world: World) -> None:
        world.path.write_bytes(TEXT)
        self.refused(replace(world, path=world.path / "mcp.json"), "cannot be there")

    def test_a_giant(self, world: World) -> None:
        with world.path.open("wb") as file:
            file.truncate(files.LIMIT + 1)
        self.refused(world, "larger than")


def test_linked_dotfiles_stay_links(world: World) -> None:
    repository = world.path.parent / "dotfiles"
    repository.mkdir()
    (repository / "mcp.json").write_bytes(TEXT)
    middle = world.path.parent / "middle.json"
    middle.symlink_to("dotfiles/mcp.json")
    world.path.symlink_to(middle)
    world.connect()
    assert world.path.is_symlink()
    assert middle.is_symlink()
    assert b"mcptui" in (repository / "mcp.json").read_bytes()
    assert sorted(one.name for one in repository.iterdir()) == ["mcp.json"]
    world.disconnect()
    assert (repository / "mcp.json").read_bytes() == TEXT
    assert world.path.is_symlink()


def test_a_link_that_leads_nowhere_yet_is_filled(world: World) -> None:
    target = world.path.parent / "later" / "mcp.json"
    world.path.symlink_to(target)
    world.connect()
    assert world.path.is_symlink()
    assert target.is_file()
    world.disconnect()
    assert world.path.is_symlink()
    assert not target.parent.exists()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o660, 0o400])
def test_mode_owner_and_attributes_stay(world: World, mode: int) -> None:
    world.path.write_bytes(TEXT)
    world.path.chmod(mode)
    attributes: dict[str, bytes] = {}
    try:
        os.setxattr(world.path, "user.mine", b"yes")
        attributes["user.mine"] = b"yes"
    except OSError:
        pass  # a file system without attributes has none to lose
    before = world.path.stat()
    world.connect()
    after = world.path.stat()
    assert stat.S_IMODE(after.st_mode) == mode
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert {name: os.getxattr(world.path, name) for name in os.listxattr(world.path)} == attributes
    assert world.left_over() == []


def test_a_foreign_group_stays(world: World) -> None:
    world.path.write_bytes(TEXT)
    groups = [group for group in os.getgroups() if group != world.path.stat().st_gid]
    group = 12345 if os.geteuid() == 0 else (groups or [world.path.stat().st_gid])[0]
    os.chown(world.path, -1, group)
    world.connect()
    assert world.path.stat().st_gid == group


def test_a_copy_of_the_original_is_kept_privately_and_elsewhere(world: World) -> None:
    world.path.write_bytes(TEXT)
    world.path.chmod(0o644)
    world.connect()
    copies = world.state / "clients" / "vscode"
    copy = copies / f"{files.sha_of(TEXT)}.orig"
    assert copy.read_bytes() == TEXT
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copies.stat().st_mode) == 0o700
    assert sorted(one.name for one in world.path.parent.iterdir()) == ["mcp.json"]


def test_old_copies_are_forgotten_but_never_the_one_a_note_names(tmp_path: Path) -> None:
    first = keep.backup(tmp_path / "c", b"first")
    os.utime(first, (1, 1))
    copy = first
    for number in range(keep.KEPT + 5):
        copy = keep.backup(tmp_path / "c", f"{number}".encode(), [first.stem])
        os.utime(copy, (number + 2, number + 2))
    left = {one.name for one in (tmp_path / "c").iterdir()}
    assert first.name in left
    assert len(left) == keep.KEPT + 1
    assert copy.name in left


class TestAFullDisk:
    def test_leaves_the_file_the_note_and_no_rest(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.path.write_bytes(TEXT)
        real = os.fsync

        def full(handle: int) -> None:
            if world.left_over():
                raise OSError(errno.ENOSPC, "No space left on device")
            real(handle)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(McptuiError, match="the disk is full"):
                world.connect()
        assert world.path.read_bytes() == TEXT
        assert world.left_over() == []
        assert world.store.receipts() == []
        world.connect()
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(McptuiError, match="the disk is full"):
                world.disconnect()
        assert world.standing().state == "connected"
        world.disconnect()
        assert world.path.read_bytes() == TEXT

    def test_that_is_real_leaves_the_file(self, world: World) -> None:
        """The kernel refuses to let files grow, as a full disk or a quota does."""
        text = b'{"a": "' + b"x" * 5_000_000 + b'"}'
        world.path.write_bytes(text)
        world.preview(connect=True)
        done = _in_child(world, "limited")
        assert done.returncode == 1, done.stderr
        assert "could not be written, it is as it was" in done.stderr
        assert world.path.read_bytes() == text
        assert world.left_over() == []


class TestAFileInAFolderThatIsNotOurs:
    """A config that is mounted by itself: the file can be written, its folder cannot."""

    def deny(self, monkeypatch: pytest.MonkeyPatch, world: World) -> None:
        real = os.open

        def refuse(path: Path, flags: int, mode: int = 0o777) -> int:
            if flags & os.O_CREAT and Path(path).parent == world.path.parent:
                raise PermissionError(errno.EACCES, "Permission denied")
            return real(path, flags, mode)

        monkeypatch.setattr(os, "open", refuse)

    def test_is_written_in_place(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.path.write_bytes(TEXT)
        inode = world.path.stat().st_ino
        self.deny(monkeypatch, world)
        world.connect()
        assert world.standing().state == "connected"
        assert world.path.stat().st_ino == inode
        world.disconnect()
        assert world.path.read_bytes() == TEXT

    def test_comes_back_when_writing_breaks_off(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.path.write_bytes(TEXT)
        self.deny(monkeypatch, world)
        real, calls = os.write, 0

        def half(handle: int, data: memoryview) -> int:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise OSError(errno.EIO, "Input/output error")
            return real(handle, data[: len(data) // 2] if calls == 1 else data)

        monkeypatch.setattr(os, "write", half)
        with pytest.raises(McptuiError, match="it is as it was"):
            world.connect()
        assert world.path.read_bytes() == TEXT

    def test_is_refused_when_there_is_no_room(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.path.write_bytes(TEXT)
        self.deny(monkeypatch, world)

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
        with pytest.raises(McptuiError, match="the disk is full"):
            world.connect()
        assert world.path.read_bytes() == TEXT


MOMENTS = ["noted", "half written", "before the rename", "after the rename", "synced"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("verb", ["connect", "disconnect"])
def test_kill_minus_nine_at_any_moment(world: World, verb: str, moment: str) -> None:
    world.path.write_bytes(TEXT)
    if verb == "disconnect":
        world.connect()
    with_ours = world.path.read_bytes() if verb == "disconnect" else None
    done = _in_child(world, verb, moment)
    assert done.returncode == -signal.SIGKILL, done.stderr
    now = world.path.read_bytes()
    assert now == TEXT or b'"mcptui"' in now
    if with_ours is not None:
        assert now in (TEXT, with_ours)
    assert world.standing().state == ("found" if now == TEXT else "connected")
    world.connect()
    assert world.standing().state == "connected"
    assert world.left_over() == []
    world.disconnect()
    assert world.path.read_bytes() == TEXT


def _in_child(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            __file__,
            str(world.path),
            str(world.store.path),
            str(world.state),
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _child(path: str, database: str, state: str, verb: str, moment: str = "") -> None:
    world = World(Path(path), Store.open(Path(database)), Path(state))
    if verb == "limited":
        _child_without_room(world)
        return
    rename = vars(files)["_rename"]

    def rename_and_die(temporary: Path, target: Path) -> None:
        rename(temporary, target)
        _die()

    name, stand_in = {
        "noted": ("replace", _die),
        "half written": ("_dress", _die),
        "before the rename": ("_rename", _die),
        "after the rename": ("_rename", rename_and_die),
        "synced": ("sync_folder", _die),
    }[moment]
    shown = world.preview(connect=verb == "connect")
    setattr(files, name, stand_in)
    write.apply(shown, world.store, world.state)


def _child_without_room(world: World) -> None:
    shown = world.preview(connect=True)
    # The copy in our own folder is there already, so that the client's file is what fails.
    keep.backup(world.state / "clients" / "vscode", shown.before or b"")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
    try:
        write.apply(shown, world.store, world.state)
    except McptuiError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    _child(*sys.argv[1:])
