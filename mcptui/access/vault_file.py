"""The vault's file: this user's alone, replaced whole or not at all, changed by one at a time.

A change is written beside the file, brought to the disk and then renamed over it, all under a lock:
two writers wait for each other, and a full disk, a killed process or a power cut leaves the file
as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from mcptui.errors import McptuiError, NotTrusted, TryAgain

LOCK_SECONDS = 20.0
LONGEST = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class VaultFile:
    """Where a vault is kept.

    Args:
        path: the file; its folder is this user's own.
    """

    path: Path

    def mark(self) -> tuple[int, int, int] | None:
        """Differs after any change; None when there is no file."""
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def read(self) -> str | None:
        """The text, None when there is no file. Rights that are too wide are taken back.

        Raises:
            NotTrusted: it is a link, another user's, or no plain file.
            McptuiError: it cannot be read.
        """
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise self._foreign("it is a link") from error
            raise self._failed("read", error) from error
        try:
            self._take_back(handle)
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(LONGEST).decode("utf-8", "replace")
        except OSError as error:
            raise self._failed("read", error) from error
        finally:
            os.close(handle)

    def _take_back(self, handle: int) -> None:
        """See that the file is ours alone; too wide rights are taken back."""
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise self._foreign("it is no plain file")
        if found.st_uid != os.getuid():
            raise self._foreign("it belongs to another user")
        if found.st_mode & 0o077:
            try:
                os.fchmod(handle, 0o600)
            except OSError as error:
                raise self._foreign("others may read it, and that cannot be changed") from error

    def write(self, text: str) -> None:
        """Replace the file; call under `locked`.

        Raises:
            McptuiError: it cannot be written; the old one is still there.
        """
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}.new")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
            self._sync_folder()
        except OSError as error:
            raise self._failed("written", error) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Let one process and thread at a time change the vault.

        Raises:
            TryAgain: another one does not let go.
            McptuiError: the folder cannot be written.
        """
        import fcntl

        lock = self.path.with_name(f"{self.path.name}.lock")
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(lock, flags, 0o600)
        except OSError as error:
            raise self._failed("written", error) from error
        try:
            ends = time.monotonic() + LOCK_SECONDS
            while True:
                # Closing the file, or the death of its process, gives the lock back.
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                if time.monotonic() > ends:
                    raise TryAgain(
                        "The vault is in use",
                        f"another mcptui has been changing it for {LOCK_SECONDS:.0f} s",
                    )
                time.sleep(0.02)
            self._sweep()
            yield
        finally:
            os.close(handle)

    def _sweep(self) -> None:
        """Forget what a killed process began; nobody else writes now."""
        with contextlib.suppress(OSError):
            for left in self.path.parent.glob(f".{self.path.name}.*.new"):
                left.unlink(missing_ok=True)

    def _sync_folder(self) -> None:
        handle = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _failed(self, verb: str, error: OSError) -> McptuiError:
        return McptuiError(
            f"The vault cannot be {verb}",
            f"{error.strerror or error} ({self.path})",
            "Nothing was changed" if verb == "written" else "",
        )

    def _foreign(self, why: str) -> NotTrusted:
        return NotTrusted(
            f"The vault {self.path} is not used", why, "Move it away, or make it your own (0600)"
        )
