"""Real remote servers of third parties behind the gateway: both transports, both eras."""

from __future__ import annotations

import pytest

from mcptui.store import Store
from tests.gateway.conftest import Start, rows, until
from tests.gateway.remote import everything, remote

pytestmark = [pytest.mark.node]


@pytest.mark.parametrize("mode", ["streamableHttp", "sse"])
@pytest.mark.parametrize("declared", ["streamable-http", "sse"])
def test_server_everything_over_either_transport(
    start: Start, store: Store, mode: str, declared: str
) -> None:
    """A server is found whatever its entry says of its transport."""
    with everything(mode) as url:
        talk = start(remote("every", url, transport=declared))
        talk.hello(elicitation={"form": {}}, sampling={})
        assert talk.text("every__echo", {"message": "hi\u200d\ufeff"}) == "Echo: hi\u200d\ufeff"
        assert "5" in talk.text("every__get-sum", {"a": 2, "b": 3})
        until(lambda: store.definitions("every"))
        said = store.definitions("every")
        assert said is not None and said.era == "legacy" and len(said.tools) > 8
        assert [row.outcome for row in rows(store, 2)] == ["ok", "ok"]
        (state,) = [row for row in store.states() if row.server == "every"]
        assert (state.state, state.container) == ("running", "")
