"""Names of images in registries: `docker://repo[:tag][@sha256:…]` taken apart."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from mcptui.errors import UsageError
from mcptui.visible import visible

SCHEME = "docker://"
_DOCKER = "docker.io"
_HOST = re.compile(
    r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?|\[[0-9a-f:]+\](:[0-9]{1,5})?"
)
_PATH = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in a registry.

    Args:
        host: of the registry, with its port; "docker.io" for Docker's.
        path: of the repository there.
        tag: "" when only a digest was given.
        digest: "" when only a tag was given.
    """

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """Host and path, as engines and signatures name it."""
        return f"{self.host}/{self.path}"

    @property
    def base(self) -> str:
        """Where the registry's API begins; plain http only on this very machine."""
        if self.host == _DOCKER:
            return "https://registry-1.docker.io/v2/"
        return f"{'http' if is_loopback(self.host) else 'https'}://{self.host}/v2/"


def is_loopback(host: str) -> bool:
    """Whether a host with or without port is this machine, said as an address or "localhost"."""
    name = host.rpartition(":")[0] if re.search(r":[0-9]+$", host) else host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def read_reference(text: str) -> Reference:
    """Take a name apart; without tag and digest the tag is "latest".

    Raises:
        UsageError: it is no name of an image.
    """
    rest, at, digest = text.removeprefix(SCHEME).partition("@")
    first, slash, path = rest.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        first, path = _DOCKER, rest
    path, colon, tag = path.partition(":")
    if first in (_DOCKER, "index.docker.io"):
        first = _DOCKER
        path = path if "/" in path else f"library/{path}"
    fits = _HOST.fullmatch(first) and _PATH.fullmatch(path) and len(path) <= 200
    fits = fits and (not colon or _TAG.fullmatch(tag)) and (not at or _DIGEST.fullmatch(digest))
    if not fits:
        raise UsageError(
            f"{visible(text, limit=120)!r} is no image of a registry",
            fix="Write docker://host/name:tag, or with @sha256: and 64 hex digits",
        )
    return Reference(first, path, tag or ("" if digest else "latest"), digest)
