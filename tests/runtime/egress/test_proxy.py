"""The proxy over real sockets: what gets through, and that nothing else does."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from pathlib import Path

import pytest

from mcptui.addresses import public
from mcptui.runtime.egress import targets
from tests.runtime.egress.tls import greeting, in_records
from tests.runtime.egress.world import World, run, world

HOST = "api.example.com"
EVIL = "evil.example.com"


@pytest.fixture(autouse=True)
def _loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """127.0.0.1 stands for an address of the internet; every other address is as it is."""

    def loopback_too(address: str) -> bool:
        return address == "127.0.0.1" or public(address)

    monkeypatch.setattr(targets, "public", loopback_too)


async def over_tls(made: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak TLS on a tunnel, with the certificate checked against the host's name."""
    del reader
    context = ssl.create_default_context(cafile=str(made.cert))
    await writer.start_tls(context, server_hostname=HOST)
    writer.write(b"hello")
    await writer.drain()


def test_an_allowed_host_is_reached_over_tls(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.echo(tls=True)
            made.allow(f"{HOST}:{port}")
            made.answers[HOST] = ["127.0.0.1"]
            head, reader, writer = await made.through(HOST, port)
            assert head.startswith(b"HTTP/1.1 200")
            await over_tls(made, reader, writer)
            assert await reader.readexactly(5) == b"hello"
            writer.close()
            await made.until(lambda: any(one.bytes_in for one in made.told))
            first = made.told[0]
            assert first.allowed and (first.host, first.port, first.times) == (HOST, port, 1)
            assert sum(one.times for one in made.told) == 1
            assert sum(one.bytes_out for one in made.told) > 300

    run(story())


CONNECTS = [
    ("evil.example.com", 443, "not on the list"),
    (HOST, 8443, "not on the list"),
    ("127.0.0.1", 443, "not on the list; an address"),
    ("[::1]", 443, "not on the list; an address"),
    ("2130706433", 443, "no name"),
    ("0x7f000001", 443, "no name"),
    ("0177.0.0.1", 443, "no name"),
    ("localhost", 443, "not on the list"),
    ("api.example.com.evil.com", 443, "not on the list"),
    ("xn--.example.com", 443, "no name"),
]


@pytest.mark.parametrize(("host", "port", "why"), CONNECTS)
def test_nothing_else_is_reached(tmp_path: Path, host: str, port: int, why: str) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            made.allow(f"{HOST}:443")
            head, _, writer = await made.through(host, port)
            assert head.startswith(b"HTTP/1.1 403")
            assert why in made.refusals()[0]
            assert made.asked == []
            writer.close()

    run(story())


LEADS = [
    ["10.0.0.1"], ["169.254.169.254"], ["127.0.0.1", "10.0.0.1"], ["::1"], ["::ffff:10.0.0.1"],
    ["64:ff9b::a00:1"], ["100.64.0.1"], ["0.0.0.0"], ["fe80::1%lo"], ["127.0.0.2"],  # noqa: S104
]  # fmt: skip


@pytest.mark.parametrize("leads", LEADS)
def test_a_name_that_leads_inside_is_refused(tmp_path: Path, leads: list[str]) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.sink()
            made.allow(f"{HOST}:{port}/tcp")
            made.answers[HOST] = leads
            head, _, writer = await made.through(HOST, port)
            assert head.startswith(b"HTTP/1.1 403") and made.came == []
            assert "which is not public" in made.refusals()[0]
            writer.close()

    run(story())


def test_a_name_is_looked_up_once_and_that_address_is_called(tmp_path: Path) -> None:
    """DNS rebinding: the second answer would be another."""

    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.echo()
            made.allow(f"{HOST}:{port}/tcp")
            made.answers[HOST] = ["127.0.0.1"]
            head, reader, writer = await made.through(HOST, port)
            made.answers[HOST] = ["10.0.0.1"]
            assert head.startswith(b"HTTP/1.1 200")
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            assert made.asked == [HOST]
            writer.close()

    run(story())


GREETINGS = {
    "another name": (greeting("other.example.com"), "asks for other.example.com"),
    "another name in small records": (in_records(greeting("evil.com"), 16), "asks for evil.com"),
    "no name": (greeting(None), "asks for no name"),
    "an address": (greeting("127.0.0.1"), "asks for no name"),
    "no TLS": (b"GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n", "does not speak TLS"),
    "SSH": (b"SSH-2.0-OpenSSH_9\r\n", "does not speak TLS"),
}


@pytest.mark.parametrize("what", GREETINGS)
def test_a_tunnel_that_is_not_what_it_says_sends_nothing(tmp_path: Path, what: str) -> None:
    data, why = GREETINGS[what]

    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.sink()
            made.allow(f"{HOST}:{port}")
            made.answers[HOST] = ["127.0.0.1"]
            head, reader, writer = await made.through(HOST, port)
            assert head.startswith(b"HTTP/1.1 200")
            for at in range(0, len(data), 50):
                writer.write(data[at : at + 50])
                await asyncio.sleep(0)
            try:
                assert await reader.read() == b""
            except ConnectionError:
                pass
            assert why in made.refusals()[0]
            assert made.came == []  # the host was never called
            writer.close()

    run(story())


def test_a_greeting_in_pieces_gets_through_whole(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.sink()
            made.allow(f"{HOST}:{port}")
            made.answers[HOST] = ["127.0.0.1"]
            _, _, writer = await made.through(HOST, port)
            data = in_records(greeting(HOST), 20)
            for at in range(0, len(data), 11):
                writer.write(data[at : at + 11])
                await writer.drain()
                await asyncio.sleep(0)
            await made.until(lambda: made.came and made.came[0] == data)
            writer.close()

    run(story())


def test_slow_and_silent_programs_are_cut(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path, greeting=0.3) as made:
            port = await made.sink()
            made.allow(f"{HOST}:{port}")
            made.answers[HOST] = ["127.0.0.1"]
            silent = await asyncio.open_connection("127.0.0.1", made.port)
            slow = await asyncio.open_connection("127.0.0.1", made.port)
            slow[1].write(b"CONNECT ")
            _, reader, writer = await made.through(HOST, port)
            writer.write(greeting(HOST)[:20])
            began = time.monotonic()
            for one in (silent[0], slow[0], reader):
                try:
                    assert await asyncio.wait_for(one.read(), 5) == b""
                except ConnectionError:
                    pass
            assert time.monotonic() - began < 4 and made.came == []
            for one in (silent[1], slow[1], writer):
                one.close()

    run(story())


def test_too_many_connections_are_turned_away(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path, connections=5) as made:
            opened = [await asyncio.open_connection("127.0.0.1", made.port) for _ in range(20)]
            await made.until(lambda: len(made.refusals()) == 15)
            assert set(made.refusals()) == {"it has too many connections"}
            for _, writer in opened:
                writer.close()
            await asyncio.sleep(0.1)
            head, _, writer = await made.through("x.example.com", 443)
            assert head.startswith(b"HTTP/1.1 403")
            writer.close()

    run(story())


def test_connections_that_come_all_at_once_are_counted_too(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path, connections=5) as made:
            # Without a turn of the loop in between: all wait in the kernel when we accept.
            opened = [socket.create_connection(("127.0.0.1", made.port), 5) for _ in range(30)]
            try:
                await made.until(lambda: len(made.refusals()) >= 25)
            finally:
                for one in opened:
                    one.close()
            assert made.refusals() == ["it has too many connections"] * 25

    run(story())


def test_more_than_a_minute_has_room_for_is_turned_away(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path, per_minute=4) as made:
            made.allow(f"{HOST}:1/tcp")
            assert (await made.ask(HOST))[0] == 0
            for _ in range(3):
                head, _, writer = await made.through("x.example.com", 443)
                assert head.startswith(b"HTTP/1.1 403")
                writer.close()
            head, _, writer = await made.through("x.example.com", 443)
            writer.close()
            assert head == b"" and made.refusals()[-1] == "it has too many connections"
            assert (await made.ask(HOST))[0] == 2  # trouble, not "no such name"

    run(story())


def test_half_closed_ends_pass_and_the_other_way_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:

            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                whole = await reader.read()
                await asyncio.sleep(0.1)
                writer.write(b"%d" % len(whole))
                writer.close()

            port = await made.host(answer)
            made.allow(f"{HOST}:{port}/tcp")
            made.answers[HOST] = ["127.0.0.1"]
            _, reader, writer = await made.through(HOST, port)
            writer.write(b"x" * 300_000)
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 10) == b"300000"
            writer.close()

    run(story())


def test_what_was_sent_before_the_end_arrives(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.sink()
            made.allow(f"{HOST}:{port}/tcp")
            made.answers[HOST] = ["127.0.0.1"]
            _, _, writer = await made.through(HOST, port)
            writer.write(b"y" * 2_000_000)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            await made.until(lambda: made.came and len(made.came[0]) == 2_000_000)

    run(story())


def test_who_never_reads_costs_little(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            sent = 0

            async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal sent
                del reader
                try:
                    while sent < 200_000_000:
                        writer.write(b"z" * 65536)
                        await writer.drain()
                        sent += 65536
                except ConnectionError:
                    pass
                writer.close()

            port = await made.host(flood)
            made.allow(f"{HOST}:{port}/tcp")
            made.answers[HOST] = ["127.0.0.1"]
            _, _, writer = await made.through(HOST, port)
            await asyncio.sleep(0.7)
            before = sent
            await asyncio.sleep(0.3)
            assert sent == before < 40_000_000  # what the kernel and we keep, and no more
            writer.transport.abort()

    run(story())


def test_a_host_taken_away_is_cut_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.echo()
            made.allow(f"{HOST}:{port}/tcp", f"other.example.com:{port}/tcp")
            made.answers[HOST] = made.answers["other.example.com"] = ["127.0.0.1"]
            _, reader, writer = await made.through(HOST, port)
            _, kept, talk = await made.through("other.example.com", port)
            made.allow(f"other.example.com:{port}/tcp")
            try:
                assert await asyncio.wait_for(reader.read(), 5) == b""
            except ConnectionError:
                pass
            talk.write(b"on")
            assert await kept.readexactly(2) == b"on"
            head, _, again = await made.through(HOST, port)
            assert head.startswith(b"HTTP/1.1 403")
            for one in (writer, talk, again):
                one.close()

    run(story())


def test_a_host_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            made.allow(f"{HOST}:1/tcp", "gone.example.com:1/tcp")
            made.answers[HOST] = ["127.0.0.1"]
            for host, why in ((HOST, "cannot be reached"), ("gone.example.com", "was not found")):
                head, reader, writer = await made.through(host, 1)
                assert head.startswith(b"HTTP/1.1 502") and why.encode() in await reader.read()
                writer.close()

    run(story())
