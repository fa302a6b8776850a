"""What is checked of a request over HTTP before anybody acts on it: who may ask, and that its
headers say what its body says (MCP 2026-07-28, streamable HTTP; RFC 9110, RFC 6750).

A browser can be made to send requests to this machine, so Host and Origin must be our own: that
is what ends DNS rebinding. Pure but for the comparison of the token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from mcptui.gateway.book import Book
from mcptui.gateway.http_headers import (
    ANNOTATION,
    HEADER_MISMATCH,
    NAMED_BY,
    BadAnnotation,
    Mirror,
    decoded,
    mirrors,
    same,
)
from mcptui.gateway.http_request import Request
from mcptui.gateway.http_server import Address
from mcptui.gateway.http_words import Refusal, plain
from mcptui.gateway.wire import (
    CAPABILITIES_KEY,
    INVALID_PARAMS,
    MALFORMED,
    MODERN_VERSIONS,
    UNSUPPORTED_VERSION,
    VERSION_KEY,
    Part,
    anything,
    text,
)

ENDPOINT = b"/mcp"
HEALTH = b"/health"
_OLDER = frozenset((b"/sse", b"/messages", b"/message", b"/messages/"))
"""Where the transport of 2024-11-05 lived in the servers of that time."""
_ROUTING = (b"mcp-protocol-version", b"mcp-method", b"mcp-name")
_SINGLE = (b"host", b"origin", b"authorization", b"content-type", b"mcp-session-id")

Fault = tuple[int, str, object]
"""Code, message and data of an error."""


class Admission:
    """Who may ask, and where: everything that is judged from the head of a request alone.

    Args:
        address: where the gateway listens.
        matches: whether a bearer token is the right one, in constant time; None asks for none.
    """

    def __init__(self, address: Address, matches: Callable[[str], bool] | None) -> None:
        self._matches = matches
        self._url = address.url()
        self._any_host = address.path is not None or not address.loopback
        names = ("127.0.0.1", "localhost", "[::1]")
        self._hosts = frozenset(f"{name}:{address.port}".encode() for name in names)
        if address.port == 80:
            self._hosts |= {name.encode() for name in names}
        self._origins = frozenset(b"http://" + host for host in self._hosts)

    def judge(self, request: Request) -> Refusal | None:
        """Why a request is refused before its body is looked at, None when it is not."""
        headers = request.headers
        if request.doubled and any(name in request.doubled for name in _SINGLE):
            return plain(400, "A header that may come once came twice")
        if b"host" not in headers and not request.old:
            return plain(400, "The Host header is missing")
        if not self._any_host and headers.get(b"host", b"").lower() not in self._hosts:
            return plain(421, "This Host is not the gateway's: see DNS rebinding")
        origin = headers.get(b"origin")
        if origin is not None and origin.lower() not in self._origins:
            return plain(403, "Web pages may not use the gateway: this Origin is not its own")
        return self._path(request)

    def _path(self, request: Request) -> Refusal | None:
        path = request.url.partition(b"?")[0]
        if path == ENDPOINT:
            if request.method not in (b"POST", b"GET", b"DELETE"):
                return plain(405, "Only POST, GET and DELETE", b"Allow: POST, GET, DELETE\r\n")
            return self._token(request) or (_body(request) if request.method == b"POST" else None)
        if path == HEALTH:
            if request.method in (b"GET", b"HEAD"):
                return None
            return plain(405, "Only GET", b"Allow: GET, HEAD\r\n")
        if path in _OLDER:
            return self.older(410)
        if not request.url.startswith(b"/"):
            return plain(400, "The target of a request begins with /")
        return plain(404, f"Nothing is here; the endpoint is {self._url}")

    def older(self, status: int, headers: bytes = b"") -> Refusal:
        """The answer to clients of the transport before streamable HTTP."""
        return plain(
            status,
            "The HTTP+SSE transport of MCP 2024-11-05 is not offered. Set the client to streamable "
            f'HTTP ("type": "http") at {self._url}',
            headers,
            url=self._url,
            transport="streamable-http",
        )

    def _token(self, request: Request) -> Refusal | None:
        if self._matches is None:
            return None
        given = request.headers.get(b"authorization")
        if given is None:
            return _unauthorised("", "The gateway asks for its token: Authorization: Bearer …")
        scheme, _, token = given.decode("latin-1").partition(" ")
        if scheme.lower() == "bearer" and self._matches(token.strip()):
            return None
        return _unauthorised(', error="invalid_token"', "This is not the gateway's token")


def _unauthorised(error: str, words: str) -> Refusal:
    return plain(401, words, f'WWW-Authenticate: Bearer realm="mcptui"{error}\r\n'.encode())


def _body(request: Request) -> Refusal | None:
    kind = request.header(b"content-type").partition(";")[0].strip().lower()
    if kind != "application/json":
        return plain(415, "The body of a POST is application/json")
    encoding = request.headers.get(b"content-encoding", b"identity").lower()
    if encoding != b"identity":
        return plain(415, "The body of a POST is not compressed", b"Accept-Encoding: identity\r\n")
    if request.headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        return plain(501, "Of the transfer codings only chunked is understood")
    if not accepts(request, "application/json") or not accepts(request, "text/event-stream"):
        return plain(406, "Accept must name application/json and text/event-stream")
    return None


def accepts(request: Request, kind: str) -> bool:
    """Whether a client takes answers of a media type; no Accept header takes everything."""
    value = request.headers.get(b"accept")
    if value is None:
        return True
    whole = value.decode("latin-1").lower()
    if kind in whole:
        return True
    wide = kind.partition("/")[0] + "/*"
    names = {part.partition(";")[0].strip() for part in whole.split(",")}
    return "*/*" in names or wide in names


def headers_fault(
    request: Request, method: str, members: Mapping[str, Part], meta: Mapping[str, Part]
) -> Fault | None:
    """Why a modern request's headers do not fit its body, or its version is none of ours.

    Args:
        request: its headers.
        method: of the message.
        members: its params.
        meta: its `_meta`, empty when there is none.

    Raises:
        MALFORMED: a part of the body is not what it should be.
    """
    if request.doubled:
        for name in _ROUTING:
            if name in request.doubled:
                return (HEADER_MISMATCH, f"{name.decode()} came more than once", None)
    missing = [key for key in (VERSION_KEY, CAPABILITIES_KEY) if key not in meta]
    if missing:
        return (INVALID_PARAMS, f"params._meta lacks {', '.join(missing)}", None)
    headers = request.headers
    version = anything(meta[VERSION_KEY])
    told = headers.get(b"mcp-protocol-version")
    if told is None or told.decode("latin-1") != version:
        return _mismatch("MCP-Protocol-Version", "protocol version", told)
    told = headers.get(b"mcp-method")
    if told is None or told.decode("latin-1") != method:
        return _mismatch("Mcp-Method", "method", told)
    key = NAMED_BY.get(method)
    told = headers.get(b"mcp-name")
    if key is not None and (key in members or told is not None):
        named = anything(members[key]) if key in members else None
        if told is None or decoded(told.decode("latin-1")) != named or named is None:
            return _mismatch("Mcp-Name", key, told)
    if version not in MODERN_VERSIONS:
        data = {"supported": list(MODERN_VERSIONS), "requested": str(version)[:100]}
        return (UNSUPPORTED_VERSION, "Unsupported protocol version", data)
    return None


def _mismatch(header: str, part: str, told: bytes | None) -> Fault:
    what = "is missing" if told is None else f"does not say what the {part} in the body says"
    return (HEADER_MISMATCH, f"Header mismatch: {header} {what}", None)


class ParamRules:
    """The `Mcp-Param-…` headers that the tools of a book ask for."""

    def __init__(self) -> None:
        self._book: Book | None = None
        self._rules: dict[str, tuple[Mirror, ...]] = {}

    def fault(self, book: Book, request: Request, members: Mapping[str, Part]) -> Fault | None:
        """Why a modern tools/call's parameter headers do not fit its arguments.

        Raises:
            MALFORMED: a part of the body is not what it should be.
        """
        if self._book is not book:
            self._read(book)
        if not self._rules or "name" not in members:
            return None
        wanted = self._rules.get(text(members["name"]))
        if not wanted:
            return None
        arguments = anything(members.get("arguments", b"{}"))
        for mirror in wanted:
            name = mirror.header.lower().encode()
            if name in request.doubled:
                return (HEADER_MISMATCH, f"{mirror.header} came more than once", None)
            told = request.headers.get(name)
            if not same(mirror, None if told is None else told.decode("latin-1"), arguments):
                return _mismatch(mirror.header, f"argument {'.'.join(mirror.path)[:100]}", told)
        return None

    def _read(self, book: Book) -> None:
        """Once for each book, from the very list that clients are shown."""
        self._book = book
        self._rules = {}
        raw = book.lists["tools/list"][1]
        if ANNOTATION.encode() not in raw:
            return
        try:
            tools = cast("list[dict[str, Any]]", anything(raw)["tools"])
        except MALFORMED:
            return
        for tool in tools:
            try:
                wanted = mirrors(tool.get("inputSchema"))
            except BadAnnotation:
                continue
            if wanted:
                self._rules[str(tool["name"])] = wanted
