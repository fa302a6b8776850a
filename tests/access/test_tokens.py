"""Tokens: renewed early and once for all processes, rotated, bound to their server, ended."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mcptui.access.challenge import Challenge
from mcptui.access.grant import Grant
from mcptui.access.standing import SignInState, standing
from mcptui.access.tokens import Tokens
from mcptui.errors import TryAgain
from mcptui.store import Store
from tests.access.authority import Authority, authority, said

ROOT = Path(__file__).parents[2]


class Folder:
    """Values in files: stands for the vault, which has tests of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _file(self, name: str) -> Path:
        return self.path / name.replace("/", "_")

    def find(self, name: str) -> str | None:
        file = self._file(name)
        return file.read_text("utf-8") if file.exists() else None

    def keep(self, name: str, value: str) -> None:
        part = self._file(name).with_suffix(".part")
        part.write_text(value, "utf-8")
        part.replace(self._file(name))

    def drop(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def mark(self) -> object:
        return [(file.name, file.stat().st_mtime_ns) for file in sorted(self.path.iterdir())]


def tokens(path: Path) -> Tokens:
    path.joinpath("values").mkdir(exist_ok=True)
    store = Store.open(path / "state.db")
    return Tokens(lambda: Folder(path / "values"), lambda: store, path, time.time)


def grant_of(server: Authority, *, seconds: float = 3600, refresh: str = "refresh-0") -> Grant:
    now = time.time()
    return Grant(
        server.server, server.server, server.issuer, f"{server.issuer}/token",
        f"{server.issuer}/revoke", "client-1", "", "none", "http://127.0.0.1:1/cb", True,
        "access-0", refresh, "read", now - 3600, now + seconds, now - 3600,
    )  # fmt: skip


def test_a_fresh_token_is_handed_out_and_never_to_another_origin(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            mine = tokens(tmp_path)
            assert await mine.bearer("s", server.server) is None
            await mine.keep("s", grant_of(server))
            assert await mine.bearer("s", server.server) == "access-0"
            assert await mine.bearer("s", "https://other.example/mcp") is None
            assert await mine.bearer("s", server.server.replace("127.0.0.1", "localhost")) is None
            assert server.requests == []
            row = standing(Store.open(tmp_path / "state.db"), "s")
            assert (row.state, row.issuer, row.renews) == (SignInState.GOOD, server.issuer, True)

    asyncio.run(run())


def test_calls_at_once_renew_once_and_the_rotated_token_is_kept(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            server.wait = 0.05
            mine, other = tokens(tmp_path), tokens(tmp_path)
            await mine.keep("s", grant_of(server, seconds=-5))
            got = await asyncio.gather(
                *(one.bearer("s", server.server) for one in (mine, other) * 8)
            )
            assert got == ["access-1"] * 16
            assert server.renewals == 1
            assert server.requests[0].form["refresh_token"] == "refresh-0"
            assert server.requests[0].form["resource"] == server.server
            kept = await tokens(tmp_path).grant("s")
            assert kept is not None
            assert kept.refresh_token == "refresh-1"

    asyncio.run(run())


_PROCESS = """
import asyncio, sys
from pathlib import Path
from tests.access.test_tokens import tokens
print(asyncio.run(tokens(Path(sys.argv[1])).bearer("s", sys.argv[2])))
"""


def test_three_processes_renew_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            server.wait = 0.3
            await tokens(tmp_path).keep("s", grant_of(server, seconds=-5))
            command = [sys.executable, "-c", _PROCESS, str(tmp_path), server.server]
            processes = [
                await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
                for _ in range(3)
            ]
            outputs = [(await process.communicate())[0] for process in processes]
            assert outputs == [b"access-1\n"] * 3
            assert server.renewals == 1

    asyncio.run(run())


def test_a_refused_token_is_renewed_once_and_then_needs_a_sign_in(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            mine = tokens(tmp_path)
            await mine.keep("s", grant_of(server))
            wants = Challenge("invalid_token", "", f"{server.issuer}/meta")
            assert await mine.refused("s", server.server, "access-0", wants, 401)
            assert await mine.bearer("s", server.server) == "access-1"
            server.answers["/token"] = lambda _: said({"error": "invalid_grant"}, 400)
            assert not await mine.refused("s", server.server, "access-1", wants, 401)
            row = standing(Store.open(tmp_path / "state.db"), "s")
            assert (row.state, row.named) == (SignInState.NEEDED, f"{server.issuer}/meta")
            assert await mine.grant("s") is None
            asked = len(server.requests)
            assert await mine.bearer("s", server.server) is None
            assert len(server.requests) == asked

    asyncio.run(run())


def test_a_want_of_scopes_keeps_the_grant_and_says_which(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            mine = tokens(tmp_path)
            await mine.keep("s", grant_of(server))
            more = Challenge("insufficient_scope", "admin", "")
            assert not await mine.refused("s", server.server, "access-0", more, 403)
            row = standing(Store.open(tmp_path / "state.db"), "s")
            assert (row.state, row.scope) == (SignInState.MORE, "admin")
            assert await mine.bearer("s", server.server) == "access-0"
            assert server.requests == []

    asyncio.run(run())


@pytest.mark.parametrize("left", [3.0, -3.0])
def test_an_issuer_out_of_reach_loses_nothing(tmp_path: Path, left: float) -> None:
    async def run() -> None:
        async with authority() as server:
            mine = tokens(tmp_path)
            await mine.keep("s", grant_of(server, seconds=left))
            port = server.port
        assert port
        if left > 0:
            assert await mine.bearer("s", server.server) == "access-0"
        else:
            with pytest.raises(TryAgain):
                await mine.bearer("s", server.server)
        kept = await mine.grant("s")
        assert kept is not None
        assert kept.refresh_token == "refresh-0"

    asyncio.run(run())


def test_signing_out_tells_the_issuer_and_forgets_in_any_case(tmp_path: Path) -> None:
    async def run() -> None:
        async with authority() as server:
            mine = tokens(tmp_path)
            await mine.keep("s", grant_of(server))
            assert await mine.revoke("s")
            assert [r.form["token"] for r in server.requests] == ["refresh-0", "access-0"]
            assert await mine.bearer("s", server.server) is None
            await mine.keep("s", grant_of(server))
            server.answers["/revoke"] = lambda _: (503, {}, b"")
            assert not await mine.revoke("s")
            assert await tokens(tmp_path).grant("s") is None

    asyncio.run(run())
