"""The first question to whatever listens at an engine's address, by the standard library alone."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

from mcptui.runtime.endpoint import Endpoint


def ping(endpoint: Endpoint, timeout: float) -> str:
    """Ask whether an engine is there; see `Endpoint.ping`."""
    if endpoint.path:
        Path(endpoint.path).stat()
    connection = Connection(endpoint, timeout)
    try:
        connection.request("GET", "/_ping", headers={"Host": "docker"})
        answer = connection.getresponse()
        body = answer.read(64)
    except http.client.HTTPException as error:
        raise ConnectionError(f"what listens there is no container engine: {error!r}") from error
    finally:
        connection.close()
    if answer.status != 200 or body.strip() not in (b"OK", b'"OK"', b""):
        raise ConnectionError(f"what listens there is no container engine ({answer.status})")
    return answer.headers.get("Api-Version", "")


class Connection(http.client.HTTPConnection):
    """An HTTP connection to an engine's unix socket or TCP address."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self.endpoint = endpoint

    def connect(self) -> None:
        """Reach the engine, with TLS where it has certificates."""
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
