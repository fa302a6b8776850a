"""Which server, and which process of it, has the task a client asks for.

A task's id is the server's own and passes unchanged. It belongs to the conversation it was given
in and to no other; an id that one server has given cannot be taken over by another one while the
task is known. Bounded in number and time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.gateway.wire import MALFORMED, Part, anything

if TYPE_CHECKING:
    from mcptui.gateway.link import Link

MOST_TASKS = 4096
LONGEST = 24 * 3600.0
"""Seconds a task is known for at most, whatever its server says."""
SHORTEST = 60.0
ID_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class Route:
    """Where a task is.

    Args:
        server: the installed server's name.
        link: the process, which a task of the older era does not outlive.
        name: what was called.
        until: monotonic seconds.
    """

    server: str
    link: Link
    name: str
    until: float


class TaskRoutes:
    """The tasks of one client."""

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}

    def add(self, task: str, link: Link, name: str, ttl: Part) -> bool:
        """A server made a task; returns False when the id is another one's.

        Args:
            task: the id.
            link: the server.
            name: what was called.
            ttl: milliseconds the server keeps it, as it said; null for ever.
        """
        now = time.monotonic()
        known = self.find(task, now)
        if not task or len(task) > ID_LENGTH or (known is not None and known.server != link.server):
            return False
        self._routes.pop(task, None)
        if len(self._routes) >= MOST_TASKS:
            self._sweep(now)
        self._routes[task] = Route(link.server, link, name, now + _seconds(ttl))
        return True

    def find(self, task: str, now: float = 0.0) -> Route | None:
        """Where a task is, None when nobody knows."""
        route = self._routes.get(task)
        if route is None or route.until < (now or time.monotonic()):
            return None
        return None if route.link.dead and not route.link.modern else route

    def _sweep(self, now: float) -> None:
        for task in [task for task, route in self._routes.items() if route.until < now]:
            del self._routes[task]
        while len(self._routes) >= MOST_TASKS:
            del self._routes[next(iter(self._routes))]


def _seconds(ttl: Part) -> float:
    try:
        said = anything(ttl) if ttl else None
    except MALFORMED:
        said = None
    if not isinstance(said, int | float) or isinstance(said, bool):
        return LONGEST
    # A little longer than the server: it shall be the one to say that a task is gone.
    return min(max(said / 1000 + SHORTEST, SHORTEST), LONGEST)
