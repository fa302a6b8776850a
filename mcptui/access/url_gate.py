"""One policy for every address that sign-in fetches or opens: a server chooses these addresses.

An address is taken apart, each part is checked, and a new one is built from the parts: the text
that came is never passed on. Public https only; plain http on loopback when the server itself
runs there, which is development. Answers the class of CVE-2025-6514 (an authorization endpoint
that becomes a command) and request forgery in discovery.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from mcptui.errors import McptuiError
from mcptui.visible import visible

LENGTH = 2048
_FORBIDDEN = re.compile(r"[^\x21-\x7e]|[\"'<>\\^`{|}$()]")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(
    rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?!(?:\d+|0x[0-9a-f]*)\Z)[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?"
)
_INNER = (".localhost", ".local", ".internal", ".home.arpa")
"""Endings of names that are none of the public internet (RFC 6761, 6762, 8375)."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PATH_SAFE = "-._~!*,;=:@/+%"
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class UrlRefused(McptuiError):
    """An address that a server named is not one that mcptui fetches or opens."""


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """What may be fetched and opened for one server.

    Args:
        loopback: plain http and loopback addresses too: the server itself is on this machine.
    """

    loopback: bool = False

    @classmethod
    def of(cls, server_url: str) -> UrlPolicy:
        """The policy for a server: only one that runs here may lead to addresses here."""
        try:
            host = urlsplit(server_url).hostname or ""
        except ValueError:
            return cls()
        return cls(loopback=host in _LOOPBACK)

    def checked(self, url: str, what: str = "An address") -> str:
        """The address, built anew from its parts.

        Args:
            url: as the server named it.
            what: what it is for, beginning an error's sentence.

        Raises:
            UrlRefused: it is none that may be fetched.
        """
        parts = self._parts(url, what)
        return _built(parts, parse_qsl(parts.query, keep_blank_values=True), query=parts.query)

    def with_query(self, url: str, params: Mapping[str, str], what: str = "An address") -> str:
        """The address with our parameters in its query; of doubled ones ours is the one.

        Raises:
            UrlRefused: it is none that may be opened.
        """
        parts = self._parts(url, what)
        own = [
            pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in params
        ]
        pairs = [*own, *params.items()]
        return _built(parts, pairs, query=urlencode(pairs, quote_via=quote, safe=""))

    def _parts(self, url: str, what: str) -> SplitResult:
        def refuse(why: str) -> UrlRefused:
            return UrlRefused(
                f"{what} is refused: {visible(url, limit=200)}",
                why,
                "Nothing was fetched or opened. Tell the server's publisher, or use another server",
            )

        if len(url) > LENGTH:
            raise refuse(f"it is longer than {LENGTH} characters")
        if found := _FORBIDDEN.search(url):
            raise refuse(f"it holds the character {visible(found[0])!r}, which no address needs")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise refuse(f"it is no address ({visible(error, limit=80)})") from error
        host = parts.hostname or ""
        local = self.loopback and host in _LOOPBACK
        if parts.scheme != "https" and not (local and parts.scheme == "http"):
            raise refuse("only https is used")
        if "@" in parts.netloc:
            raise refuse("it carries a user name")
        if parts.fragment or url.endswith("#"):
            raise refuse("it has a fragment")
        if not local and (not _HOST.fullmatch(host) or host.endswith(_INNER)):
            raise refuse("its host is not the full name of a machine on the internet")
        if port == 0 or parts.netloc.endswith(":"):
            raise refuse("its port is none")
        if "/../" in f"{parts.path}/" or _ESCAPE.search(parts.path):
            raise refuse("its path is not plain")
        return parts


def _built(parts: SplitResult, pairs: list[tuple[str, str]], *, query: str) -> str:
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port is not None else ""
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    return f"{parts.scheme}://{shown}{port}{path}{'?' + query if pairs else ''}"


def origin(url: str) -> str:
    """Scheme, host and port of a checked address: what a token may be sent to."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"
