"""One request of a client on its way through the gateway."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.gateway.wire import Part, encode

if TYPE_CHECKING:
    from mcptui.gateway.link import Link
    from mcptui.gateway.owner import Owner
    from mcptui.guard.switches import Verdict

RECORDED = frozenset(
    ("tools/call", "prompts/get", "resources/read", "completion/complete", "tasks/result")
)
"""Methods whose requests are calls and get a row."""


@dataclass(slots=True)
class Question:
    """What a legacy server asks in the middle of a modern client's call.

    Args:
        identity: the server's id of it.
        key: under which the client answers.
        method, params: what it asks, as a modern client takes it.
    """

    identity: bytes
    key: str
    method: str
    params: Part


class Call:
    """A request that goes to a server.

    Args:
        identity: the client's id, in its one form.
        method: as the client said it.
        modern: the era in which the client asked, and in which it is answered.
        members: params, key by key; the name is already the server's own.
        meta: `_meta` of the params, if there was one.
        server: the installed server's name.
        name: what is called there: tool, prompt, address.
        size: bytes of the request.
        now: monotonic seconds.
        owner: whose call it is.
    """

    __slots__ = (
        "asks", "began", "given", "hard_end", "identity", "key", "link", "log_level", "looking",
        "members", "meta", "method", "modern", "name", "note", "number", "owner", "rounds",
        "server", "size",
        "soft_end", "state", "token", "verdict", "waited",
    )  # fmt: skip

    def __init__(
        self, identity: bytes, method: str, *, modern: bool, members: dict[str, Part],
        meta: dict[str, Part] | None, server: str, name: str, size: int, now: float,
        owner: Owner,
    ) -> None:  # fmt: skip
        self.owner = owner
        self.identity = identity
        self.method = method
        self.modern = modern
        self.members = members
        self.meta = meta
        self.server = server
        self.name = name
        self.size = size
        self.began = now
        self.waited = 0.0
        self.token: Part | None = None if meta is None else meta.get("progressToken")
        self.key = ""
        self.link: Link | None = None
        self.number = 0
        self.rounds = 0
        self.soft_end = now
        self.hard_end = now
        self.state = ""
        self.asks: list[Question] = []
        self.given = members.get("arguments", b"{}")
        self.log_level = ""
        self.verdict: Verdict | None = None
        self.looking: asyncio.Task[None] | None = None  # interceptors, which end with the call
        self.note = ""


def tool_error(text: str, *, modern: bool) -> bytes:
    """A tool's result that says what went wrong, in words a model can act on."""
    kind = b'"resultType":"complete",' if modern else b""
    return b'{%b"content":[{"type":"text","text":%b}],"isError":true}' % (kind, encode(text))
