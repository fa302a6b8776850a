"""Fetching over https, from a real server with a certificate of its own."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mcptui.errors import McptuiError, NotTrusted, TryAgain, UsageError
from mcptui.trust.tuf_fetch import HttpsFetcher
from mcptui.trust.tuf_update import refresh
from tests.forge import CatalogForge, Client


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return public, private


class Handler(SimpleHTTPRequestHandler):
    """Serves the forge's repository, well or badly as `mode` says."""

    mode = "well"

    def do_GET(self) -> None:
        path = self.path
        if self.mode == "elsewhere":
            self.send_response(302)
            self.send_header("Location", "https://127.0.0.1:1/")
            self.end_headers()
        elif self.mode == "trickle" and path.endswith("timestamp.json"):
            self.send_response(200)
            self.end_headers()
            for _ in range(200):
                try:
                    self.wfile.write(b" ")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.05)
        elif self.mode == "silent" and path.endswith("timestamp.json"):
            time.sleep(1.5)
        elif self.mode == "endless" and path.endswith("timestamp.json"):
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                return
        elif self.mode == "broken" and path.endswith(".sqlite"):
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
        elif self.mode == "error":
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Server:
    """A running https server and what a client needs to believe it."""

    def __init__(self, folder: Path, repository: Path) -> None:
        public, private = certificate(folder)

        class Mine(Handler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args, directory=str(repository))

        self.handler = Mine
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(public, private)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.trusted = ssl.create_default_context(cafile=str(public))
        self.address = f"https://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,))
        self.thread.start()

    def fetcher(self, **bounds: float) -> HttpsFetcher:
        return HttpsFetcher(self.address, trusted=self.trusted, **bounds)

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server(forge: CatalogForge, tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, forge.repository)
    yield made
    made.close()


def fetch(client: Client, fetcher: HttpsFetcher) -> int:
    try:
        return refresh(client.place, fetcher, time.time).version
    finally:
        fetcher.close()


def test_a_refresh_over_https(forge: CatalogForge, client: Client, server: Server) -> None:
    forge.next()
    assert fetch(client, server.fetcher()) == 2
    assert client.version() == 2


@pytest.mark.parametrize(
    ("mode", "kind", "words"),
    [
        ("elsewhere", TryAgain, "points elsewhere"),
        ("error", TryAgain, "answers 503"),
        ("silent", TryAgain, "no answer"),
        ("trickle", TryAgain, "takes too long"),
        ("broken", TryAgain, "breaks off"),
        ("endless", NotTrusted, "sends more than it may"),
    ],
)
def test_a_bad_source(
    forge: CatalogForge,
    client: Client,
    server: Server,
    mode: str,
    kind: type[McptuiError],
    words: str,
) -> None:
    forge.next()
    server.handler.mode = mode
    began = time.monotonic()
    with pytest.raises(kind) as caught:
        fetch(client, server.fetcher(seconds=1.0, pause=0.5))
    assert words in str(caught.value)
    assert time.monotonic() - began < 8
    assert client.version() == 1
    server.handler.mode = "well"
    assert fetch(client, server.fetcher()) == 2


def test_an_unknown_certificate(forge: CatalogForge, client: Client, server: Server) -> None:
    forge.next()
    with pytest.raises(TryAgain, match="no answer"):
        fetch(client, HttpsFetcher(server.address))
    assert client.version() == 1


@pytest.mark.parametrize(
    "address",
    ["http://example.org", "ftp://example.org", "https://", "https://u:p@example.org", "file:///x",
     "https://exa mple.org", "//example.org"],
)  # fmt: skip
def test_only_plain_https_addresses(address: str) -> None:
    with pytest.raises(UsageError, match="The catalog's address"):
        HttpsFetcher(address)
