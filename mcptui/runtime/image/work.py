"""What every part of a build shares: its folders, its engine, its progress and its end.

Files are made in a temporary folder that carries the builder's mark; finished parts are renamed
into the cache. Blocking work runs in threads, and a cancelled build waits until its thread has
stopped before it cleans up, so nothing is written after the end.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from mcptui.progress import Step, StepState
from mcptui.runtime.image import owner
from mcptui.runtime.image.loader import Loader, Stopped
from mcptui.runtime.image.tools import failed_write, finish

Result = TypeVar("Result")
_TELL_EVERY = 0.1


class Work:
    """One build.

    Args:
        client: a `docker.DockerClient`.
        cache: the user's cache folder.
        environ: the user's environment.
        tell: gets every step; may be called from any thread.
    """

    def __init__(
        self, client: Any, cache: Path, environ: Mapping[str, str], tell: Callable[[Step], None]
    ) -> None:
        self.stop = threading.Event()
        self.loader = Loader(client, self.stop)
        self.cache = cache
        self.environ = environ
        self._tell = tell
        self._told: dict[str, float] = {}
        self.folder = cache / "tmp"

    def step(
        self,
        key: str,
        text: str,
        state: StepState = StepState.RUNNING,
        *,
        done: int = 0,
        total: int = 0,
        detail: str = "",
    ) -> None:
        """Tell how far a part is; byte counts are told ten times a second at most."""
        now = time.monotonic()
        if state is StepState.RUNNING and done and now - self._told.get(key, 0.0) < _TELL_EVERY:
            return
        self._told[key] = now
        self._tell(Step(key, text, state, done, total, detail))

    async def thread(self, work: Callable[[], Result]) -> Result:
        """Run blocking work in a thread; when this is cancelled the thread ends first."""
        running = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self.stop.set()
            with suppress(Exception):
                await finish(running)
            raise
        except Stopped:
            raise asyncio.CancelledError from None
        except OSError as error:
            raise failed_write(error, self.cache) from error

    def open(self) -> None:
        """Make the temporary folder and remove those of builders that were killed. Blocks."""
        place = self.cache / "tmp"
        try:
            place.mkdir(parents=True, exist_ok=True)
            owner.sweep(place)
            self.folder = Path(tempfile.mkdtemp(prefix=f"{owner.mine()}+", dir=place))
        except OSError as error:
            raise failed_write(error, self.cache) from error
        self.loader.sweep()

    def close(self) -> None:
        """Remove the temporary folder. Blocks."""
        if self.folder != self.cache / "tmp":
            shutil.rmtree(self.folder, ignore_errors=True)

    def new_folder(self, name: str) -> Path:
        """Make a new folder inside the temporary one."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))

    async def watched(self, key: str, text: str, folder: Path, total: int, work: Any) -> Any:
        """Await `work` and tell meanwhile how many bytes have come into `folder`."""
        running = asyncio.ensure_future(work)
        try:
            while not running.done():
                await asyncio.wait({running}, timeout=0.25)
                size = await asyncio.to_thread(_size, folder)
                self.step(key, text, done=size, total=total)
            return running.result()
        except OSError as error:
            raise failed_write(error, self.cache) from error
        finally:
            if not running.done():
                running.cancel()
                with suppress(BaseException):
                    await finish(running)


def _size(folder: Path) -> int:
    size = 0
    # os.walk, unlike rglob, bears that pip removes folders while they are looked at.
    for base, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += Path(base, name).lstat().st_size
    return size


def megabytes(size: int) -> str:
    """Bytes for a person."""
    return f"{size / 1e6:.1f} MB" if size < 100e6 else f"{size / 1e6:.0f} MB"
