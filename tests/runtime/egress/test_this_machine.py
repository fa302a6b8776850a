"""A machine with a public address: what listens there is often closed to others, and not to us."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcptui.runtime.egress import targets
from tests.lab import ANY, UPLINK, lab
from tests.runtime.egress.world import bound, world

HOST = "api.example.com"


def test_a_name_that_leads_to_this_machine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks_public(address: str) -> bool:
        return address == UPLINK

    monkeypatch.setattr(targets, "public", looks_public)

    async def story() -> None:
        async with world(tmp_path) as made:
            service = bound(at=(ANY, 0))
            port = int(service.getsockname()[1])
            made.answers[HOST] = [UPLINK]
            made.allow(f"{HOST}:{port}/tcp")
            head, reader, writer = await made.through(HOST, port)
            assert head.startswith(b"HTTP/1.1 403")
            assert b"leads to this machine" in await reader.read()
            writer.close()
            # The user may mean this machine, and says so.
            made.allow(f"{HOST}:{port}/tcp private")
            head, _, writer = await made.through(HOST, port)
            assert head.startswith(b"HTTP/1.1 200")
            writer.close()
            service.close()

    with lab(tmp_path) as place:
        place.host.run(story())
