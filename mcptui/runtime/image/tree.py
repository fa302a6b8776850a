"""A file tree that becomes one layer of an image, the same bytes for the same files.

Whatever brings files (Debian packages, wheels, npm tarballs) adds them here, and here the rules
are kept: no path leaves the tree, nothing is setuid, a device or a hard link, everything belongs
to root, no time stamp survives, and the order is sorted.
"""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from mcptui.errors import NotTrusted

_LARGEST = 4 << 30


@dataclass(frozen=True, slots=True)
class Node:
    """One path of a tree: a file when `data` is set, a symbolic link when `link` is, else a folder.

    Args:
        mode: permission bits.
        data: a file's bytes.
        link: where a symbolic link points, as written.
    """

    mode: int
    data: bytes | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer on disk.

    Args:
        diff_id: "sha256:…" of the uncompressed tar, by which engines know it again.
        path: the tar.
        size: its bytes.
    """

    diff_id: str
    path: Path
    size: int


def clean_path(name: str, where: str) -> str:
    """Return `name` as a path relative to the tree's root, "" for the root itself.

    Args:
        name: a path out of an archive.
        where: the archive, for the error.

    Raises:
        NotTrusted: it would leave the tree or is not a path at all.
    """
    parts = [part for part in PurePosixPath(name.lstrip("/")).parts if part != "."]
    if ".." in parts or "\0" in name or "\\" in name or len(name) > 4000:
        raise NotTrusted(f"{where} holds a path that leaves its folder", repr(name[:200]))
    return "/".join(parts)


class Tree:
    """Files of one layer by path, without a leading slash."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self._size = 0

    def __contains__(self, path: str) -> bool:
        return path in self.nodes

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self._size

    def add_file(self, path: str, data: bytes, *, executable: bool = False) -> None:
        """Add a file, in place of one that was there."""
        self._put(path, Node(0o755 if executable else 0o644, data=data))
        self._size += len(data)
        if self._size > _LARGEST:
            raise NotTrusted("The package unpacks to more than 4 GiB")

    def add_link(self, path: str, target: str) -> None:
        """Add a symbolic link; it is only ever followed inside a container."""
        self._put(path, Node(0o777, link=target))

    def add_folder(self, path: str, mode: int = 0o755) -> None:
        """Add a folder, or change the mode of one."""
        if path:
            self._put(path, Node(mode))

    def _put(self, path: str, node: Node) -> None:
        parent = path.rpartition("/")[0]
        while parent and parent not in self.nodes:
            self.nodes[parent] = Node(0o755)
            parent = parent.rpartition("/")[0]
        if parent and (self.nodes[parent].data is not None or self.nodes[parent].link is not None):
            raise NotTrusted("The package puts a file below something that is no folder", path)
        self.nodes[path] = node

    def remove(self, path: str) -> None:
        """Remove a path and all below it; nothing happens when it is not there."""
        inside = path + "/"
        for name in [name for name in self.nodes if name == path or name.startswith(inside)]:
            gone = self.nodes.pop(name)
            self._size -= len(gone.data or b"")

    def files(self, below: str = "", ending: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield path and bytes of the files below a folder whose name ends so, sorted."""
        inside = below + "/" if below else ""
        for name in sorted(self.nodes):
            data = self.nodes[name].data
            if data is not None and name.startswith(inside) and name.endswith(ending):
                yield name, data

    def add_tar(
        self, archive: tarfile.TarFile, where: str, place: Callable[[str], str | None]
    ) -> None:
        """Add the members of a tar.

        Args:
            archive: opened for reading.
            where: what it is, for errors.
            place: turns a cleaned member path into a path here; None leaves it out.

        Raises:
            NotTrusted: a path leaves the tree or a member is a device.
        """
        for member in archive:
            path = place(clean_path(member.name, where))
            if not path:
                continue
            if member.isdir():
                if path not in self.nodes:
                    self.add_folder(path)
            elif member.issym():
                self.add_link(path, member.linkname)
            elif member.islnk():
                self._add_twin(path, place(clean_path(member.linkname, where)), where)
            elif member.isfile():
                handle = archive.extractfile(member)
                data = handle.read() if handle is not None else b""
                self.add_file(path, data, executable=bool(member.mode & stat.S_IXUSR))
            else:
                raise NotTrusted(f"{where} holds a device or pipe", path)

    def _add_twin(self, path: str, source: str | None, where: str) -> None:
        """A hard link becomes a copy: layers without them behave the same on every engine."""
        node = self.nodes.get(source or "")
        if node is None or node.data is None:
            raise NotTrusted(f"{where} holds a hard link to nothing", path)
        self.add_file(path, node.data, executable=bool(node.mode & stat.S_IXUSR))

    def write(self, path: Path) -> Layer:
        """Write the tree as a tar to `path` and return it as a layer."""
        with path.open("wb") as file:
            out = _Hashing(file)
            self.write_tar(out)
        return Layer(f"sha256:{out.digest.hexdigest()}", path, out.written)

    def write_tar(self, out: io.BytesIO | _Hashing) -> None:
        """Write the tree as a tar into an open file."""
        sink = cast("io.BytesIO", out)  # tarfile writes and tells, nothing more
        with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in sorted(self.nodes):
                node = self.nodes[name]
                member = tarfile.TarInfo(name)
                member.mode = node.mode
                if node.data is not None:
                    member.size = len(node.data)
                    archive.addfile(member, io.BytesIO(node.data))
                elif node.link is not None:
                    member.type, member.linkname = tarfile.SYMTYPE, node.link
                    archive.addfile(member)
                else:
                    member.type = tarfile.DIRTYPE
                    archive.addfile(member)


class _Hashing:
    """A file to write to that knows the hash and number of the bytes it got."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.written = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.written += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self.written
