"""Hostile and broken clients over HTTP, on raw sockets: each is bounded, none disturbs another."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcptui.store import Store
from tests.gateway.conftest import Serve, until
from tests.gateway.http_talk import Answer, HttpGateway, HttpTalk, all_of, raw
from tests.gateway.local import installed
from tests.gateway.talk import META, MODERN_META


@pytest.fixture
def gateway(serve: Serve) -> HttpGateway:
    """A gateway with small bounds and no token."""
    small = ("http.head=1", "http.receive=1", "http.body=200000", "http.bodies=900000")
    return serve(installed("s"), words=small)


@pytest.fixture(autouse=True)
def others(gateway: HttpGateway) -> Any:
    """Another client of the same gateway, whose calls work before and after."""
    other = HttpTalk(gateway)
    other.hello()
    assert other.text("s__echo", {"text": "before"}) == "before"
    yield
    assert other.text("s__echo", {"text": "after"}) == "after"


def head(gateway: HttpGateway, *lines: str, method: str = "POST", body: bytes = b"") -> bytes:
    """A request's bytes with the headers that most of them need."""
    usual = (
        f"Host: {gateway.host}", "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
    )  # fmt: skip
    text = "\r\n".join((f"{method} /mcp HTTP/1.1", *usual, *lines))
    return text.encode("latin-1") + b"\r\n\r\n" + body


def modern(gateway: HttpGateway, name: str, arguments: Any = None, number: int = 1) -> bytes:
    """A modern call as bytes."""
    params = {"name": name, "arguments": arguments or {}, "_meta": MODERN_META}
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    body = json.dumps(message).encode()
    return head(
        gateway, "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call",
        f"Mcp-Name: {name}", f"Content-Length: {len(body)}", body=body,
    )  # fmt: skip


def status(answer: bytes) -> int:
    """The status of a response."""
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    return int(answer[9:12])


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 2"),
        ("Content-Length: 2", "Content-Length: 2"),
        ("Content-Length: 2", "Content-Length: 3"),
        ("Content-Length: +2",),
        ("Content-Length: -2",),
        ("Content-Length: 0x2",),
        ("Content-Length: 2,2",),
        ("Content-Length: 99999999999999999999",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding : chunked",),
        ("X-A: one", " two", "Content-Length: 2"),
        ("X-A: a\0b", "Content-Length: 2"),
        ("X-A: a\rb", "Content-Length: 2"),
        ("X-A: a\nTransfer-Encoding: chunked", "Content-Length: 2"),
        ("X-\x80A: a", "Content-Length: 2"),
        ("Host: evil", "Content-Length: 2"),
    ],
)
def test_shapes_of_smuggling_end_the_connection(
    gateway: HttpGateway, lines: tuple[str, ...]
) -> None:
    with raw(gateway) as made:
        made.sendall(head(gateway, *lines, body=b"{}GET /health HTTP/1.1\r\n\r\n"))
        answer = all_of(made)
    assert status(answer) == 400
    assert answer.count(b"HTTP/1.1") == 1 or b"Host" in answer


def test_codings_that_are_not_understood_are_refused(gateway: HttpGateway) -> None:
    with raw(gateway) as made:
        made.sendall(head(gateway, "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"))
        made.shutdown(socket.SHUT_WR)
        assert status(all_of(made)) == 501
    with raw(gateway) as made:
        made.sendall(head(gateway, "Content-Encoding: gzip", "Content-Length: 2", body=b"{}"))
        made.shutdown(socket.SHUT_WR)
        assert status(all_of(made)) == 415


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n",
        b"-2\r\n{}\r\n",
        b"2\r\n{}xx\r\n",
        b"ffffffffffffffffff\r\n",
        b"\r\n",
        b"2\n{}",
    ],
)
def test_bad_chunks_end_the_connection(gateway: HttpGateway, chunks: bytes) -> None:
    with raw(gateway) as made:
        made.sendall(head(gateway, "Transfer-Encoding: chunked", body=chunks))
        assert status(all_of(made)) == 400


