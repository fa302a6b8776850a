"""Read and replace a file that belongs to another program, without ever losing a byte of it.

A file is replaced whole (written beside it, synced, renamed) only while it still has the bytes
we looked at; symbolic links stay links, mode, owner and attributes stay as they were. Whatever
happens, a crash and a full disk included, the file holds the old bytes or the new ones.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mcptui.errors import McptuiError

LIMIT = 64 * 1024 * 1024
_TEMPORARY = ".mcptui-"
_WINDOWS_TRIES = 20
_NOT_BESIDE = (errno.EACCES, errno.EPERM, errno.EROFS)


def _flags(*names: str) -> int:
    """Flags for os.open; those that a system lacks are 0 there."""
    flags = 0
    for name in (*names, "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    return flags


class Refused(McptuiError):
    """A client's file is not what we dare to change; nothing was changed."""


class Changed(Exception):
    """The file changed after it was read; look again."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file at one moment.

    Args:
        path: the real file, no symbolic link any more.
        data: its bytes; None when it does not exist.
        facts: its owner and mode; None when it does not exist.
    """

    path: Path
    data: bytes | None
    facts: os.stat_result | None

    @property
    def sha(self) -> str:
        """SHA-256 of the bytes, "" when there is no file."""
        return sha_of(self.data)


def sha_of(data: bytes | None) -> str:
    """SHA-256 in hexadecimal, "" for a file that does not exist."""
    return "" if data is None else hashlib.sha256(data).hexdigest()


def read(path: Path) -> Snapshot:
    """Read a client's file.

    Args:
        path: as the client knows it; symbolic links are followed.

    Raises:
        Refused: it is no regular file, not ours alone, or too large.
    """
    try:
        target = path.resolve()
        facts = target.lstat()
    except FileNotFoundError:
        return Snapshot(path.resolve(), None, None)
    except NotADirectoryError:
        raise Refused(f"{path} cannot be there", "a part of its path is a file") from None
    except (OSError, RuntimeError) as error:
        raise Refused(f"{path} cannot be read", str(error), "Mend the link or its rights") from None
    _check(target, facts)
    try:
        handle = os.open(target, _flags("O_RDONLY", "O_NONBLOCK"))
    except OSError as error:
        raise Refused(f"{path} cannot be read", error.strerror or "", "Check its rights") from None
    with os.fdopen(handle, "rb") as file:
        # Asked again of the open file: what the name means may have changed in between.
        facts = os.fstat(file.fileno())
        _check(target, facts)
        return Snapshot(target, file.read(LIMIT + 1), facts)


def _check(path: Path, facts: os.stat_result) -> None:
    kind = stat.S_IFMT(facts.st_mode)
    if kind != stat.S_IFREG:
        name = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        raise Refused(f"{path} is {name.get(kind, 'no file')}", fix="Move it away and try again")
    if hasattr(os, "geteuid") and facts.st_uid != os.geteuid():
        raise Refused(
            f"{path} belongs to another user (uid {facts.st_uid})",
            fix="Run mcptui as that user, or give the file to yours",
        )
    if facts.st_nlink > 1:
        raise Refused(
            f"{path} has {facts.st_nlink} names (hard links)",
            "replacing it would part them",
            "Use a symbolic link instead",
        )
    if facts.st_size > LIMIT:
        raise Refused(f"{path} is larger than {LIMIT >> 20} MiB", "no config is")


def replace(seen: Snapshot, data: bytes) -> None:
    """Give a file new bytes if it is still as it was seen; a new one is for its user only.

    Raises:
        Changed: it is not; nothing was written.
        OSError: it could not be written; it is as it was.
    """
    sweep(seen.path)
    try:
        temporary = _write_beside(seen, data)
    except OSError as error:
        # The folder may not be ours to write, as with a file that is mounted by itself.
        if error.errno not in _NOT_BESIDE or seen.data is None:
            raise
        _write_in_place(seen, data)
        return
    try:
        if read(seen.path).sha != seen.sha:
            raise Changed
        _rename(temporary, seen.path)
    except OSError as error:
        # A file that is a mount point cannot be renamed over, but it can be written.
        if error.errno != errno.EBUSY or seen.data is None:
            raise
        _write_in_place(seen, data)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    sync_folder(seen.path.parent)


