"""Nothing gets out of a tree, and the same files are the same bytes."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from mcptui.errors import NotTrusted
from mcptui.runtime.image.tree import Tree, clean_path


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a/..", "a\\b", "a\0b", "/../etc/passwd"])
def test_a_path_that_leaves_the_tree_is_refused(name: str) -> None:
    with pytest.raises(NotTrusted, match="evil.whl"):
        clean_path(name, "evil.whl")


def test_an_absolute_path_is_taken_below_the_root() -> None:
    assert clean_path("/etc/./passwd", "x") == "etc/passwd"
    assert clean_path("./", "x") == ""


def test_nothing_is_written_through_a_link() -> None:
    tree = Tree()
    tree.add_link("app/out", "/etc")
    with pytest.raises(NotTrusted, match="no folder"):
        tree.add_file("app/out/passwd", b"root::0:0::/:")


def test_the_order_of_adding_does_not_matter(tmp_path: Path) -> None:
    one, other = Tree(), Tree()
    one.add_file("a/b", b"1")
    one.add_file("c", b"2", executable=True)
    other.add_file("c", b"2", executable=True)
    other.add_file("a/b", b"1")
    first, second = one.write(tmp_path / "1.tar"), other.write(tmp_path / "2.tar")
    assert first.diff_id == second.diff_id
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.size == first.path.stat().st_size


def _tar(*members: tarfile.TarInfo) -> tarfile.TarFile:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    packed.seek(0)
    return tarfile.open(fileobj=packed)


def _member(name: str, kind: bytes = tarfile.REGTYPE, mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, mode
    member.size = 1 if kind == tarfile.REGTYPE else 0
    return member


def test_setuid_owners_and_times_do_not_survive(tmp_path: Path) -> None:
    odd = _member("bin/su", mode=0o6755)
    odd.uid, odd.mtime, odd.uname = 1000, 1_700_000_000, "someone"
    tree = Tree()
    with _tar(odd) as archive:
        tree.add_tar(archive, "x.deb", lambda path: path)
    with tarfile.open(tree.write(tmp_path / "x.tar").path) as archive:
        found = archive.getmember("bin/su")
    assert (found.mode, found.uid, found.gid, found.mtime, found.uname) == (0o755, 0, 0, 0, "")


def test_a_device_is_refused() -> None:
    with _tar(_member("dev/sda", tarfile.BLKTYPE)) as archive, pytest.raises(NotTrusted):
        Tree().add_tar(archive, "x.deb", lambda path: path)


def test_a_hard_link_becomes_a_copy() -> None:
    twin = _member("b", tarfile.LNKTYPE)
    twin.linkname = "a"
    tree = Tree()
    with _tar(_member("a"), twin) as archive:
        tree.add_tar(archive, "x.deb", lambda path: path)
    assert dict(tree.files()) == {"a": b"x", "b": b"x"}


def test_a_hard_link_to_what_is_not_there_is_refused() -> None:
    twin = _member("b", tarfile.LNKTYPE)
    twin.linkname = "/etc/shadow"
    with _tar(twin) as archive, pytest.raises(NotTrusted, match="hard link"):
        Tree().add_tar(archive, "x.deb", lambda path: path)


def test_removing_takes_all_below_it() -> None:
    tree = Tree()
    tree.add_file("a/b/c", b"12")
    tree.add_file("a/bc", b"3")
    tree.remove("a/b")
    assert [name for name, _ in tree.files()] == ["a/bc"]
    assert tree.size == 1
