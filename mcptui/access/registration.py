"""Becoming a client of an authorization server: known before, by our address, or by registration.

The order of the MCP authorization specification: a client id the user has from the publisher,
then a client id metadata document (CIMD) where the server takes one, then dynamic registration as
a native application (RFC 7591, RFC 8252). What was registered belongs to one issuer and is never
shown to another.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from mcptui.access.discovery import Authority, CannotSignIn
from mcptui.access.public_web import PublicWeb
from mcptui.visible import visible

CLIENT_NAME = "mcptui"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_METHODS = ("none", "client_secret_basic", "client_secret_post")


@dataclass(frozen=True, slots=True)
class Registered:
    """Who we are for one authorization server.

    Args:
        issuer: the only server this may be shown to.
        client_id: the id.
        client_secret: "" where there is none, as for most native applications.
        method: how the client authenticates at the token endpoint.
        redirect: the address that was registered, "" when any loopback port is good.
        dynamic: it was registered by us and may be registered again.
    """

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    method: str = "none"
    redirect: str = ""
    dynamic: bool = False


async def register(
    web: PublicWeb, authority: Authority, redirect: str, *, client_url: str = "", scope: str = ""
) -> Registered:
    """Become a client without the user's help.

    Args:
        web: how to fetch.
        authority: where.
        redirect: the loopback address that answers come to.
        client_url: an https address that describes us, "" when there is none.
        scope: what will be asked for.

    Raises:
        CannotSignIn: the server takes neither; says how to give it a client id by hand.
    """
    wanted: dict[str, Any] = {
        "redirect_uris": [redirect],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }
    return await _register(web, authority, wanted, redirect, client_url, scope)


async def register_device(
    web: PublicWeb, authority: Authority, *, client_url: str = "", scope: str = ""
) -> Registered:
    """The same for a client that no browser comes back to (RFC 8628).

    Raises:
        CannotSignIn: see `register`.
    """
    wanted: dict[str, Any] = {"grant_types": [DEVICE_GRANT, "refresh_token"]}
    return await _register(web, authority, wanted, "", client_url, scope)


async def _register(
    web: PublicWeb, authority: Authority, wanted: dict[str, Any], redirect: str,
    client_url: str, scope: str,
) -> Registered:  # fmt: skip
    if client_url and authority.takes_client_url:
        return Registered(authority.issuer, client_url)
    if not authority.registration:
        raise CannotSignIn(
            f"{authority.issuer} knows no client called mcptui",
            "it offers no registration by programs",
            "Register an application with its publisher (a native one, redirect "
            "http://127.0.0.1/callback) and give its id: `mcptui oauth authorize NAME "
            "--client-id ID`",
        )
    wanted |= {
        "client_name": CLIENT_NAME,
        "token_endpoint_auth_method": preferred_method(authority),
        "application_type": "native",
    }
    if scope:
        wanted["scope"] = scope
    answer = await web.post(
        authority.registration,
        "Registration",
        body=json.dumps(wanted).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
    )
    return _registered(authority, answer.status_code, answer.content, redirect)


def _registered(authority: Authority, status: int, body: bytes, redirect: str) -> Registered:
    try:
        said: Any = json.loads(body)
        client_id = said["client_id"]
        secret, method = said.get("client_secret"), said.get("token_endpoint_auth_method")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        said, client_id, secret, method = {}, None, None, None
    if status not in (200, 201) or not isinstance(client_id, str) or not client_id:
        why = visible(body[:300].decode("utf-8", "replace"), limit=200)
        raise CannotSignIn(
            f"{authority.issuer} did not register mcptui", f"it answered {status}: {why}"
        )
    secret = secret if isinstance(secret, str) else ""
    if method not in _METHODS:
        method = preferred_method(authority) if secret else "none"
    if secret and method == "none" and "none" not in authority.auth_methods:
        method = _first_secret_method(authority)
    return Registered(authority.issuer, client_id, secret, method, redirect, dynamic=True)


def preferred_method(authority: Authority) -> str:
    """How to authenticate at the token endpoint: without a secret where that is possible."""
    if not authority.described or "none" in authority.auth_methods:
        return "none"
    return _first_secret_method(authority)


def _first_secret_method(authority: Authority) -> str:
    return next((one for one in _METHODS[1:] if one in authority.auth_methods), "none")


def by_hand(authority: Authority, client_id: str, client_secret: str) -> Registered:
    """A client id that the user has from the publisher, bound to this issuer."""
    method = _first_secret_method(authority) if client_secret else "none"
    if client_secret and method == "none":
        method = "client_secret_basic"
    return Registered(authority.issuer, client_id, client_secret, method)
