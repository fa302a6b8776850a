"""Work that must not hold up the screen: questions to a thread, long actions to their own loop.

A question's answer comes back as a message to the widget that asked, so widgets are only touched
on the screen's own thread. Of questions with the same name only the newest is answered. A long
action is an async iterator of steps; it runs in its own thread and event loop, because the
libraries it uses load slowly and may block.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual.message import Message
from textual.message_pump import MessagePump

from mcptui.errors import McptuiError
from mcptui.progress import Step

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from mcptui.tui.app import McptuiApp

Result = TypeVar("Result")


class Answered(Message):
    """A question was answered; `fresh()` is false when a newer one of its name was asked."""

    def __init__(self, future: Future[Any], then: Callable[[Any], None], fresh: bool) -> None:
        super().__init__()
        self.future = future
        self.then = then
        self.fresh = fresh


class Pool:
    """A few threads for questions."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._newest: dict[tuple[int, str], object] = {}
        self.closed = False
        self.open = 0

    def ask(
        self,
        asker: MessagePump,
        name: str,
        question: Callable[[], Result],
        then: Callable[[Result], None],
    ) -> None:
        """Run `question` in a thread, then `then` with its result where the asker lives.

        Args:
            asker: the widget, screen or app; it gets an `Answered` message.
            name: a newer question of the same name makes this one's answer void.
            question: blocks as it likes.
            then: gets the result on the screen's thread.
        """
        if self.closed:
            return
        if self._threads is None:
            # Not needed before the first frame is out.
            from concurrent.futures import ThreadPoolExecutor

            self._threads = ThreadPoolExecutor(3, "mcptui-ask")
        token = object()
        key = (id(asker), name)
        self._newest[key] = token
        self.open += 1

        def answered(future: Future[Any]) -> None:
            if not self.closed:
                fresh = self._newest.get(key) is token
                asker.post_message(Answered(future, then, fresh))

        self._threads.submit(question).add_done_callback(answered)

    def close(self) -> None:
        """Answer nobody any more; what runs ends on its own."""
        self.closed = True
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


class Stepped(Message):
    """A long action went on."""

    def __init__(self, job: Job, step: Step) -> None:
        super().__init__()
        self.job = job
        self.step = step


class Ended(Message):
    """A long action is over: done, failed with `error`, or cancelled."""

    def __init__(self, job: Job, error: Exception | None, cancelled: bool) -> None:
        super().__init__()
        self.job = job
        self.error = error
        self.cancelled = cancelled


class Job:
    """One long action. `listener` gets a `Stepped` for each step and one `Ended`."""

    def __init__(
        self, listener: MessagePump, start: Callable[[], AsyncIterator[Step]], name: str
    ) -> None:
        self.listener = listener
        self.name = name
        self.running = True
        self._start = start
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._wanted_off = False
        self._thread = threading.Thread(target=self._run, name=f"mcptui-{name}", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Stop it where it is; the action cleans up after itself."""
        self._wanted_off = True
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    def join(self, seconds: float) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        error: Exception | None = None
        cancelled = False
        try:
            asyncio.run(self._steps())
        except asyncio.CancelledError:
            cancelled = True
        except Exception as raised:
            error = raised
        self.running = False
        self.listener.post_message(Ended(self, error, cancelled or self._wanted_off))

    async def _steps(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        if self._wanted_off:
            raise asyncio.CancelledError
        async for step in self._start():
            self.listener.post_message(Stepped(self, step))


def front_of(widget: MessagePump) -> McptuiApp:
    """The program a widget or screen belongs to."""
    return cast("McptuiApp", widget.app)  # pyright: ignore[reportUnknownMemberType]


def told(error: BaseException) -> McptuiError:
    """An error as a person is told of it."""
    if isinstance(error, McptuiError):
        return error
    return McptuiError(f"A defect in mcptui: {type(error).__name__}: {error}")
