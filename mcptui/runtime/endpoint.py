"""Where a container engine listens, and a first word with it that costs no imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

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
        import ssl

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
        from mcptui.runtime.ping import ping  # late: a launch has no need of it

        return ping(self, timeout)
