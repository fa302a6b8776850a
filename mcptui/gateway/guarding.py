"""The pipeline between a client and its servers: checks of our own, then the user's hooks.

The product's own checks are synchronous and come first; a call that no hook wants to see goes on
in the same turn of the loop, with not a byte of it decoded. Only a call that a hook's filter fits
becomes a task: it is decoded, shown to the hooks in their order and written anew, so what they
looked at is what goes on. It ends with its call: whoever cancels one ends the hook as well.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mcptui.gateway.call import Call
from mcptui.gateway.surrogates import hide, show
from mcptui.gateway.wire import Part
from mcptui.guard.hooks_exec import run_exec
from mcptui.guard.hooks_http import HttpHooks
from mcptui.guard.interceptors import (
    TOLD_BYTES,
    Answer,
    Guard,
    HookFailure,
    Hooks,
    Interceptor,
    Standing,
    Subject,
    denial,
    failing,
    read,
    read_answer,
    written,
)
from mcptui.guard.switches import Verdict
from mcptui.tasks import spawn

if TYPE_CHECKING:
    from mcptui.gateway.desk import Desk

AT_ONCE = 16
"""Hooks that run at the same time in one gateway; others wait for their turn."""
_REMEMBERED = 4096
_NOT_ARGUMENTS = frozenset(("_meta", "name", "inputResponses", "requestState"))
_NAMED = frozenset(("tools/call", "prompts/get"))
_log = logging.getLogger("mcptui.gateway")

Go = Callable[[Call], None]
Refuse = Callable[[Call, Verdict], None]
Deliver = Callable[[Call, Part, Part], None]


class _Refusal(Exception):
    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class Pipeline:
    """All that looks at the calls of one gateway.

    Args:
        log: takes a server's name and a line for its log.
        definition: what is known of a tool, by server and name.
    """

    def __init__(
        self,
        log: Callable[[str, str], None],
        definition: Callable[[str, str], Mapping[str, Any] | None] = lambda server, tool: None,
    ) -> None:
        self.guards: list[Guard] = [Standing()]
        self.hooks = Hooks()
        self._line = log
        self._definition = definition
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._http: HttpHooks | None = None
        self._wanted: dict[tuple[str, str, str, str], tuple[Interceptor, ...]] = {}

    def load(self, hooks: Hooks) -> None:
        """Take over the user's hooks; a call that is being looked at goes on with the old ones."""
        self.hooks = hooks
        self._wanted = {}

    async def close(self) -> None:
        """Let go of what was opened."""
        if self._http is not None:
            await self._http.close()

    def _hooks(self, when: str, call: Call) -> tuple[Interceptor, ...]:
        tool = call.name if _of_tool(call) else ""
        key = (when, call.server, call.method, tool)
        found = self._wanted.get(key)
        if found is None:
            if len(self._wanted) > _REMEMBERED:
                self._wanted.clear()
            found = self._wanted[key] = tuple(
                hook
                for hook in self.hooks.interceptors
                if hook.when == when and hook.wants(call.server, call.method, tool)
            )
        return found

    # On the way to a server

    def before(self, desk: Desk, call: Call, go: Go, refuse: Refuse) -> None:
        """Look at a request on its way to a server.

        Args:
            desk: whose call it is.
            call: one that began.
            go: passes it on; called at once when no hook wants to see it.
            refuse: called instead when it may not go on.
        """
        verdict = self._own(call)
        if verdict is not None:
            refuse(call, verdict)
            return
        hooks = self.hooks
        if not hooks.interceptors and not hooks.fault:
            go(call)
        elif hooks.fault:
            refuse(call, _broken(hooks.fault))
        elif wanted := self._hooks("before", call):
            work = self._before(desk, call, wanted, go, refuse)
            call.looking = spawn(work, f"interceptors of {call.server}")
        else:
            go(call)

    def _own(self, call: Call) -> Verdict | None:
        try:
            found = (guard.before(call) for guard in self.guards)
            return next((verdict for verdict in found if verdict is not None), None)
        except Exception as error:  # a check that fails is no check that passed
            _log.exception("a check of a call to %s", call.server)
            return _failed(f"{type(error).__name__}: {error}")

    async def _before(
        self,
        desk: Desk,
        call: Call,
        hooks: tuple[Interceptor, ...],
        go: Go,
        refuse: Refuse,
    ) -> None:
        call.soft_end = call.hard_end  # hooks have limits of their own
        try:
            subject = self._subject(desk, call, hooks[0])
            await self._ask(subject, hooks)
            _put_back(call, subject)
        except _Refusal as refusal:
            call.looking = None
            refuse(call, refusal.verdict)
            return
        except Exception as error:
            call.looking = None
            _log.exception("interceptors of %s", call.server)
            refuse(call, _broken(f"{type(error).__name__}: {error}"))
            return
        call.looking = None
        call.soft_end = time.monotonic() + desk.limits.call
        if subject.changed:
            _note(call, subject)
            desk.ledger.rewrite(call)
        go(call)

    # On the way back

    def after(self, desk: Desk, call: Call, result: Part, error: Part, go: Deliver) -> None:
        """Look at a server's answer on its way to the client.

        Args:
            desk: whose call it is.
            call: the call.
            result, error: the answer; one of the two is empty.
            go: passes it on, or what a hook put in its place.
        """
        wanted = self._hooks("after", call) if self.hooks.interceptors else ()
        if not wanted:
            go(call, result, error)
            return
        work = self._after(desk, call, wanted, (result, error), go)
        call.looking = spawn(work, f"interceptors of {call.server}")

    async def _after(
        self,
        desk: Desk,
        call: Call,
        hooks: tuple[Interceptor, ...],
        answer: tuple[Part, Part],
        go: Deliver,
    ) -> None:
        call.soft_end = call.hard_end
        result, error = answer
        try:
            subject = self._subject(desk, call, hooks[0])
            if result:
                subject.result = _decoded(result, "result", hooks[0], subject)
            else:
                subject.error = _anything(error, "error", hooks[0], subject)
            await self._ask(subject, hooks)
            if subject.result is not None:
                result, error = _answer(call, subject.result), b""
            else:
                error = hide(written(subject.error))
        except _Refusal as refusal:
            call.looking = None
            _withhold(desk, call, refusal.verdict)
            return
        except Exception as failure:
            call.looking = None
            _log.exception("interceptors of %s", call.server)
            _withhold(desk, call, _broken(f"{type(failure).__name__}: {failure}"))
            return
        call.looking = None
        call.soft_end = time.monotonic() + desk.limits.call
        _note(call, subject)
        go(call, result, error)

    # Hooks

    def _subject(self, desk: Desk, call: Call, first: Interceptor) -> Subject:
        name, version, _ = desk.ledger.who(call)
        known = self._definition(call.server, call.name) if _of_tool(call) else None
        subject = Subject(
            call.key or call.identity.decode("utf-8", "replace"), desk.id, (name, version),
            call.server, call.method, call.name, known, {},
        )  # fmt: skip
        members = call.members
        if call.method in _NAMED:
            given = members.get("arguments", b"{}")
            subject.arguments = _decoded(given, "arguments", first, subject)
        else:
            subject.arguments = {
                key: _anything(value, key, first, subject)
                for key, value in members.items()
                if key not in _NOT_ARGUMENTS
            }
        if "inputResponses" in members:
            given = members["inputResponses"]
            subject.responses = _decoded(given, "inputResponses", first, subject)
        return subject

    async def _ask(self, subject: Subject, hooks: tuple[Interceptor, ...]) -> None:
        for hook in hooks:
            try:
                answer = await self._run(hook, subject)
            except HookFailure as failure:
                self._line(subject.server, f"[interceptor {hook.name}] failed: {failure}")
                if hook.on_failure == "deny":
                    raise _Refusal(failing(hook, subject, str(failure))) from failure
                subject.changed.append(f"{hook.name} failed and was passed over")
                continue
            if answer.denied is not None:
                raise _Refusal(denial(hook, subject, answer.denied))
            subject.take(hook, answer)

    async def _run(self, hook: Interceptor, subject: Subject) -> Answer:
        told = subject.told(hook.when)

        def log(line: str) -> None:
            self._line(subject.server, f"[interceptor {hook.name}] {line}")

        async with self._turns:
            if hook.command:
                said = await run_exec(hook, told, log)
            else:
                self._http = self._http or HttpHooks()
                said = await self._http.run(hook, told)
        return read_answer(hook.when, said, subject.responses is not None)


