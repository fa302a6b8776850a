"""The attach stream against an engine that cuts its frames as unkindly as it may."""

from __future__ import annotations

import asyncio
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcptui.errors import McptuiError, TryAgain
from mcptui.runtime.attach import attached
from mcptui.runtime.endpoint import Endpoint
from tests.runtime.conftest import run

HELLO = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ma") as folder:
        yield Path(folder) / "engine.sock"


def framed(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


class Heard:
    def __init__(self) -> None:
        self.out = b""
        self.log = b""
        self.ended = asyncio.Event()

    def on_out(self, data: bytes) -> None:
        self.out += data

    def on_log(self, data: bytes) -> None:
        self.log += data


@pytest.mark.parametrize("cut", [1, 3, 7, 64, 100_000])
@pytest.mark.parametrize("fast", [False, True])
def test_frames_in_any_pieces(path: Path, cut: int, fast: bool) -> None:
    data = framed(1, b"one\n") + framed(2, b"log\n") + framed(1, b"") + framed(1, b"t" * 3000)
    asked: list[bytes] = []

    async def engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        whole = HELLO + data
        for at in range(0, len(whole), cut):
            writer.write(whole[at : at + cut])
            await writer.drain()
            await asyncio.sleep(0)
        asked.append(await reader.read())  # until the half-close
        writer.write(framed(1, b"after the end of stdin"))
        writer.close()

    async def work() -> Heard:
        server = await asyncio.start_unix_server(engine, str(path))
        heard = Heard()
        stream = await attached(
            Endpoint(f"unix://{path}", "test"), "1.41", "abc", heard.on_out, heard.on_log,
            heard.ended.set,
        )  # fmt: skip
        stream.send(b"x" * 100_000)
        await stream.drain()
        stream.send(b"second")
        stream.close_input()
        stream.close_input()
        stream.send(b"too late")
        await asyncio.wait_for(heard.ended.wait(), 20)
        await stream.drain()
        server.close()
        return heard

    heard = run(work(), fast=fast)
    assert heard.out == b"one\n" + b"t" * 3000 + b"after the end of stdin"
    assert heard.log == b"log\n"
    assert asked[0].startswith(b"POST /v1.41/containers/abc/attach?stream=1&stdin=1")
    assert asked[1] == b"x" * 100_000 + b"\nsecond\n"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n{}", McptuiError, "404 Not Found"),
        (b"", TryAgain, "closed the stream"),
        (b"x" * 70_000, McptuiError, "gave no stream"),
    ],
)
def test_refusals(path: Path, answer: bytes, error: type[McptuiError], words: str) -> None:
    async def engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def work() -> None:
        server = await asyncio.start_unix_server(engine, str(path))
        heard = Heard()
        end = Endpoint(f"unix://{path}", "test")
        try:
            await attached(end, "1.41", "abc", heard.on_out, heard.on_log, heard.ended.set)
        finally:
            server.close()

    with pytest.raises(error, match=words):
        run(work())


def test_no_engine_at_all(path: Path) -> None:
    def nothing(_data: bytes = b"") -> None:
        return None

    end = Endpoint(f"unix://{path}", "test")
    with pytest.raises(TryAgain, match="does not answer"):
        run(attached(end, "1.41", "abc", nothing, nothing, nothing))
