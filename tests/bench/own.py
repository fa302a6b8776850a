"""Our gateway with more or fewer guards than it has: `python -m tests.bench.own more|none …`.

The product has no way to switch its own checks and its record off, so "none" takes them away from
outside: no verdicts of switches and pins, no interceptors, and no call is recorded. "more" keeps
all of it and adds one guard in the process, which decodes the arguments of each call and searches
them for secrets.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mcptui.gateway.guarding import Pipeline
from mcptui.gateway.record import Item, Scribe
from mcptui.guard.redact import redact
from mcptui.guard.switches import Verdict

if TYPE_CHECKING:
    from mcptui.guard.interceptors import Asked


class Search:
    """A guard that reads every argument and lets all calls pass."""

    def before(self, call: Asked) -> Verdict | None:
        """Search the arguments; a find refuses the call."""
        import msgspec

        members: Any = getattr(call, "members", {})
        raw = members.get("arguments", b"{}")
        again = msgspec.json.encode(msgspec.json.decode(raw))
        found = redact(again) != again.decode()
        return Verdict("refused", "secret", "A secret.") if found else None


def main() -> int:
    """Change what is asked for, then be the program."""
    how = sys.argv.pop(1)
    begin = Pipeline.__init__

    def changed(self: Pipeline, *given: Any) -> None:
        begin(self, *given)
        self.guards = [*self.guards, Search()] if how == "more" else []

    patched: Any = Pipeline
    patched.__init__ = changed
    if how == "none":

        def forget(self: Scribe, item: Item) -> None:
            del self, item

        Scribe.write = forget
    from mcptui.cli import main as program

    return program()


if __name__ == "__main__":
    raise SystemExit(main())
