"""Hooks over HTTP, and what a bad one can do."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mcptui.guard.hooks_http import HttpHooks
from mcptui.guard.interceptors import ANSWER_BYTES, HookFailure, Interceptor

Serve = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(serve: Serve) -> Generator[str]:
    """A server on this machine that answers POSTs by `serve`; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            try:
                serve(self)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/check"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def ask(url: str, told: bytes = b"{}", seconds: float = 20) -> bytes:
    """Ask a hook once."""

    async def go() -> bytes:
        hooks = HttpHooks()
        try:
            return await hooks.run(Interceptor("h", "before", url=url, timeout=seconds), told)
        finally:
            await hooks.close()

    return asyncio.run(go())


def answer(status: int, body: bytes = b"", **headers: str) -> Serve:
    """Answers with this."""

    def serve(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers["Content-Length"]))
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return serve


def test_it_gets_the_call_and_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # a proxy would see every call
    seen: list[tuple[bytes, str]] = []

    def serve(request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        seen.append((body, request.headers["Content-Type"]))
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b'{"decision":"allow"}')

    with serving(serve) as url:
        assert ask(url, b'{"x":1}') == b'{"decision":"allow"}'
    assert seen == [(b'{"x":1}', "application/json")]
    with serving(answer(204)) as url:
        assert ask(url) == b""


def test_redirects_are_not_followed() -> None:
    visited: list[str] = []

    def other(request: BaseHTTPRequestHandler) -> None:
        visited.append(request.path)

    for status in (301, 302, 307, 308):
        with serving(other) as elsewhere, serving(answer(status, Location=elsewhere)) as url:
            with pytest.raises(HookFailure, match=f"status {status}"):
                ask(url)
    assert visited == []


@pytest.mark.parametrize("status", [201, 400, 404, 500, 503])
def test_other_statuses_are_failures(status: int) -> None:
    with (
        serving(answer(status, b"{}")) as url,
        pytest.raises(HookFailure, match=f"status {status}"),
    ):
        ask(url)


def test_one_that_trickles_is_cut_off() -> None:
    def serve(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for _ in range(600):
            request.wfile.write(b" ")
            time.sleep(0.1)

    began = time.monotonic()
    with serving(serve) as url, pytest.raises(HookFailure, match="did not answer within 1 s"):
        ask(url, seconds=1)
    assert time.monotonic() - began < 20


def test_a_huge_body_is_cut_off() -> None:
    def serve(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while True:
            request.wfile.write(b"x" * 65536)

    with serving(serve) as url, pytest.raises(HookFailure, match=f"larger than {ANSWER_BYTES}"):
        ask(url)


def test_a_compressed_body_is_refused() -> None:
    with serving(answer(200, b"x" * 10, Content_Encoding="gzip")) as url:
        with pytest.raises(HookFailure, match="compressed"):
            ask(url)


def test_nobody_there_garbage_and_a_hangup_are_failures() -> None:
    with pytest.raises(HookFailure, match="could not be asked"):
        ask("http://127.0.0.1:9/")

    def garbage(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"\x00\x01 no http\r\n\r\n")

    def hangup(request: BaseHTTPRequestHandler) -> None:
        request.connection.close()

    for serve in (garbage, hangup):
        with serving(serve) as url, pytest.raises(HookFailure, match="could not be asked"):
            ask(url)
