"""Pipe ends on both kinds of event loop."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from mcptui.runtime.pipes import PipeChannel, PipeReader, wide_pipe
from tests.runtime.conftest import run


@pytest.mark.parametrize("fast", [False, True])
def test_what_is_written_is_read(fast: bool) -> None:
    async def work() -> bytes:
        loop = asyncio.get_running_loop()
        read_end, write_end = wide_pipe()
        got: list[bytes] = []
        ended = asyncio.Event()
        PipeReader(loop, read_end, got.append, ended.set)
        channel = PipeChannel(loop, write_end)
        for number in range(2000):
            channel.send(b"%d" % number)
        channel.send(b"y" * (5 << 20))
        await channel.drain()
        channel.send(b"last")
        channel.close_input()
        channel.close_input()
        channel.send(b"after the end")
        await asyncio.wait_for(ended.wait(), 20)
        return b"".join(got)

    wanted = b"".join(b"%d\n" % number for number in range(2000))
    assert run(work(), fast=fast) == wanted + b"y" * (5 << 20) + b"\nlast\n"


@pytest.mark.parametrize("fast", [False, True])
def test_drain_waits_for_a_slow_reader(fast: bool) -> None:
    async def work() -> tuple[bool, bool]:
        read_end, write_end = os.pipe()
        channel = PipeChannel(asyncio.get_running_loop(), write_end)
        channel.send(b"x" * (2 << 20))
        waiting = asyncio.ensure_future(channel.drain())
        await asyncio.sleep(0.1)
        waited = not waiting.done()

        def read() -> None:
            while os.read(read_end, 1 << 16):
                pass
            os.close(read_end)

        reader = threading.Thread(target=read)
        reader.start()
        await asyncio.wait_for(waiting, 20)
        channel.close_input()
        await asyncio.to_thread(reader.join)
        return waited, waiting.done()

    assert run(work(), fast=fast) == (True, True)


def test_a_reader_that_is_gone_is_no_error() -> None:
    async def work() -> None:
        read_end, write_end = os.pipe()
        channel = PipeChannel(asyncio.get_running_loop(), write_end)
        channel.send(b"x" * (1 << 20))
        waiting = asyncio.ensure_future(channel.drain())
        await asyncio.sleep(0)
        os.close(read_end)
        await asyncio.wait_for(waiting, 5)
        channel.send(b"to nobody")
        await channel.drain()
        channel.close_input()
        channel.close()
        other_read, other_write = os.pipe()
        os.close(other_read)
        quick = PipeChannel(asyncio.get_running_loop(), other_write)
        quick.send(b"to nobody")
        quick.close()

    run(work())


def test_closing_a_reader_tells_once() -> None:
    async def work() -> int:
        read_end, write_end = os.pipe()
        count: list[int] = []
        reader = PipeReader(
            asyncio.get_running_loop(), read_end, lambda data: None, lambda: count.append(1)
        )
        reader.close()
        reader.close()
        os.close(write_end)
        return len(count)

    assert run(work()) == 1
