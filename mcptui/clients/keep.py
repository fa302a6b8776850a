"""What we keep of clients' files in our own state folder: copies of originals, and a lock.

Both are outside the clients' folders, where they would be read, synced or committed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
import time
from collections.abc import Collection, Generator
from pathlib import Path

from mcptui.clients import files
from mcptui.errors import TryAgain

KEPT = 10
_LOCK_SECONDS = 10.0


def backup(folder: Path, data: bytes, needed: Collection[str] = ()) -> Path:
    """Keep a copy of a file's bytes, readable by this user only, and forget the oldest copies.

    Args:
        folder: of one client; made when missing.
        data: the bytes.
        needed: hashes of copies that a receipt still names; they are never forgotten.
    """
    files.make_folders(folder)
    folder.chmod(0o700)
    sha = files.sha_of(data)
    path = folder / f"{sha}.orig"
    if not path.exists():
        temporary = folder / f".{secrets.token_hex(6)}"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        files.sync_folder(folder)
    else:
        os.utime(path)
    _forget(folder, {sha, *needed})
    return path


def _forget(folder: Path, needed: Collection[str]) -> None:
    copies = sorted(folder.glob("*.orig"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
    for copy in copies[KEPT:]:
        if copy.stem not in needed:
            copy.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Path, target: Path) -> Generator[None]:
    """Let one process of ours at a time change a client's file.

    Raises:
        TryAgain: another one holds it for ten seconds.
    """
    files.make_folders(folder)
    name = hashlib.sha256(os.fsencode(target)).hexdigest()[:16]
    handle = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        ends = time.monotonic() + _LOCK_SECONDS
        while not _take(handle):
            if time.monotonic() > ends:
                raise TryAgain(f"Another mcptui is changing {target}")
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    # Closing the file, or the death of its process, gives the lock back.
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
