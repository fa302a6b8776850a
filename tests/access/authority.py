"""A small authorization server on loopback that can be told to misbehave, and the server it is for.

The real one in tests is npm's oidc-provider; this one exists to lie in ways a real one does not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

Reply = tuple[int, dict[str, str], bytes]


def said(body: Any, status: int = 200) -> Reply:
    """A JSON answer."""
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


@dataclass
class Request:
    """What somebody sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body of a form."""
        return dict(parse_qsl(self.body.decode()))


@dataclass
class Authority:
    """The servers' state; `answers` by path come before what it would say itself."""

    port: int = 0
    requests: list[Request] = field(default_factory=list[Request])
    answers: dict[str, Callable[[Request], Reply]] = field(
        default_factory=dict[str, Callable[[Request], Reply]]
    )
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    resource: dict[str, Any] = field(default_factory=dict[str, Any])
    redirect: dict[str, str] = field(default_factory=dict[str, str])
    seconds: int = 3600
    renewals: int = 0
    wait: float = 0.0

    @property
    def issuer(self) -> str:
        """Its name."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def server(self) -> str:
        """The protected MCP endpoint."""
        return f"{self.issuer}/mcp"

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [request.path for request in self.requests]

    def reply(self, request: Request) -> Reply:
        """Answer one request."""
        self.requests.append(request)
        own = self.answers.get(request.path)
        if own is not None:
            return own(request)
        found: dict[str, Callable[[Request], Reply]] = {
            "/.well-known/oauth-protected-resource/mcp": self._describe_resource,
            "/.well-known/oauth-authorization-server": self._describe,
            "/register": lambda _: said({"client_id": "client-1"}, 201),
            "/authorize": self._authorize,
            "/token": self._token,
            "/revoke": lambda _: (200, {}, b""),
        }
        handler = found.get(request.path)
        return handler(request) if handler is not None else (404, {}, b"")

    def _describe_resource(self, request: Request) -> Reply:
        own = {"resource": self.server, "authorization_servers": [self.issuer]}
        return said(own | {"scopes_supported": ["read", "write"]} | self.resource)

    def _describe(self, request: Request) -> Reply:
        own: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "registration_endpoint": f"{self.issuer}/register",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": True,
        }
        return said({k: v for k, v in (own | self.metadata).items() if v is not None})

    def _authorize(self, request: Request) -> Reply:
        params = {"code": "code-1", "state": request.query["state"], "iss": self.issuer}
        params = {k: v for k, v in (params | self.redirect).items() if v}
        return 302, {"Location": f"{request.query['redirect_uri']}?{urlencode(params)}"}, b""

    def _token(self, request: Request) -> Reply:
        self.renewals += request.form["grant_type"] == "refresh_token"
        number = self.renewals
        return said(
            {
                "access_token": f"access-{number}", "token_type": "Bearer",
                "refresh_token": f"refresh-{number}", "expires_in": self.seconds,
            }
        )  # fmt: skip

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            parts = urlsplit(target)
            query = dict(parse_qsl(parts.query))
            await asyncio.sleep(self.wait)
            status, extra, answer = self.reply(Request(method, parts.path, query, headers, body))
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(answer)}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in extra.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def authority() -> AsyncGenerator[Authority]:
    """Run one for the time of the block."""
    running = Authority()
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
