"""Our own checks fail closed: one that raises is one that did not pass."""

from __future__ import annotations

import time
from typing import Any, cast

from mcptui.gateway.call import Call
from mcptui.gateway.guarding import Pipeline
from mcptui.guard.switches import Verdict


class Raising:
    """A check with a defect."""

    def before(self, call: object) -> Verdict | None:
        raise KeyError("no such thing")


def test_a_check_that_raises_refuses_the_call_with_words() -> None:
    call = Call(
        b"1", "tools/call", modern=True, members={}, meta=None, server="notes", name="read",
        size=10, now=time.monotonic(), owner=cast("Any", None),
    )  # fmt: skip
    pipeline = Pipeline(log=lambda server, line: None)
    pipeline.guards.append(Raising())
    passed: list[Call] = []
    refused: list[Verdict] = []
    pipeline.before(
        cast("Any", None), call, passed.append, lambda _, verdict: refused.append(verdict)
    )
    assert passed == []
    assert [verdict.outcome for verdict in refused] == ["blocked"]
    assert "KeyError" in refused[0].text
