"""Finding out who signs in for a server: RFC 9728, then RFC 8414 or OpenID Connect discovery.

The order is that of the MCP authorization specification 2026-07-28: the address the server named
in its challenge, then the well-known ones for the path and the root. Whatever names itself
otherwise than it was asked for is refused: an issuer that is not the one asked, or a resource
that does not cover the server. Servers of 2025-03-26 have no resource metadata; for them the
server's own origin is the authorization server.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mcptui.access.public_web import PublicWeb
from mcptui.access.url_gate import origin
from mcptui.errors import McptuiError, TryAgain
from mcptui.visible import visible

_PRM = "/.well-known/oauth-protected-resource"
_AS = "/.well-known/oauth-authorization-server"
_OIDC = "/.well-known/openid-configuration"


class CannotSignIn(McptuiError):
    """Sign-in to a server is not possible as it presents itself; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What is known of a protected server.

    Args:
        resource: its identifier (RFC 8707), sent with every request for a token.
        issuers: its authorization servers; empty when it has no metadata.
        scopes: those it lists.
    """

    resource: str
    issuers: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Authority:
    """An authorization server.

    Args:
        issuer: its identifier, exactly as it writes it.
        authorization, token: its endpoints.
        registration, revocation, device: endpoints it may have, else "".
        scopes: those it lists.
        auth_methods: how clients may authenticate at the token endpoint.
        says_issuer: its redirects carry `iss` (RFC 9207).
        takes_client_url: an https address may be the client id (CIMD).
        described: it has metadata; without any, the endpoints are those of 2025-03-26.
    """

    issuer: str
    authorization: str
    token: str
    registration: str = ""
    revocation: str = ""
    device: str = ""
    scopes: tuple[str, ...] | None = None
    auth_methods: tuple[str, ...] = field(default=("client_secret_basic",))
    says_issuer: bool = False
    takes_client_url: bool = False
    described: bool = True


async def find_resource(web: PublicWeb, server_url: str, named: str = "") -> Resource:
    """Read a server's RFC 9728 metadata.

    Args:
        web: how to fetch.
        server_url: the MCP endpoint.
        named: the address from its challenge, "" when it named none.

    Raises:
        CannotSignIn: the metadata is of another resource, or names no authorization server.
        UrlRefused: an address may not be fetched.
        TryAgain: it could not be fetched.
    """
    parts = urlsplit(server_url)
    root = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.rstrip("/")
    places = [named, f"{root}{_PRM}{path}", f"{root}{_PRM}"]
    for place in dict.fromkeys(filter(None, places)):
        said = await _document(web, place, "The server's sign-in description")
        if said is None:
            continue
        resource = str(said.get("resource") or "")
        if not covers(resource, server_url):
            raise CannotSignIn(
                f"Sign-in to {server_url} is refused",
                f"its description is that of {visible(resource, limit=200) or 'no resource'}",
                "A token for it would be of use elsewhere; tell the server's publisher",
            )
        issuers = _texts(said.get("authorization_servers"))
        if not issuers:
            raise CannotSignIn(
                f"Nobody signs in for {server_url}", "its description names no authorization server"
            )
        return Resource(resource, issuers, _texts(said.get("scopes_supported")))
    return Resource(canonical(server_url))


def canonical(server_url: str) -> str:
    """A server's identifier where it gives none itself: the address without query and slash."""
    parts = urlsplit(server_url)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def covers(resource: str, server_url: str) -> bool:
    """Whether a resource identifier is the server's, or that of a path above it."""
    try:
        if not resource or origin(resource) != origin(server_url):
            return False
        above, path = urlsplit(resource).path, urlsplit(server_url).path
    except ValueError:
        return False
    return f"{path.rstrip('/')}/".startswith(f"{above.rstrip('/')}/")


async def find_authority(web: PublicWeb, issuer: str, *, fallback: bool = False) -> Authority:
    """Read an authorization server's metadata (RFC 8414, OpenID Connect Discovery 1.0).

    Args:
        web: how to fetch.
        issuer: as the server's description names it.
        fallback: the server has no description: metadata may lie at its root only, and without
            any the endpoints are those that 2025-03-26 fixed.

    Raises:
        CannotSignIn: it cannot do what is required, or describes another issuer.
        UrlRefused: an address may not be fetched.
        TryAgain: it could not be fetched.
    """
    web.policy.checked(issuer, "The sign-in server's name")
    parts = urlsplit(issuer)
    root, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    places = [f"{root}{_AS}{path}", f"{root}{_OIDC}{path}"]
    if path:
        places.append(f"{root}{path}{_OIDC}")
    for place in places:
        said = await _document(web, place, "The sign-in server's description")
        if said is not None:
            return _authority(web, said, issuer)
    if fallback:
        return Authority(
            root, f"{root}/authorize", f"{root}/token", f"{root}/register",
            auth_methods=("none",), described=False,
        )  # fmt: skip
    raise CannotSignIn(
        f"Sign-in at {visible(issuer, limit=200)} is not possible",
        "it has no description where the standards put it",
        "Tell the server's publisher",
    )


def _authority(web: PublicWeb, said: dict[str, Any], issuer: str) -> Authority:
    if said.get("issuer") != issuer:
        raise CannotSignIn(
            f"Sign-in at {visible(issuer, limit=200)} is refused",
            f"it calls itself {visible(said.get('issuer'), limit=200)!r}: one server posing as "
            "another looks like this",
            "Tell the server's publisher",
        )
    if "S256" not in _texts(said.get("code_challenge_methods_supported")):
        raise CannotSignIn(
            f"Sign-in at {visible(issuer, limit=200)} is refused",
            "it does not say that it protects the code on its way back (PKCE with S256)",
            "Tell the server's publisher",
        )

    def endpoint(key: str, *, required: bool = False) -> str:
        value = said.get(key)
        if isinstance(value, str) and value:
            return web.policy.checked(value, f"The sign-in server's {key}")
        if required:
            raise CannotSignIn(f"Sign-in at {issuer} is not possible", f"it names no {key}")
        return ""

    return Authority(
        issuer=issuer,
        authorization=endpoint("authorization_endpoint", required=True),
        token=endpoint("token_endpoint", required=True),
        registration=endpoint("registration_endpoint"),
        revocation=endpoint("revocation_endpoint"),
        device=endpoint("device_authorization_endpoint"),
        scopes=_texts(said["scopes_supported"]) if "scopes_supported" in said else None,
        auth_methods=_texts(said.get("token_endpoint_auth_methods_supported"))
        or ("client_secret_basic",),
        says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
        takes_client_url=said.get("client_id_metadata_document_supported") is True,
    )


async def _document(web: PublicWeb, place: str, what: str) -> dict[str, Any] | None:
    """A JSON object, None when there is none at this place."""
    answer = await web.get(place, what)
    if answer.status_code >= 500:
        raise TryAgain(f"{what} could not be had", f"{origin(place)} answers {answer.status_code}")
    if answer.status_code != 200:
        return None
    try:
        said: Any = json.loads(answer.content)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        # Going on to the next place would let a broken answer choose another authority.
        raise CannotSignIn(f"{what} is refused", f"{place} answers with something else than JSON")
    return said  # pyright: ignore[reportUnknownVariableType]


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    found: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
    return tuple(item for item in found[:200] if isinstance(item, str))
