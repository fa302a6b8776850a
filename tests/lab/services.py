"""What answers in the lab: TLS, plain HTTP, TCP, UDP and names, each counting what reached it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

_SECONDS = 10.0


@dataclass(slots=True)
class Service:
    """One listening place and what it heard.

    Args:
        name: what it answers with.
        connections: how often somebody connected, or sent a datagram.
        heard: every byte that came.
    """

    name: str
    connections: int = 0
    heard: bytearray = field(default_factory=bytearray)

    def forget(self) -> None:
        """Count from nothing again."""
        self.connections = 0
        self.heard.clear()


class Services:
    """Serves sockets of any network on one thread; made beforehand where they belong."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._kept: list[asyncio.BaseTransport | asyncio.Server] = []

    def _soon(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    def tcp(self, listening: socket.socket, name: str) -> Service:
        """Says "tcp NAME" and gives back what it gets."""
        return self._serve(listening, Service(name), _Echo)

    def http(self, listening: socket.socket, name: str) -> Service:
        """Answers every request with "http NAME"."""
        return self._serve(listening, Service(name), _Http)

    def tls(self, listening: socket.socket, name: str, context: ssl.SSLContext) -> Service:
        """The same over TLS; the raw bytes are counted, also when no handshake comes of them."""
        return self._serve(listening, Service(name), lambda one: _Tls(one, context))

    def _serve(
        self,
        listening: socket.socket,
        made: Service,
        protocol: Callable[[Service], asyncio.Protocol],
    ) -> Service:
        async def serve() -> None:
            server = await self._loop.create_server(lambda: protocol(made), sock=listening)
            self._kept.append(server)

        self._soon(serve())
        return made

    def udp(self, bound: socket.socket, name: str) -> Service:
        """Answers every datagram with "udp NAME"."""
        made = Service(name)
        self._datagrams(bound, lambda: _Datagrams(made, lambda data: f"udp {name}".encode()))
        return made

    def names(self, bound: socket.socket, names: Names) -> Service:
        """A resolver."""
        made = Service("names")
        self._datagrams(bound, lambda: _Datagrams(made, names.answer))
        return made

    def _datagrams(
        self, bound: socket.socket, protocol: Callable[[], asyncio.DatagramProtocol]
    ) -> None:
        async def serve() -> None:
            bound.setblocking(False)
            transport, _ = await self._loop.create_datagram_endpoint(protocol, sock=bound)
            self._kept.append(transport)

        self._soon(serve())

    def close(self) -> None:
        """End everything."""

        async def end() -> None:
            for one in self._kept:
                one.close()
            await asyncio.sleep(0)

        self._soon(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()


class _Counting(asyncio.Protocol):
    def __init__(self, service: Service) -> None:
        self.service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.service.connections += 1

    def data_received(self, data: bytes) -> None:
        self.service.heard += data


class _Echo(_Counting):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.write(f"tcp {self.service.name}\n".encode())

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.transport.write(data)


def _page(name: str) -> bytes:
    body = f"http {name}".encode()
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


class _Http(_Counting):
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.service.heard.endswith(b"\r\n\r\n"):
            self.transport.write(_page(self.service.name))
            self.transport.close()


class _Tls(_Counting):
    def __init__(self, service: Service, context: ssl.SSLContext) -> None:
        super().__init__(service)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._talk = context.wrap_bio(self._in, self._out, server_side=True)
        self._asked = b""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._in.write(data)
        try:
            self._asked += self._talk.read(65536)
            if self._asked.endswith(b"\r\n\r\n"):
                self._talk.write(_page(self.service.name))
                self.transport.write(self._out.read())
                with contextlib.suppress(ssl.SSLError):
                    self._talk.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.transport.close()
        self.transport.write(self._out.read())


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, service: Service, answer: Callable[[bytes], bytes]) -> None:
        self.service = service
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.service.connections += 1
        self.service.heard += data
        if answer := self._answer(data):
            self.transport.sendto(answer, addr)


class Names:
    """The names of the lab, and the log of every query.

    Args:
        table: name → addresses; a name may have several answers in turn, the last one stays.
    """

    def __init__(self, table: dict[str, list[list[str]]]) -> None:
        self.table = table
        self.log: list[str] = []
        self._turns: dict[str, int] = {}

    def answer(self, query: bytes) -> bytes:
        """The answer to one query, "no such name" for what is not in the table."""
        at, labels = 12, list[str]()
        while at < len(query) and query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        if at + 5 > len(query):
            return b""
        kind = struct.unpack_from("!H", query, at + 1)[0]
        name = ".".join(labels).lower()
        self.log.append(f"{name} {kind}")
        found = self._addresses(name, kind)
        code = 0 if name in self.table else 3
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(found), 0, 0)
        records = [b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(one)) + one for one in found]
        return head + query[12 : at + 5] + b"".join(records)

    def _addresses(self, name: str, kind: int) -> list[bytes]:
        turns = self.table.get(name, [[]])
        turn = min(self._turns.get(name, 0), len(turns) - 1)
        version = {1: 4, 28: 6}.get(kind, 0)
        if version == 4:
            self._turns[name] = turn + 1
        parsed = [ipaddress.ip_address(one) for one in turns[turn]]
        return [one.packed for one in parsed if one.version == version]


def certificates(folder: Path, names: Iterable[str]) -> tuple[ssl.SSLContext, Path]:
    """Make an authority and a certificate for these names; gives the server's side and the former.

    Args:
        folder: gets `lab.pem`, which clients trust.
        names: what the certificate stands for.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.UTC)

    def signed(
        subject: str, key: Any, issuer: str, by: Any, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(by, hashes.SHA256())

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = signed(
        "lab root", root_key, "lab root", root_key, x509.BasicConstraints(True, None), identifier
    )
    leaf = signed(
        "lab", key, "lab root", root_key,
        x509.SubjectAlternativeName([x509.DNSName(name) for name in names]),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    trusted, chain, private = folder / "lab.pem", folder / "chain.pem", folder / "key.pem"
    trusted.write_bytes(root.public_bytes(pem))
    chain.write_bytes(leaf.public_bytes(pem))
    private.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    private.unlink()
    return context, trusted
