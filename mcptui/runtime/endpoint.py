"""Where a container engine listens, and a first word with it that costs no imports."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_VIRTUAL = ("colima", ".orbstack", ".rd/", "docker/run", "docker/desktop", "podman/machine")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificates for an engine over TCP; each may be "" when there is none."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """What the standard library needs to speak with it."""
        made = ssl.create_default_context(cafile=self.ca or None)
        if not self.verify:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        if self.cert:
            made.load_cert_chain(self.cert, self.key or None)
        return made


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place where an engine may listen.

    Args:
        url: unix:///path, tcp://host:port, ssh://host or npipe:////./pipe/name.
        source: how we know of it, for a person ("DOCKER_HOST", "context colima", "Podman").
        explicit: the user named this one: no other is tried instead.
        tls: certificates, None for none.
    """

    url: str
    source: str
    explicit: bool = False
    tls: TlsFiles | None = None

    @property
    def scheme(self) -> str:
        """The address's first part."""
        return self.url.partition("://")[0]

    @property
    def path(self) -> str:
        """The socket's path, "" for an engine that has none."""
        return self.url.removeprefix("unix://") if self.scheme == "unix" else ""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of a TCP engine."""
        parts = urlsplit(self.url)
        return parts.hostname or "localhost", parts.port or (2376 if self.tls else 2375)

    @property
    def far(self) -> bool:
        """Its containers cannot see this machine's sockets: another machine or a virtual one."""
        return self.scheme != "unix" or any(part in self.path for part in _VIRTUAL)

    def ping(self, timeout: float = 3.0) -> str:
        """Ask whether an engine is there.

        Returns:
            Its API version, "" when it does not tell.

        Raises:
            OSError: nothing answers; PermissionError when this user may not ask.
        """
        if self.path:
            Path(self.path).stat()
        connection = _Connection(self, timeout)
        try:
            connection.request("GET", "/_ping", headers={"Host": "docker"})
            answer = connection.getresponse()
            body = answer.read(64)
        except http.client.HTTPException as error:
            raise ConnectionError(
                f"what listens there is no container engine: {error!r}"
            ) from error
        finally:
            connection.close()
        if answer.status != 200 or body.strip() not in (b"OK", b'"OK"', b""):
            raise ConnectionError(f"what listens there is no container engine ({answer.status})")
        return answer.headers.get("Api-Version", "")


class _Connection(http.client.HTTPConnection):
    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self.endpoint = endpoint

    def connect(self) -> None:
        if self.endpoint.path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self.endpoint.path)
            return
        host, port = self.endpoint.address
        self.sock = socket.create_connection((host, port), self.timeout)
        if self.endpoint.tls is not None:
            context = self.endpoint.tls.context()
            self.sock = context.wrap_socket(self.sock, server_hostname=host)
