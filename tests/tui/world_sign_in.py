"""Made-up sign-ins for exact pictures; no address in it is ever opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from mcptui.actions.sign_in import SignInRow
from mcptui.actions.sign_in_steps import Shown
from mcptui.errors import TryAgain
from mcptui.progress import Step, StepState
from mcptui.tui.feed import Feed

NOW = 1_763_128_935.0
_URL = "https://mcp.{}.example/mcp"
ROWS = [
    SignInRow(
        "linear", "signed in", "Linear", "https://auth.linear.example", _URL.format("linear"),
        "read write", NOW + 2_400, True, NOW - 90_000, "",
    ),
    SignInRow("notion", "not signed in", "Notion", "", _URL.format("notion"), "", 0, False, 0, ""),
    SignInRow(
        "sentry", "needs more scopes", "Sentry", "https://sentry.example", _URL.format("sentry"),
        "org:read", NOW - 60, False, NOW - 4_000, "the server wants the scopes org:write",
    ),
]  # fmt: skip


class FakeSignIns(Feed):
    """The part of the made-up feed that concerns sign-ins; writes down what it was told to do."""

    did: list[tuple[Any, ...]]
    signed: list[SignInRow]
    closed = ""

    def sign_ins(self) -> list[SignInRow]:
        return self.signed

    async def sign_in(self, server: str) -> AsyncIterator[Step]:
        yield Step("find", "who signs in for it", StepState.DONE, detail="https://auth.example")
        shown = Shown(
            "https://auth.example/authorize?response_type=code&client_id=c1&state=" + "s" * 40,
            "auth.example", "https://auth.example", f"https://mcp.{server}.example/mcp",
            "read write", self.closed, lambda text: self.did.append(("paste", text)),
        )  # fmt: skip
        yield Step("browser", "waiting for you at auth.example", result=shown)
        raise TryAgain(
            "Nobody signed in", "no answer came within 5 minutes",
            "Start it again when you are at the browser",
        )  # fmt: skip

    def sign_out(self, server: str) -> str:
        self.did.append(("sign out", server))
        return f"Signed out of {server}"
