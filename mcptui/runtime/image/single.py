"""One builder at a time, across processes: a lock file that the kernel frees when we die."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

_EVERY = 0.2


@asynccontextmanager
async def single(path: Path, on_wait: Callable[[], None]) -> AsyncGenerator[None]:
    """Hold a lock while the block runs.

    Args:
        path: the lock file; it stays, since removing one that others wait for is a race.
        on_wait: told once when somebody else holds it.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    on_wait()
                    told = True
                await asyncio.sleep(_EVERY)
        yield
    finally:
        os.close(handle)
