"""Background tasks that are never lost: a reference is kept and a failure is reported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
_running: set[asyncio.Task[Any]] = set()
_log = logging.getLogger("mcptui.tasks")


def spawn(work: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
    """Start `work` on the running loop and keep it alive until it ends.

    Args:
        work: the coroutine to run.
        name: told in the log when it fails.
    """
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("task %s failed", task.get_name(), exc_info=error)
