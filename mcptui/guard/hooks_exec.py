"""Hooks that are programs: started without a shell, bounded in every way, gone afterwards.

The program leads a process group of its own with a small environment. It reads the call on stdin
and answers on stdout; what it had written when it ended is its answer, whatever its children
still hold. At the time limit, at a cancelled call and at its end the whole group is killed, and
after a failure also what left the group but still carries our mark in its environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mcptui.guard.interceptors import ANSWER_BYTES, HookFailure, Interceptor, Log

LOG_BYTES = 16 << 10
"""Bytes of a run's stderr that are kept."""
LOG_LINES = 50
_CHUNK = 64 << 10
_MARK = "MCPTUI_INTERCEPTOR_RUN"
_POLL_SECONDS = 0.01


async def run_exec(hook: Interceptor, told: bytes, log: Log) -> bytes:
    """Run a hook's program once; gives what it wrote to stdout.

    Args:
        hook: one with a command.
        told: what it reads on stdin.
        log: takes lines of its stderr.

    Raises:
        HookFailure: it could not be started, took too long, wrote too much or failed.
    """
    mark = os.urandom(16).hex()
    try:
        process = subprocess.Popen(
            hook.command, stdin=-1, stdout=-1, stderr=-1, cwd="/", start_new_session=True,
            env=_environment(hook, mark),
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise HookFailure(f"it could not be started: {error}") from error
    run = _Run(process, told)
    code: int | None = None
    try:
        async with asyncio.timeout(hook.timeout):
            code = await run.ended
    except TimeoutError:
        raise HookFailure(f"it did not end within {hook.timeout:g} s") from None
    finally:
        run.close()
        _end(process, mark if code is None else None)
        for line in run.stderr.decode("utf-8", "replace").splitlines()[:LOG_LINES]:
            log(line)
    if code:
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        raise HookFailure(f"it ended with {how}")
    return bytes(run.stdout)


def _environment(hook: Interceptor, mark: str) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("HOME", "TMPDIR", "TZ") if key in os.environ}
    return {
        **kept,
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "MCPTUI_INTERCEPTOR": hook.name,
        _MARK: mark,
    }


class _Run:
    """The pipes of one run on the event loop; `ended` has the exit code."""

    def __init__(self, process: subprocess.Popen[bytes], told: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._told = memoryview(told)
        self._pidfd = -1
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._watched: list[tuple[Callable[[int], object], int]] = []
        for pipe, read in ((process.stdout, self._read_answer), (process.stderr, self._read_log)):
            self._watch(self._loop.add_reader, self._loop.remove_reader, _number(pipe), read)
        stdin = _number(process.stdin)
        self._watch(self._loop.add_writer, self._loop.remove_writer, stdin, self._write)
        self._wait()

    def _watch(
        self,
        add: Callable[[int, Callable[[], object]], object],
        remove: Callable[[int], object],
        fd: int,
        ready: Callable[[], object],
    ) -> None:
        os.set_blocking(fd, False)
        add(fd, ready)
        self._watched.append((remove, fd))

    def _unwatch(self, fd: int) -> None:
        for pair in [pair for pair in self._watched if pair[1] == fd]:
            pair[0](fd)
            self._watched.remove(pair)

    def _wait(self) -> None:
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._pidfd = os.pidfd_open(self._process.pid)
                self._loop.add_reader(self._pidfd, self._exited)
                self._watched.append((self._loop.remove_reader, self._pidfd))
                return
        self._loop.call_later(_POLL_SECONDS, self._poll)

    def _poll(self) -> None:
        if self.ended.done():
            return
        if self._process.poll() is None:
            self._loop.call_later(_POLL_SECONDS, self._poll)
        else:
            self._exited()

    def _exited(self) -> None:
        code = self._process.wait()
        for pipe, read in (
            (self._process.stdout, self._read_answer),
            (self._process.stderr, self._read_log),
        ):
            # What is in the pipe now was written before the end.
            while any(fd == _number(pipe) for _, fd in self._watched) and read():
                pass
        if not self.ended.done():
            self.ended.set_result(code)
        self.close()

    def _write(self) -> None:
        stdin = self._process.stdin
        try:
            written = os.write(_number(stdin), self._told[:_CHUNK])
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            written = len(self._told)  # it does not want to know
        self._told = self._told[written:]
        if not self._told and stdin is not None:
            self._unwatch(_number(stdin))
            stdin.close()

    def _read_answer(self) -> bool:
        piece = self._read(self._process.stdout)
        self.stdout += piece
        if len(self.stdout) > ANSWER_BYTES:
            if not self.ended.done():
                self.ended.set_exception(
                    HookFailure(f"its answer is larger than {ANSWER_BYTES} bytes")
                )
            self.close()
            return False
        return bool(piece)

    def _read_log(self) -> bool:
        piece = self._read(self._process.stderr)
        self.stderr += piece[: LOG_BYTES - len(self.stderr)]
        return bool(piece)

    def _read(self, pipe: IO[bytes] | None) -> bytes:
        fd = _number(pipe)
        try:
            piece = os.read(fd, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            piece = b""
        if not piece:
            self._unwatch(fd)
        return piece

    def close(self) -> None:
        """Look at the pipes no more."""
        for remove, fd in self._watched:
            remove(fd)
        self._watched.clear()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


def _number(pipe: IO[bytes] | None) -> int:
    return -1 if pipe is None or pipe.closed else pipe.fileno()


def _end(process: subprocess.Popen[bytes], mark: str | None) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if mark is not None:
        _kill_marked(mark)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        process.wait(0.2)
    except subprocess.TimeoutExpired:  # the kernel holds it: somebody must collect it later
        threading.Thread(target=process.wait, name="mcptui-hook", daemon=True).start()


def _kill_marked(mark: str) -> None:
    """Kill what left the process group; twice, for what was just being started."""
    wanted = f"{_MARK}={mark}".encode()
    for _ in range(2):
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if wanted in (folder / "environ").read_bytes():
                    os.kill(int(folder.name), signal.SIGKILL)