def test_a_call_in_chunks_with_trailers_works(gateway: HttpGateway) -> None:
    whole = modern(gateway, "s__echo", {"text": "in chunks"})
    before, body = whole.split(b"\r\n\r\n", 1)
    before = before.rpartition(b"\r\nContent-Length")[0] + b"\r\nTransfer-Encoding: chunked"
    with raw(gateway) as made:
        made.sendall(before + b"\r\nConnection: close\r\n\r\n")
        for start in range(0, len(body), 7):
            piece = body[start : start + 7]
            made.sendall(b"%x;x=y\r\n%b\r\n" % (len(piece), piece))
        made.sendall(b"0\r\nX-Trailer: yes\r\n\r\n")
        answer = all_of(made)
    assert b"in chunks" in answer
    assert b"Connection: close" in answer


def test_header_bombs(gateway: HttpGateway) -> None:
    for bomb in (["X-A: " + "a" * 100_000], [f"X-{n}: a" for n in range(200)], ["X: y"] * 60_000):
        with raw(gateway) as made, contextlib.suppress(ConnectionError):
            made.sendall(head(gateway, *bomb))
            assert status(all_of(made)) == 431


def test_a_header_that_never_ends(gateway: HttpGateway) -> None:
    with raw(gateway) as made:
        made.sendall(b"POST /mcp HTTP/1.1\r\nX: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                made.sendall(b"a" * 65536)
        assert status(all_of(made) or b"HTTP/1.1 431") == 431


def test_a_body_over_the_limit(gateway: HttpGateway) -> None:
    for lines in (("Content-Length: 300000",), ("Content-Length: 5000000",),
                  ("Content-Length: 5000000", "Expect: 100-continue")):  # fmt: skip
        with raw(gateway) as made, contextlib.suppress(ConnectionError):
            made.sendall(head(gateway, *lines))
            if "Expect" not in lines[-1]:
                made.sendall(b"x" * 300_000)
            assert status(all_of(made)) == 413
    with raw(gateway) as made:
        made.sendall(head(gateway, "Transfer-Encoding: chunked"))
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                made.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        with contextlib.suppress(ConnectionError):
            assert status(all_of(made) or b"HTTP/1.1 413") == 413


def test_one_client_is_asked_to_go_on_before_it_sends_its_body(gateway: HttpGateway) -> None:
    whole = modern(gateway, "s__echo", {"text": "go on"})
    before, body = whole.split(b"\r\n\r\n", 1)
    with raw(gateway) as made:
        made.sendall(before + b"\r\nExpect: 100-continue\r\n\r\n")
        assert made.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        made.sendall(body)
        assert b"go on" in made.recv(4096)


def test_bodies_of_many_clients_are_bounded_together(gateway: HttpGateway) -> None:
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(raw(gateway)) for _ in range(12)]
        for made in senders:
            made.sendall(head(gateway, "Content-Length: 190000"))
            made.sendall(b"x" * 189_000)
        answers = [all_of(made) for made in senders]
    assert sorted({status(answer) for answer in answers}) == [408, 503]


def test_slow_heads_and_bodies_are_not_waited_for(gateway: HttpGateway) -> None:
    with raw(gateway) as a, raw(gateway) as b:
        a.sendall(b"POST /mcp HTTP/1.1\r\nHo")
        b.sendall(head(gateway, "Content-Length: 10", body=b"{"))
        began = time.monotonic()
        for made in (a, b):
            assert status(all_of(made)) == 408
        assert time.monotonic() - began < 10


def test_thousands_of_idle_connections(serve: Serve) -> None:
    gateway = serve(words=["http.connections=50"])
    with contextlib.ExitStack() as stack:
        for _ in range(600):
            stack.enter_context(raw(gateway))
        assert HttpTalk(gateway).request("GET", "/health").status == 200
        files = list(Path(f"/proc/{gateway.process.pid}/fd").iterdir())
        assert len(files) < 120


