"""A hostile registry, and hostile helpers of docker's config: each attack ends in a refusal."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mcptui.errors import McptuiError, NotTrusted, TryAgain, UsageError
from mcptui.runtime.image import docker_login
from mcptui.runtime.image.docker_login import Login, login_for
from mcptui.runtime.image.reference import read_reference
from mcptui.runtime.image.registry import Registry

BODY = b'{"schemaVersion": 2}'
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(answer: Answer) -> Generator[str]:
    """Answer requests on this machine; gives host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer(self)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def say(ask: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    ask.send_response(status)
    for name, value in headers.items():
        ask.send_header(name.replace("_", "-"), value)
    ask.send_header("Content-Length", str(len(body)))
    ask.end_headers()
    ask.wfile.write(body)


def reading(host: str, **more: Any) -> Registry:
    return Registry(read_reference(f"{host}/a/b:1"), {"HOME": "/nowhere"}, **more)


def test_altered_bytes_and_endless_data_are_refused() -> None:
    def answer(ask: BaseHTTPRequestHandler) -> None:
        if "blobs" in ask.path:
            ask.send_response(200)
            ask.end_headers()
            for _ in range(10_000):
                ask.wfile.write(b"x" * 65536)
        else:
            say(ask, 200, BODY + b" ")

    with serving(answer) as host, reading(host) as registry:
        with pytest.raises(NotTrusted, match="does not have the digest"):
            registry.manifest(f"{host}/a/b", DIGEST)
        with pytest.raises(NotTrusted, match="more than 1000 bytes"):
            registry.blob(f"{host}/a/b", DIGEST, 1000)


def test_data_that_drips_ends_with_the_time() -> None:
    def answer(ask: BaseHTTPRequestHandler) -> None:
        ask.send_response(200)
        ask.end_headers()
        for _ in range(200):
            ask.wfile.write(b"x")
            ask.wfile.flush()
            time.sleep(0.05)

    with serving(answer) as host, reading(host, seconds=0.5) as registry:
        start = time.monotonic()
        with pytest.raises(TryAgain):
            registry.manifest(f"{host}/a/b", "1")
        assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1:9/x", "http://example.com/x", "https://127.0.0.1:9/x",
        "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/x", "https://10.1.2.3/x",
        "file:///etc/passwd", "https://user@example.com/x", "https://[bad/x",
    ],
)  # fmt: skip
def test_redirects_lead_to_public_https_and_nowhere_else(place: str) -> None:
    def answer(ask: BaseHTTPRequestHandler) -> None:
        say(ask, 307, Location=place)

    with serving(answer) as host, reading(host) as registry:
        with pytest.raises(NotTrusted, match="wrong place for its content"):
            registry.blob(f"{host}/a/b", DIGEST, 1000)
        with pytest.raises(McptuiError, match="refuses"):
            registry.manifest(f"{host}/a/b", DIGEST)


@pytest.mark.parametrize("realm", ["http://10.0.0.1/t", "https://192.168.1.1/t", "ftp://x.y/t"])
def test_a_password_goes_to_no_evil_realm(realm: str) -> None:
    def answer(ask: BaseHTTPRequestHandler) -> None:
        say(ask, 401, WWW_Authenticate=f'Bearer realm="{realm}",service="s"')

    with serving(answer) as host, reading(host, login=Login("u", "p")) as registry:
        with pytest.raises(NotTrusted, match="wrong place for its tokens"):
            registry.manifest(f"{host}/a/b", "1")


def test_a_token_is_got_with_the_sign_in_and_asked_for_reading_only() -> None:
    asked: list[tuple[str, str]] = []

    def answer(ask: BaseHTTPRequestHandler) -> None:
        given = ask.headers.get("Authorization", "")
        asked.append((ask.path, given))
        if ask.path.startswith("/token"):
            say(ask, 200, b'{"token": "abc"}')
        elif given == "Bearer abc":
            say(ask, 200, BODY)
        else:
            realm = f"http://{ask.headers['Host']}/token"
            challenge = f'Bearer realm="{realm}",scope="repository:a/b:push,delete"'
            say(ask, 401, WWW_Authenticate=challenge)

    with serving(answer) as host, reading(host, login=Login("u", "p")) as registry:
        assert registry.digest(f"{host}/a/b", "1") == DIGEST
    path, given = asked[1]
    assert "scope=repository%3Aa%2Fb%3Apull" in path
    assert given == "Basic " + base64.b64encode(b"u:p").decode()


def _environ(folder: Path, config: dict[str, Any], program: str = "") -> dict[str, str]:
    (folder / "config.json").write_text(json.dumps(config))
    helper = folder / "docker-credential-own"
    helper.write_text(f"#!/bin/sh\n{program}\n")
    helper.chmod(0o755)
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}


def test_sign_ins_are_read_as_docker_writes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = base64.b64encode(b"me:secret:word").decode()
    environ = _environ(tmp_path, {"auths": {"r.example": {"auth": pair}}})
    found = login_for("r.example", environ)
    assert found == Login("me", "secret:word")
    assert "secret" not in repr(found)
    assert login_for("other.example", environ) is None
    said = 'read host; printf \'{"Username":"%s","Secret":"s"}\' "$host"'
    environ = _environ(tmp_path, {"credHelpers": {"r.example": "own"}}, said)
    monkeypatch.setenv("PATH", environ["PATH"])
    assert login_for("r.example", environ) == Login("r.example", "s")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("sleep 60", "did not answer"),
        ("sleep 60 & exit 0", "did not answer"),
        ("echo garbage", "cannot be understood"),
        ('echo "[]"', "cannot be understood"),
        ("exit 3", "ended with code 3"),
        ("yes", "said too much"),
        ('echo \'{"Username":"<token>","Secret":"x"}\'', "identity token"),
    ],
)
def test_a_helper_that_misbehaves_is_told_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    monkeypatch.setattr(docker_login, "HELPER_SECONDS", 0.7)
    environ = _environ(tmp_path, {"credsStore": "own"}, program)
    monkeypatch.setenv("PATH", environ["PATH"])
    start = time.monotonic()
    with pytest.raises(McptuiError, match=words):
        login_for("r.example", environ)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("name", ["own; touch x", "../own", "-x", ""])
def test_a_helpers_name_is_a_name(tmp_path: Path, name: str) -> None:
    environ = _environ(tmp_path, {"credHelpers": {"r.example": name or "a b"}})
    with pytest.raises(UsageError, match="no program's name"):
        login_for("r.example", environ)


@pytest.mark.parametrize(
    "text",
    ["docker://", "docker://a b", "docker://h.example/../x", "docker://x@sha256:1",
     "docker://x:y:z", "docker://h.example:99999999/x", "docker://X/y", "docker://x?y=z"],
)  # fmt: skip
def test_what_is_no_image_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_reference(text)


def test_names_are_read_as_docker_reads_them() -> None:
    assert read_reference("docker://redis").repository == "docker.io/library/redis"
    assert read_reference("mcp/time:1").base == "https://registry-1.docker.io/v2/"
    assert read_reference("r.example/x").base == "https://r.example/v2/"
    assert read_reference("127.0.0.1:5000/x").base == "http://127.0.0.1:5000/v2/"
    assert read_reference("localhost.evil.example/x").base.startswith("https://")
