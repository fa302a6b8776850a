"""The unix socket over which one container, once, gets its stdio.

It lies in a folder of its own with a name nobody can guess, inside a folder that is only ours;
only what is mounted into the container can reach it. It serves one connection and is gone.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import socket
import stat
import sys
from pathlib import Path

from mcptui.errors import McptuiError
from mcptui.runtime.owner import process_start
from mcptui.runtime.reaper import socket_folder_name

NAME = "stdio.sock"
_LONGEST = 100
_ID = re.compile(r"[0-9a-f]{64}")


def private_folder(folder: Path) -> Path:
    """Make sure that a folder is there and only ours.

    Raises:
        McptuiError: it belongs to somebody else, or others may write to it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
        raise McptuiError(f"{folder} is not our own folder", "", "Remove it and try again")
    if info.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


class StdioSocket:
    """A listening socket for one container.

    Args:
        parent: a folder for it, made private.
    """

    def __init__(self, parent: Path) -> None:
        pid = os.getpid()
        name = socket_folder_name(pid, process_start(pid), secrets.token_hex(8))
        self.folder = private_folder(parent) / name
        self.folder.mkdir(mode=0o711)
        self.folder.chmod(0o711)  # the container's user has to pass, whatever our umask
        self._taken: socket.socket | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._bind()
            (self.folder / NAME).chmod(0o666)
            self._socket.listen(1)
            self._socket.setblocking(False)
        except BaseException:
            self.close()
            raise

    def _bind(self) -> None:
        path = str(self.folder / NAME)
        if len(os.fsencode(path)) <= _LONGEST or sys.platform != "linux":
            self._socket.bind(path)
            return
        # A socket's address is short; through the descriptor any folder is.
        descriptor = os.open(self.folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self._socket.bind(f"/proc/self/fd/{descriptor}/{NAME}")
        finally:
            os.close(descriptor)

    async def accept(self, container: str) -> None:
        """Wait until the container has connected; any other process is turned away."""
        loop = asyncio.get_running_loop()
        came: asyncio.Future[None] = loop.create_future()

        def look() -> None:
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            if came.done() or not may_be_from(connection, container):
                connection.close()
            else:
                self._taken = connection
                came.set_result(None)

        loop.add_reader(self._socket, look)
        try:
            await came
        finally:
            loop.remove_reader(self._socket)

    def take(self) -> socket.socket | None:
        """The connection that came, now the caller's own; None when none did."""
        taken, self._taken = self._taken, None
        return taken

    def close(self) -> None:
        """Serve nobody any more and leave nothing behind."""
        if self._taken is not None:
            self._taken.close()
        self._socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def may_be_from(connection: socket.socket, container: str) -> bool:
    """Whether a connection can be that of a container, as far as the kernel tells.

    A peer whose process we see must not belong to another container. Where process numbers or
    control groups tell nothing (another namespace, engines without cgroups), the folder's
    secrecy has to do.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, option, 12)
    pid = int.from_bytes(credentials[:4], sys.byteorder, signed=True)
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text("utf-8", "replace")
    except OSError:
        return True
    named = set(_ID.findall(groups))
    return not named or container in named
