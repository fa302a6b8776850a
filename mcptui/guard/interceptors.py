"""The contract of interceptors: what a hook is, what it is told, and what it may answer.

A hook is a program or an HTTP address of the user's that looks at calls: `before` one reaches its
server, or `after` the answer came and before the client has it. It gets one JSON object and
answers with one:

    told      version (1), when, call, session, client {name, version}, server, method, name,
              tool {name, description, annotations} for tools, arguments,
              inputResponses where the client answers questions of the server's,
              after also: result, or error where the server answered with one
    answers   nothing or {}                      go on
              {"decision": "deny", "message": "why"}
              before: {"arguments": {…}} and {"inputResponses": {…}} go on instead of the old ones
              after: {"result": {…}} goes to the client instead

Whatever else it does is a failure: another exit code than 0, another status than 200 or 204, an
unknown key, no JSON, too much, too late. `on_failure` says what becomes of the call then. What a
hook was shown is what goes on: arguments and results are written anew from the decoded form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, NoReturn, Protocol, cast

from mcptui.guard.switches import Verdict

VERSION = 1
TOLD_BYTES = 4 << 20
"""Bytes a hook is told at most: a call that is larger counts as a failure of the hook."""
ANSWER_BYTES = 4 << 20
"""Bytes a hook may answer."""
MESSAGE = 2000
"""Characters of a hook's message that are passed on."""
SECONDS = 5.0
MOST_SECONDS = 120.0
_KEYS = {
    "before": frozenset(("decision", "message", "arguments", "inputResponses")),
    "after": frozenset(("decision", "message", "result")),
}

Log = Callable[[str], None]
"""Takes one line for the log."""


class HookFailure(Exception):
    """A hook did not do its work; the text says what happened, in words that fit after a colon."""


@dataclass(frozen=True, slots=True)
class Interceptor:
    """One hook, as the user set it up.

    Args:
        name: how the record and the model's words call it.
        when: "before" or "after".
        command: absolute path and arguments of a program, empty for an HTTP hook.
        url: https, or http on this machine; empty for a program.
        servers, tools, methods: globs, any of which must fit; letter case does not count.
        timeout: seconds.
        on_failure: "deny", or "allow" for a hook that only watches.
    """

    name: str
    when: str
    command: tuple[str, ...] = ()
    url: str = ""
    servers: tuple[str, ...] = ("*",)
    tools: tuple[str, ...] = ("*",)
    methods: tuple[str, ...] = ("*",)
    timeout: float = SECONDS
    on_failure: str = "deny"

    @property
    def kind(self) -> str:
        """ "exec" or "http"."""
        return "exec" if self.command else "http"

    def wants(self, server: str, method: str, tool: str) -> bool:
        """Whether it looks at calls like this one.

        Args:
            server: the installed server's name.
            method: of the protocol.
            tool: the server's own name of the tool; "" when it is no tool or nobody knows which.
        """
        if not (_fits(server, self.servers) and _fits(method, self.methods)):
            return False
        if tool:
            return _fits(tool, self.tools)
        # A result that comes through a task is looked at when its tool is not known any more.
        return self.tools == ("*",) or method.startswith("tasks/")


def _fits(name: str, globs: tuple[str, ...]) -> bool:
    # Letter case is ignored: more calls are looked at then, never fewer.
    folded = name.casefold()
    return any(glob == "*" or fnmatchcase(folded, glob.casefold()) for glob in globs)