def test_connections_that_all_work_leave_no_room(serve: Serve) -> None:
    gateway = serve(words=["http.connections=3"])
    talks = [HttpTalk(gateway) for _ in range(3)]
    for talk in talks:
        note = {"notifications": {"toolsListChanged": True}}
        assert talk.modern("subscriptions/listen", note).stream
    with raw(gateway) as made:
        assert status(all_of(made)) == 503


def test_a_flood_of_requests_ahead_of_their_turn(gateway: HttpGateway, store: Store) -> None:
    with raw(gateway) as made:
        made.sendall(b"".join(modern(gateway, "s__echo", {"text": f"<{n}>"}) for n in range(20)))
        got = b""
        while got.count(b"HTTP/1.1 200") < 20 or b"<19>" not in got:
            got += made.recv(1 << 16)
        assert [got.index(b"<%d>" % n) for n in range(20)] == sorted(
            got.index(b"<%d>" % n) for n in range(20)
        )
    with raw(gateway) as made, contextlib.suppress(ConnectionError):
        for _ in range(50):
            made.sendall(modern(gateway, "s__hang") * 50)
    until(lambda: all(r.outcome == "cancelled" for r in store.calls() if r.tool == "hang"))
    assert len([row for row in store.calls() if row.tool == "hang"]) <= 2


def test_a_client_that_closes_its_side_is_gone(gateway: HttpGateway, store: Store) -> None:
    ways: tuple[Callable[[socket.socket], None], ...] = (half_close, socket.socket.close, reset)
    for leave in ways:
        with raw(gateway) as made:
            made.sendall(modern(gateway, "s__hang"))
            until(lambda: open_calls(store))
            leave(made)
            until(lambda: not open_calls(store))
    outcomes = [row.outcome for row in store.calls() if row.tool == "hang"]
    assert outcomes == ["cancelled"] * 3


def open_calls(store: Store) -> list[str]:
    """The calls that nobody ended."""
    return [row.tool for row in store.calls() if row.outcome == "open"]


def half_close(made: socket.socket) -> None:
    """Say that nothing more will be sent."""
    made.shutdown(socket.SHUT_WR)


def reset(made: socket.socket) -> None:
    """Leave without a word."""
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    made.close()


def test_a_client_that_never_reads_costs_no_memory(serve: Serve, store: Store) -> None:
    gateway = serve(installed("s"), words=["http.unread=2", "http.unread_bytes=100000"])
    HttpTalk(gateway).text("s__echo", modern=True)
    memory = resident(gateway.process.pid)
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            made = stack.enter_context(raw(gateway))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            made.sendall(modern(gateway, "s__big", {"size": 4 << 20}))
        until(lambda: len([r for r in store.calls() if r.outcome == "ok"]) >= 9, 40)
        until(lambda: len(connections(gateway)) <= 1, 40)
    assert resident(gateway.process.pid) - memory < 120 << 20
    assert HttpTalk(gateway).text("s__echo", {"text": "x"}, modern=True) == "x"


def connections(gateway: HttpGateway) -> list[str]:
    """The gateway's sockets that have a client."""
    found: list[str] = []
    for descriptor in Path(f"/proc/{gateway.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(descriptor.readlink()))
    port = f":{gateway.port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return [
        line for line in lines
        if line.split()[1].endswith(port) and line.split()[3] == "01"
        and f"socket:[{line.split()[9]}]" in found
    ]  # fmt: skip


