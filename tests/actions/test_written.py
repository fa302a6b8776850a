"""What a server wrote reaches the store from a gateway's launcher, and a person from there."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mcptui.actions.written import written_of
from mcptui.gateway.upstream_container import ContainerLauncher
from mcptui.home import Home
from tests.actions.conftest import put_in
from tests.own_server import Toml
from tests.runtime.talk import Talk

pytestmark = pytest.mark.engine


def test_a_run_that_wrote_is_kept(home: Home, toml: Toml) -> None:
    row, _ = put_in(home, toml())
    entry = replace(row.entry, command=("/srv/puppet.py",))
    row = replace(row, entry=entry)

    async def once(code: str) -> None:
        talk = Talk()
        talk.running = await ContainerLauncher(home, "test", 1 << 20)(row, talk)  # pyright: ignore[reportAttributeAccessIssue]
        await talk.call("run", code=code)
        await talk.container.stop(2)

    asyncio.run(once("open('/tmp/note', 'w').write('12345')"))
    asyncio.run(once("pass"))
    (run,) = written_of(home, "peer")
    assert run.files == (("/tmp/note", 5, "memory"),)
    assert run.began < run.ended
