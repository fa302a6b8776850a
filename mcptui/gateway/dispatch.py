"""The way out: a client's requests for servers, aimed, judged and passed on.

The hot path is `call_tool` → `Link.submit`: dictionary look-ups, no task and no copy of a body.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mcptui.gateway.answers import Answers
from mcptui.gateway.book import Book, Target
from mcptui.gateway.call import Call
from mcptui.gateway.capable import NEEDS
from mcptui.gateway.client import Client
from mcptui.gateway.levels import QUIET_LEVEL, USUAL_LEVEL, level_of, most_telling
from mcptui.gateway.link import Link
from mcptui.gateway.parked import Parked, WrongRequest
from mcptui.gateway.wire import (
    INVALID_PARAMS,
    LOG_LEVEL_KEY,
    METHOD_NOT_FOUND,
    Part,
    encode,
    error_body,
    fields,
    joined,
    text,
)
from mcptui.guard.switches import Verdict

if TYPE_CHECKING:
    from mcptui.gateway.front import Front
    from mcptui.gateway.hub import Hub


class Refused(Exception):
    """A request that is answered with a protocol error."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


_KNOWN = frozenset(
    ("name", "arguments", "_meta", "uri", "ref", "argument", "context", "inputResponses",
     "requestState", "task", "taskId")
)  # fmt: skip
_FOLDED = {name.casefold(): name for name in _KNOWN}


def _refuse_lookalikes(call: Call) -> None:
    """Refuse params with `Name` beside `name`: some servers take the one for the other, and what
    they would do was never looked at."""
    for key in call.members:
        known = _FOLDED.get(key.casefold())
        if known is not None and known != key:
            raise Refused(INVALID_PARAMS, f"{key[:40]!r} is not {known!r}")


