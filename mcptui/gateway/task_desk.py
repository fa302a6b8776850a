"""Tasks: answers that come later. Requests about one go to the server, and the process, that made
it; what comes through them is judged and recorded like an answer that came at once.

2025-11-25 has them in its core (`tasks/get`, `result`, `cancel`, `list`), 2026-07-28 in the
extension `io.modelcontextprotocol/tasks` (`tasks/get`, `update`, `cancel`). Both pass as they are
between sides of one era; neither era's handle is given to a client of the other.
"""

from __future__ import annotations

import time

from mcptui.gateway.call import Call
from mcptui.gateway.dispatch import Dispatch, Refused
from mcptui.gateway.eras import asks_of, attributed
from mcptui.gateway.link import Link, ServerError
from mcptui.gateway.wire import (
    INVALID_PARAMS,
    MALFORMED,
    METHOD_NOT_FOUND,
    Part,
    fields,
    joined,
    objects,
    text,
)
from mcptui.tasks import spawn

MODERN_TASKS = frozenset(("tasks/get", "tasks/update", "tasks/cancel"))
LEGACY_TASKS = frozenset(("tasks/get", "tasks/result", "tasks/cancel", "tasks/list"))
_OVER = frozenset(("completed", "failed", "input_required"))
"""States of a modern task whose answer carries something to judge."""
_LIST_PAGES = 20


class TaskDesk(Dispatch):
    """The tasks of one client."""

    def about_task(self, call: Call) -> None:
        """Pass a request about a task on."""
        if call.method not in (MODERN_TASKS if call.modern else LEGACY_TASKS):
            raise Refused(METHOD_NOT_FOUND, f"Method not found: {call.method}")
        if call.method == "tasks/list":
            spawn(self._list_tasks(call), "list tasks")
            return
        route = self.tasks.find(text(call.members["taskId"]))
        if route is None or (route.link.modern is not call.modern):
            raise Refused(INVALID_PARAMS, "Task not found")
        call.server, call.name = route.server, route.name
        self._dispatch(call)
        if call.method == "tasks/result":  # waits as long as the task takes
            call.soft_end = call.hard_end

    def task_named(self, call: Call, result: Part) -> Part | None:
        """A modern task's state for its client: what it asks is asked in the server's name."""
        members = fields(result)
        if text(members.get("status", b'""')) in _OVER:
            self.ledger.record(call)
        return joined(self._named(members, call.server)) if "inputRequests" in members else result

    @staticmethod
    def _named(members: dict[str, Part], server: str) -> dict[str, Part]:
        requests = fields(members["inputRequests"])
        for key, method, params in asks_of(members):
            if method == "elicitation/create":
                request = {**fields(requests[key]), "params": attributed(params, server)}
                requests[key] = joined(request)
        return {**members, "inputRequests": joined(requests)}

    def task_told(self, link: Link, params: Part) -> None:
        """A modern server tells how a task is: judged like the answer to a question for it."""
        try:
            members = fields(params)
            task = text(members["taskId"])
            status = text(members["status"])
        except (*MALFORMED, KeyError):
            return
        route = self.tasks.find(task)
        if route is None or route.server != link.server or task not in self.client.awaited:
            return
        call = Call(
            b"null", "tasks/get", modern=True, members={"taskId": members["taskId"]}, meta=None,
            server=link.server, name=route.name, size=0, now=time.monotonic(), owner=self,
        )  # fmt: skip
        call.link = link

        def tell(call: Call, result: Part, error: Part) -> None:
            if not result:
                return
            try:
                said = fields(result)
                if "inputRequests" in said:
                    said = self._named(said, link.server)
            except MALFORMED:
                return
            said.pop("resultType", None)
            self.client.tell_task(task, joined(said), self.front)
            self.ledger.finish(call, "", "", result)

        if status in _OVER:
            self.ledger.record(call)
        self.hub.guards.after(self, call, params, b"", tell)

    async def _list_tasks(self, call: Call) -> None:
        """All tasks of this client, of all its servers that list them."""
        found: list[Part] = []
        for link in list(self.links.values()):
            offered = link.capabilities.get("tasks")
            if not link.ready or link.modern or not isinstance(offered, dict):
                continue
            if "list" not in offered:
                continue
            try:
                found.extend(await self._tasks_of(link))
            except (ServerError, TimeoutError, *MALFORMED) as error:
                self.stderr(link, f"[mcptui] tasks/list could not be had: {error}")
        self.front.answer(call.identity, b'{"tasks":[%b]}' % b",".join(map(bytes, found)))

    async def _tasks_of(self, link: Link) -> list[Part]:
        own: list[Part] = []
        params: dict[str, Part] = {}
        for _ in range(_LIST_PAGES):
            page = fields(await link.ask("tasks/list", params, self.limits.question))
            for item in objects(page.get("tasks", b"[]")):
                route = self.tasks.find(text(fields(item).get("taskId", b'""')))
                # A shared server knows other clients' tasks as well.
                if route is not None and route.link is link:
                    own.append(item)
            if "nextCursor" not in page or bytes(page["nextCursor"]) == b"null":
                break
            params = {"cursor": page["nextCursor"]}
        return own
