"""The other ways through a proxy: plain HTTP, names without a proxy, machines of the user's own."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from mcptui.addresses import public
from mcptui.runtime.egress import targets
from mcptui.runtime.egress.rules import ANY, Policy, Rule, rule_from_text
from tests.runtime.egress.tls import greeting
from tests.runtime.egress.world import run, world

HOST = "api.example.com"
EVIL = "evil.example.com"


@pytest.fixture(autouse=True)
def _loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """127.0.0.1 stands for an address of the internet; every other address is as it is."""

    def loopback_too(address: str) -> bool:
        return address == "127.0.0.1" or public(address)

    monkeypatch.setattr(targets, "public", loopback_too)


def test_plain_http_only_where_it_is_declared_and_one_request_only(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.sink()
            made.allow(f"{HOST}:{port}/http", "tls.example.com:80")
            made.answers[HOST] = made.answers["tls.example.com"] = ["127.0.0.1"]
            reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
            first = f"POST http://{HOST}:{port}/a HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
            writer.write(first.encode() + b"Content-Length: 3\r\n\r\nabc")
            writer.write(b"GET / HTTP/1.1\r\nHost: evil.example.com\r\n\r\n")
            await made.until(lambda: made.came and made.came[0].endswith(b"\r\n\r\nabc"))
            await asyncio.sleep(0.1)
            assert b"evil" not in made.came[0] and b"Connection: close" in made.came[0]
            assert made.came[0].startswith(b"POST /a HTTP/1.1\r\n")
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
            writer.write(b"GET http://tls.example.com/ HTTP/1.1\r\nHost: tls.example.com\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 403")
            assert made.refusals() == ["plain HTTP is not allowed there"]
            writer.close()

    run(story())


def test_programs_that_know_no_proxy_reach_the_same_hosts(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.echo(tls=True)
            plain = await made.sink()
            made.allow(f"{HOST}:{port}", f"{HOST}:{plain}/http")
            made.answers[HOST] = ["127.0.0.1"]
            assert await made.ask("evil.example.com") == (3, "")
            assert made.refusals() == ["it is not on the list"]
            assert await made.ask(HOST, 28) == (0, "")  # no IPv6 address, and no error
            code, address = await made.ask(HOST.upper())
            assert code == 0 and address.startswith("127.77.")
            assert await made.ask(HOST, tcp=True) == (0, address)
            assert sorted(made.listened) == sorted([(address, port), (address, plain)])
            context = ssl.create_default_context(cafile=str(made.cert))
            reader, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=HOST
            )
            writer.write(b"hi")
            assert await reader.readexactly(2) == b"hi"
            writer.close()
            reader, writer = await asyncio.open_connection(address, port)
            writer.write(greeting("other.example.com"))
            try:
                assert await reader.read() == b""
            except ConnectionError:
                pass
            reader, more = await asyncio.open_connection(address, plain)
            more.write(b"GET / HTTP/1.1\r\nHost: evil.example.com\r\n\r\n")
            try:
                assert await reader.read() == b""
            except ConnectionError:
                pass
            assert made.came == []
            assert made.asked.count("evil.example.com") == 0
            for one in (writer, more):
                one.close()

    run(story())


def test_a_program_that_looks_at_addresses_gets_none_and_takes_the_proxy(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.sink()
            rules = (Rule(ANY), rule_from_text(f"named.example.com:{port}/tcp"))
            made.egress.change(Policy(rules, by_proxy=True))
            assert await made.ask(HOST) == (3, "")
            assert made.refusals() == []
            made.answers[HOST] = ["127.0.0.1"]
            head, _, writer = await made.through(HOST, 443)
            assert head.startswith(b"HTTP/1.1 200")
            assert (await made.ask("named.example.com"))[0] == 0
            assert (await made.ask("printer.local"))[0] == 3
            assert made.refusals() == ["it is not on the list"]
            writer.close()

    run(story())


def test_names_are_bounded_and_never_passed_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path, names=3) as made:
            made.allow("*.example.com:1/tcp")
            for number in range(3):
                code, _ = await made.ask(f"secret-{number}.example.com")
                assert code == 0
            assert (await made.ask("secret-9.example.com"))[0] == 2
            assert made.asked == []

    run(story())


def test_a_name_without_a_place_to_listen_is_told_to_all_who_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nowhere(address: str, port: int) -> socket.socket:
        await asyncio.sleep(0.2)
        raise OSError(f"{address}:{port}")

    async def story() -> None:
        async with world(tmp_path) as made:
            monkeypatch.setattr(made.egress, "_listen", nowhere)
            made.allow(f"{HOST}:1/tcp")
            answers = await asyncio.gather(made.ask(HOST), made.ask(HOST), made.ask(HOST, 28))
            assert answers == [(2, ""), (2, ""), (2, "")]

    run(story())


def test_a_private_host_is_reached_by_the_users_rule_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.echo()
            made.answers[EVIL] = ["127.0.0.1"]
            made.allow(*(f"{one}:{port}/tcp private" for one in ("host.docker.internal", EVIL)))
            head, reader, writer = await made.through("host.docker.internal", port)
            assert head.startswith(b"HTTP/1.1 200")
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            writer.close()
            # Another name for this machine's own loopback is not what the user meant.
            head, _, writer = await made.through(EVIL, port)
            assert head.startswith(b"HTTP/1.1 403") and "127.0.0.1" in made.refusals()[0]
            writer.close()

    run(story())


def test_nothing_listens_once_it_is_closed(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as made:
            port = await made.echo()
            made.allow(f"{HOST}:{port}/tcp")
            made.answers[HOST] = ["127.0.0.1"]
            _, address = await made.ask(HOST)
            _, reader, writer = await made.through(HOST, port)
            await made.egress.close()
            try:
                assert await asyncio.wait_for(reader.read(), 5) == b""
            except ConnectionError:
                pass
            writer.close()
            for at in (("127.0.0.1", made.port), (address, port)):
                with pytest.raises(OSError):
                    await asyncio.open_connection(*at)

    run(story())