def _rename(temporary: Path, target: Path) -> None:
    for _ in range(_WINDOWS_TRIES if sys.platform == "win32" else 0):
        try:
            temporary.replace(target)
            return
        except PermissionError:
            # Another program has it open for a moment.
            time.sleep(0.05)
    temporary.replace(target)


def _write_beside(seen: Snapshot, data: bytes) -> Path:
    path = seen.path.with_name(f".{seen.path.name}{_TEMPORARY}{secrets.token_hex(6)}")
    handle = os.open(path, _flags("O_WRONLY", "O_CREAT", "O_EXCL"), 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if seen.facts is not None:
                _dress(file.fileno(), seen)
            os.fsync(file.fileno())
    except BaseException:
        path.unlink()
        raise
    return path


def _dress(handle: int, seen: Snapshot) -> None:
    """Give the new file the old one's owner, mode and attributes."""
    facts = seen.facts
    if facts is None:
        return
    now = os.fstat(handle)
    if hasattr(os, "fchown") and (now.st_uid, now.st_gid) != (facts.st_uid, facts.st_gid):
        os.fchown(handle, facts.st_uid, facts.st_gid)
    if hasattr(os, "fchmod"):
        os.fchmod(handle, stat.S_IMODE(facts.st_mode))
    if hasattr(os, "listxattr"):
        with contextlib.suppress(OSError):
            for name in os.listxattr(seen.path):
                with contextlib.suppress(OSError):
                    os.setxattr(handle, name, os.getxattr(seen.path, name))


def _write_in_place(seen: Snapshot, data: bytes) -> None:
    handle = os.open(seen.path, _flags("O_RDWR"))
    with os.fdopen(handle, "r+b", buffering=0) as file:
        if sha_of(file.read()) != seen.sha:
            raise Changed
        old = seen.data or b""
        if len(data) > len(old) and hasattr(os, "posix_fallocate"):
            # A full disk must be known before the first old byte is gone.
            try:
                os.posix_fallocate(handle, 0, len(data))
            except OSError as error:
                file.truncate(len(old))
                if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                    raise
        try:
            _overwrite(file.fileno(), data)
        except OSError:
            _overwrite(file.fileno(), old)
            raise


def _overwrite(handle: int, data: bytes) -> None:
    os.lseek(handle, 0, os.SEEK_SET)
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
    os.ftruncate(handle, len(data))
    os.fsync(handle)


def delete(seen: Snapshot) -> None:
    """Delete a file if it is still as it was seen.

    Raises:
        Changed: it is not.
    """
    if read(seen.path).sha != seen.sha:
        raise Changed
    seen.path.unlink()
    sync_folder(seen.path.parent)


def sweep(path: Path) -> None:
    """Delete what a killed process of ours left beside a file."""
    for left in path.parent.glob(f".{glob_escape(path.name)}{_TEMPORARY}*"):
        with contextlib.suppress(OSError):
            left.unlink()


def glob_escape(name: str) -> str:
    """A file name as a pattern that matches it alone."""
    return "".join(f"[{mark}]" if mark in "*?[" else mark for mark in name)


def make_folders(folder: Path) -> list[Path]:
    """Create a folder and what is missing above it, for this user alone; returns those made."""
    missing: list[Path] = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    made: list[Path] = []
    for one in reversed(missing):
        try:
            one.mkdir(mode=0o700)
        except FileExistsError:
            # Somebody else was faster; then it is not ours to remove either.
            if not one.is_dir():
                raise
        else:
            made.append(one)
            sync_folder(one.parent)
    return made


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