def resident(pid: int) -> int:
    """Bytes of memory a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_hosts_and_origins_of_others(gateway: HttpGateway) -> None:
    talk = HttpTalk(gateway)
    port = gateway.port
    for good in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert talk.modern("tools/list", headers={"Host": good}).status == 200
        origin = f"http://{good}"
        assert talk.modern("tools/list", headers={"Host": good, "Origin": origin}).status == 200
    for bad in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}",
                f"127.0.0.1:{port}.evil.example", f"localhost:{port}@evil.example"):  # fmt: skip
        assert talk.modern("tools/list", headers={"Host": bad}).status == 421
        assert talk.request("GET", "/health", headers={"Host": bad}).status == 421
    for bad in ("http://evil.example", "null", f"https://127.0.0.1:{port}", "http://127.0.0.1",
                f"http://127.0.0.1:{port}.evil.example"):  # fmt: skip
        answer = talk.modern("tools/list", headers={"Origin": bad})
        assert answer.status == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]
    with raw(gateway) as made:
        made.sendall(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert status(all_of(made)) == 400
    with raw(gateway) as made:
        made.sendall(head(gateway, method="GET").replace(b"/mcp", b"http://evil.example/mcp"))
        assert status(all_of(made)) == 400


def test_methods_and_paths_that_are_none(gateway: HttpGateway) -> None:
    talk = HttpTalk(gateway)
    for method, path, code in (
        ("OPTIONS", "/mcp", 405), ("PUT", "/mcp", 405), ("TRACE", "/mcp", 405),
        ("PATCH", "/mcp", 405), ("HEAD", "/mcp", 405), ("POST", "/health", 405),
        ("HEAD", "/health", 200), ("GET", "/", 404), ("GET", "/mcp/x", 404), ("POST", "/", 404),
        ("GET", "/mcp/../health", 404), ("GET", "//mcp", 404),
    ):  # fmt: skip
        answer = talk.request(method, path, b"{}" if method == "POST" else None)
        assert answer.status == code, (method, path)
        assert answer.response.read() == b"" or method != "HEAD"
    for kind, code in (("text/plain", 415), ("", 415), ("application/json; charset=utf-8", 200)):
        assert talk.modern("tools/list", headers={"Content-Type": kind}).status == code
    for kind, code in (("application/json", 406), ("text/event-stream", 406), ("text/html", 406),
                       ("*/*", 200), ("application/*, text/*;q=0.5", 200)):  # fmt: skip
        assert talk.modern("tools/list", headers={"Accept": kind}).status == code


def test_an_offer_of_another_protocol_is_passed_over(gateway: HttpGateway) -> None:
    whole = modern(gateway, "s__echo", {"text": "h2c"})
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    for request in (
        whole.replace(b"Accept:", offer + b"Accept:", 1),
        b"GET /health HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (gateway.host.encode(), offer),
    ):
        with raw(gateway) as made:
            made.sendall(request[:200])
            time.sleep(0.1)
            made.sendall(request[200:])
            got = made.recv(4096)
            assert status(got) == 200
            made.sendall(whole)
            assert b"h2c" in made.recv(4096)


def test_the_gateway_ends_in_time_with_streams_open(serve: Serve, store: Store) -> None:
    gateway = serve(installed("s", "--stubborn"))
    talk = HttpTalk(gateway)
    talk.hello()
    talk.text("s__echo")
    stream = talk.request("GET")
    listening = HttpTalk(gateway).modern(
        "subscriptions/listen", {"notifications": {"toolsListChanged": True}}
    )
    answers: list[Any] = []
    hang: dict[str, Any] = {"name": "s__hang", "arguments": {}}
    other = HttpTalk(gateway)

    def ask(way: Callable[..., Answer]) -> None:
        answers.append(way("tools/call", hang).answer)

    threads = [threading.Thread(target=ask, args=(way,)) for way in (talk.legacy, other.modern)]
    for thread in threads:
        thread.start()
    until(lambda: len([row for row in store.calls() if row.tool == "hang"]) == 2)
    began = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(10) == 0
    assert time.monotonic() - began < 6
    for thread in threads:
        thread.join(10)
    assert [answer["result"]["isError"] for answer in answers] == [True, True]
    assert stream.messages() == []
    assert listening.messages()[-1]["result"]["_meta"][META + "subscriptionId"] == 1
    assert {row.outcome for row in store.calls() if row.tool == "hang"} == {"cancelled"}