class Dispatch(Answers):
    """Requests that end at a server.

    Args:
        hub: the servers and the book.
        front: its wire.
        client: who it is.
    """

    def __init__(self, hub: Hub, front: Front, client: Client) -> None:
        super().__init__(hub, front, client)
        self.ledger.quieter = self._quieter

    @property
    def book(self) -> Book:
        """What may be asked for, now."""
        return self.hub.book

    def fault(self, identity: bytes, code: int, message: str, data: object = None) -> None:
        """Answer a request with a protocol error."""
        self.front.answer(identity, b"", error_body(code, message, data))

    # Levels

    def set_level(self, link: Link) -> None:
        """Have a server tell as much as anybody wants to hear now."""
        self._stamps.pop(link, None)
        if link.shared or not link.ready or "logging" not in link.capabilities:
            return
        if link.modern:
            return  # every request says it
        own = self.client.log_level if self.client.legacy else ""
        wanted = most_telling([own, *(call.log_level for call in link.calls())])
        if not wanted and link.level:
            wanted = USUAL_LEVEL if self.client.legacy else QUIET_LEVEL
        if wanted and wanted != link.level:
            link.level = wanted
            link.begin("logging/setLevel", {"level": encode(wanted)})

    def _quieter(self, call: Call) -> None:
        call.log_level = ""
        if call.link is not None:
            self.set_level(call.link)

    # Requests

    def call_tool(self, call: Call) -> None:
        """Pass a `tools/call` on."""
        name = text(call.members["name"])
        target = self.hub.book.tool(name) or self.hub.guess(name)
        if target is None:
            call.name = name[:200]
            self._unknown(call, f"Unknown tool: {call.name}")
            return
        self._aim(call, target)

    def get_prompt(self, call: Call) -> None:
        """Pass a `prompts/get` on."""
        name = text(call.members["name"])
        target = self.book.prompt(name)
        if target is None:
            call.name = name[:200]
            self._unknown(call, f"Unknown prompt: {call.name}")
            return
        self._aim(call, target)

    def _aim(self, call: Call, target: Target) -> None:
        call.server = target.server
        call.name = target.name
        call.members["name"] = target.name_json
        call.verdict = target.verdict
        if call.verdict is None and self._came_back(call):
            return
        self._dispatch(call)

    def read_resource(self, call: Call) -> None:
        """Pass a `resources/read` on."""
        uri = text(call.members["uri"])
        server = self.server_of(uri)
        call.name = uri[:500]
        if server is None:
            code = INVALID_PARAMS if call.modern else -32002
            self._unknown(call, f"Resource not found: {call.name}", code)
            return
        call.server = server
        call.members["uri"] = encode(uri)
        if not self._came_back(call):
            self._dispatch(call)

    def server_of(self, uri: str) -> str | None:
        """The server that has a resource, as far as anyone knows."""
        book = self.book
        return book.resource(uri) or self.ledger.emitted.get(uri) or self.hub.only_resource_server()

    def complete(self, call: Call) -> None:
        """Pass a `completion/complete` on."""
        reference = fields(call.members["ref"])
        kind = text(reference["type"])
        if kind == "ref/prompt":
            call.name = text(reference["name"])[:200]
            target = self.book.prompt(call.name)
            if target is None:
                self._unknown(call, f"Unknown prompt: {call.name}")
                return
            reference["name"] = target.name_json
            call.server, call.name = target.server, target.name
        else:
            uri = text(reference["uri"])
            call.name = uri[:500]
            server = self.server_of(uri)
            if server is None:
                self._unknown(call, f"Resource not found: {call.name}")
                return
            reference["uri"] = encode(uri)
            call.server = server
        call.members["ref"] = joined(reference)
        self._dispatch(call)

    def watchable(self, uri: str) -> bool:
        """Whether changes of a resource can be told of."""
        server = self.server_of(uri)
        return server is not None and self.hub.tells_of(server)

    def pass_unknown(self, call: Call) -> None:
        """Pass on what only an extension knows, where it can be told whose it is."""
        able = self.hub.extended()
        members = call.members
        server: str | None = able[0] if len(able) == 1 else None
        if able and "uri" in members:
            server = self.server_of(text(members["uri"])) or server
        elif able and "name" in members:
            target = self.book.tool(text(members["name"]))
            if target is not None:
                server, members["name"] = target.server, target.name_json
        if server not in able or call.method in NEEDS:
            raise Refused(METHOD_NOT_FOUND, f"Method not found: {call.method[:100]}")
        call.server = server
        self._dispatch(call)

    def _dispatch(self, call: Call) -> None:
        if not _KNOWN.issuperset(call.members):
            _refuse_lookalikes(call)
        if len(self.ledger.calls) >= self.limits.in_flight:
            self.ledger.begin(call)
            self.down(call, f"{self.limits.in_flight} calls are open already", "refused")
            return
        self.ledger.begin(call)
        self.hub.guards.before(self, call, self._forward, self.refused)

    def _forward(self, call: Call) -> None:
        link = self.links.get(call.server)
        if link is None:
            opened = self.hub.open(self, call.server)
            if isinstance(opened, Verdict):
                self.down(call, opened.text, opened.outcome)
                return
            link = opened
        if not link.ready:
            call.link = link
            link.waiting.append(call)
        elif call.modern is link.modern or self._crosses(call, link):
            link.submit(call)

    def _crosses(self, call: Call, link: Link) -> bool:
        """Make a call fit for a server of the other era; returns whether it may go there."""
        call.members.pop("task", None)  # the older era's own way to ask for a task
        if not call.modern:
            return True
        call.members.pop("inputResponses", None)  # it has not been asked anything yet
        if "requestState" in call.members:
            # Its server would take it for a new call, and do everything a second time.
            self.fault(call.identity, INVALID_PARAMS, "This requestState is unknown or too old")
            self.ledger.finish(call, "error", "it came back to a call that is over", b"")
            return False
        level = level_of((call.meta or {}).get(LOG_LEVEL_KEY))
        if level and not link.shared:
            call.log_level, call.link = level, link
            wanted = most_telling([level, link.level])
            if wanted != link.level and "logging" in link.capabilities:
                link.level = wanted
                link.begin("logging/setLevel", {"level": encode(wanted)})
        return True

    def opened(self, link: Link) -> None:
        """A server is ready: what waited for it goes on, if it still may."""
        waiting, link.waiting = link.waiting, []
        self.set_level(link)
        for call in waiting:
            call.owner.goes_on(call, link)

    def ended(self, link: Link, reason: str) -> None:
        """A server is gone: its open calls fail with the reason, the next one starts it anew."""
        super().ended(link, reason)
        if self.client.watched and not link.retired:
            self.hub.watch(self)  # who only listens would never hear of it again

    def goes_on(self, call: Call, link: Link) -> None:
        """A call waited for its server, which is ready now."""
        call.waited = time.monotonic() - call.began
        verdict = self.hub.verdict(call)
        if verdict is not None:
            self.refused(call, verdict)
        elif call.modern is link.modern or self._crosses(call, link):
            link.submit(call)

    def _came_back(self, call: Call) -> bool:
        if not call.modern or "requestState" not in call.members:
            return False
        try:
            found = self.parking.unpark(call)
        except KeyError:
            raise Refused(INVALID_PARAMS, "This requestState is unknown or too old") from None
        except WrongRequest:
            raise Refused(INVALID_PARAMS, "This requestState is another request's") from None
        if found is None:
            return False
        parked, answers = found
        if parked.again:
            return self._opened_urls(call, parked, answers)
        self.resume(parked, call, answers)
        return True

    def _opened_urls(self, call: Call, parked: Parked, answers: dict[str, Part]) -> bool:
        """A client opened what its server wanted, or not; returns whether that is the end."""
        call.rounds = parked.call.rounds + 1
        for question in parked.call.asks:
            answer = fields(answers.get(question.key, b"{}"))
            if bytes(answer.get("action", b"")) != b'"accept"':
                words = "Its user did not open the address that the server wants opened first."
            elif call.rounds > self.limits.rounds:
                words = f"The server wanted addresses opened {call.rounds} times."
            else:
                continue
            self.ledger.begin(call)
            self.down(call, words)
            return True
        del call.members["requestState"]
        call.members.pop("inputResponses", None)
        return False

    def _unknown(self, call: Call, message: str, code: int = INVALID_PARAMS) -> None:
        self.ledger.begin(call)
        self.fault(call.identity, code, message)
        self.ledger.finish(call, "error", message, b"")