@dataclass(frozen=True, slots=True)
class Hooks:
    """All hooks of a gateway, in their order.

    Args:
        interceptors: as the file and the command line name them.
        fault: why they cannot be told, "" when they can; no call is made while there is one.
    """

    interceptors: tuple[Interceptor, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hook said: its denial, or what goes on instead (None for what there was)."""

    denied: str | None = None
    arguments: dict[str, Any] | None = None
    responses: dict[str, Any] | None = None
    result: dict[str, Any] | None = None


@dataclass(slots=True)
class Subject:
    """A call in the decoded form, as hooks see it and leave it behind."""

    call: str
    session: str
    client: tuple[str, str]
    server: str
    method: str
    name: str
    definition: Mapping[str, Any] | None
    arguments: dict[str, Any]
    responses: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    error: Any = None
    changed: list[str] = field(default_factory=list[str])

    def told(self, when: str) -> bytes:
        """The JSON a hook gets.

        Raises:
            HookFailure: it is larger than a hook may be told, or cannot be written.
        """
        said: dict[str, Any] = {
            "version": VERSION, "when": when, "call": self.call, "session": self.session,
            "client": {"name": self.client[0], "version": self.client[1]},
            "server": self.server, "method": self.method, "name": self.name,
        }  # fmt: skip
        if self.definition is not None or self.method == "tools/call":
            known = self.definition or {}
            kept = {key: known[key] for key in ("description", "annotations") if key in known}
            said["tool"] = {"name": self.name, **kept}
        said["arguments"] = self.arguments
        if self.responses is not None:
            said["inputResponses"] = self.responses
        if when == "after":
            said |= {"error": self.error} if self.result is None else {"result": self.result}
        body = written(said)
        if len(body) > TOLD_BYTES:
            raise HookFailure(f"the call has {len(body)} bytes, a hook is told {TOLD_BYTES}")
        return body

    def take(self, hook: Interceptor, answer: Answer) -> None:
        """Let what a hook said stand for what there was."""
        if answer.arguments is not None and answer.arguments != self.arguments:
            self.arguments = answer.arguments
            self.changed.append(f"arguments rewritten by {hook.name}")
        if answer.responses is not None and answer.responses != self.responses:
            self.responses = answer.responses
            self.changed.append(f"answers rewritten by {hook.name}")
        if answer.result is not None and answer.result != self.result:
            self.result = answer.result
            self.changed.append(f"result replaced by {hook.name}")


def written(value: Any) -> bytes:
    """A decoded value as JSON.

    Raises:
        HookFailure: it has no JSON form: a number beyond all bounds, or nested too deeply.
    """
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (ValueError, RecursionError) as error:
        raise HookFailure(f"the call cannot be written as JSON: {error}") from error


def read(body: bytes) -> Any:
    """A JSON value, decoded; of duplicate keys the last one counts.

    Raises:
        HookFailure: it is none, or none that can be written again.
    """
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise HookFailure(f"not JSON: {error}") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def read_answer(when: str, body: bytes, asked_back: bool = True) -> Answer:
    """What a hook said.

    Args:
        when: when it was asked.
        body: its answer as it came.
        asked_back: there were answers of the client's to be rewritten.

    Raises:
        HookFailure: it is no answer.
    """
    if not body.strip():
        return Answer()
    try:
        said = read(body)
    except HookFailure as error:
        raise HookFailure(f"its answer is {error}") from error
    if not isinstance(said, dict):
        raise HookFailure("its answer is no JSON object")
    given = cast("dict[str, Any]", said)
    unknown = sorted(given.keys() - _KEYS[when])
    if unknown:
        known = ", ".join(sorted(_KEYS[when]))
        raise HookFailure(f"its answer has {unknown[0][:60]!r}; {when} knows {known}")
    decision, message = given.get("decision", "allow"), given.get("message", "")
    if decision not in ("allow", "deny") or not isinstance(message, str):
        raise HookFailure('its "decision" is neither "allow" nor "deny", or "message" is no text')
    if decision == "deny":
        return Answer(denied=message[:MESSAGE])
    for key in ("arguments", "inputResponses", "result"):
        if key in given and not isinstance(given[key], dict):
            raise HookFailure(f'its "{key}" is no JSON object')
    if "inputResponses" in given and not asked_back:
        raise HookFailure('its answer has "inputResponses", but nothing was asked')
    return Answer(None, given.get("arguments"), given.get("inputResponses"), given.get("result"))


def denial(hook: Interceptor, subject: Subject, message: str) -> Verdict:
    """What a hook's denial means for the call."""
    said = f": {message}" if message else "."
    if hook.when == "before":
        text = f"The interceptor {hook.name!r} of mcptui's user refused this call of "
        text += f"{subject.server!r}, so it was not made{said}"
    else:
        text = f"The call of {subject.server!r} was made, but the interceptor {hook.name!r} of "
        text += f"mcptui's user withheld its answer{said}"
    return Verdict("blocked", f"interceptor {hook.name}: {message or 'denied'}", text)


def failing(hook: Interceptor, subject: Subject, failure: str) -> Verdict:
    """What a hook's failure means for the call when it fails closed."""
    done = "so this call was not made" if hook.when == "before" else "so its answer is withheld"
    return Verdict(
        "blocked",
        f"interceptor {hook.name} failed: {failure}",
        f"The interceptor {hook.name!r} of mcptui's user must look at calls of "
        f"{subject.server!r} and failed ({failure}), {done}. "
        f"Its user can try it with `mcptui interceptor test {hook.name}`.",
    )


class Asked(Protocol):
    """What a check of our own may know of a call without decoding anything."""

    method: str
    server: str
    name: str
    verdict: Verdict | None


class Guard(Protocol):
    """A check of the product's own, on the same seam as hooks; it is asked first and must not
    wait for anything.

    A guard that decodes what it is given returns it written anew, or the verdict.
    """

    def before(self, call: Asked) -> Verdict | None:
        """Why a call is not made, None when it may be."""
        ...


class Standing:
    """Switches and pins: the verdict that the book has for a name."""

    def before(self, call: Asked) -> Verdict | None:
        """The verdict on the tool that is called."""
        return call.verdict
