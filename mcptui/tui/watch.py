"""Notices within a tenth of a second that any process stored something, for 0.5 % of a core.

One thread asks SQLite for its data version; only a change makes a message.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from textual.message import Message
from textual.message_pump import MessagePump

from mcptui.errors import McptuiError

EVERY = 0.1
"""Seconds between two looks."""
AFTER_TROUBLE = 2.0
"""Seconds to wait after a look that failed."""


class Changed(Message):
    """Something was stored."""

    def can_replace(self, message: Message) -> bool:
        """One is as good as many."""
        return isinstance(message, Changed)


class Watcher:
    """Posts `Changed` to a listener until it is stopped."""

    def __init__(self, listener: MessagePump, changed: Callable[[], bool]) -> None:
        self._listener = listener
        self._changed = changed
        self._off = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mcptui-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait until the thread has let go of the database."""
        self._off.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def _run(self) -> None:
        pause = EVERY
        while not self._off.wait(pause):
            pause = EVERY
            try:
                if self._changed():
                    self._listener.post_message(Changed())
            except McptuiError:
                pause = AFTER_TROUBLE