def _of_tool(call: Call) -> bool:
    """Whether a call's name is that of a tool: a task carries that of the tool that made it."""
    return call.method == "tools/call" or call.method.startswith("tasks/")


def _withhold(desk: Desk, call: Call, verdict: Verdict) -> None:
    desk.ledger.record(call)  # a task's answer gets its row only when it is more than a state
    if call.identity == b"null":  # a notification: there is nobody to be answered
        desk.ledger.finish(call, verdict.outcome, verdict.reason, b"")
    else:
        desk.refused(call, verdict)


def _broken(fault: str) -> Verdict:
    return Verdict(
        "blocked",
        f"interceptors cannot run: {fault}"[:300],
        "The interceptors of mcptui's user cannot look at calls, so no call is made: "
        f"{fault}. Its user can see more with `mcptui interceptor ls`.",
    )


def _failed(fault: str) -> Verdict:
    return Verdict(
        "blocked",
        f"a check of mcptui failed: {fault}"[:300],
        "A check that every call must pass failed, so this call was not made: "
        f"{fault[:200]}. It is a defect of mcptui; its user finds more in the gateway's log.",
    )


def _anything(part: Part, what: str, hook: Interceptor, subject: Subject) -> Any:
    """Decode a part of a call, or refuse the call: what cannot be looked at does not pass."""
    try:
        if len(memoryview(part)) > TOLD_BYTES:
            raise HookFailure(f"larger than the {TOLD_BYTES} bytes a hook is told")
        return read(show(bytes(part)))
    except HookFailure as failure:
        raise _Refusal(failing(hook, subject, f"the {what}: {failure}")) from failure


def _decoded(part: Part, what: str, hook: Interceptor, subject: Subject) -> dict[str, Any]:
    value = _anything(part, what, hook, subject)
    if not isinstance(value, dict):
        raise _Refusal(failing(hook, subject, f"the {what}: no JSON object"))
    return value  # pyright: ignore[reportUnknownVariableType]


def _note(call: Call, subject: Subject) -> None:
    call.note = " · ".join(word for word in (call.note, *subject.changed) if word)


def _put_back(call: Call, subject: Subject) -> None:
    """Write what was looked at into the call."""
    members = call.members
    if call.method in _NAMED:
        if "arguments" in members or subject.arguments:
            members["arguments"] = hide(written(subject.arguments))
    else:
        for key in [key for key in members if key not in _NOT_ARGUMENTS]:
            del members[key]
        for key, value in subject.arguments.items():
            if key not in _NOT_ARGUMENTS:
                members[key] = hide(written(value))
    if subject.responses is not None:
        members["inputResponses"] = hide(written(subject.responses))


def _answer(call: Call, result: dict[str, Any]) -> bytes:
    if call.link is not None and call.link.modern:
        result.setdefault("resultType", "complete")
    return hide(written(result))
