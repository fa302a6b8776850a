"""Requests to a token endpoint: a code for tokens, a renewal, the end of both.

RFC 6749 §4.1.3 and §6, PKCE (RFC 7636), resource indicators (RFC 8707), revocation (RFC 7009).
Authlib writes the requests and authenticates the client; they leave through the public web only.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import urlencode

from mcptui.access.grant import Grant, TokenAnswer, read_answer
from mcptui.access.public_web import PublicWeb
from mcptui.access.registration import DEVICE_GRANT, Registered
from mcptui.errors import TryAgain


async def exchange(
    web: PublicWeb, endpoint: str, who: Registered, *,
    code: str, verifier: str, redirect: str, resource: str,
) -> TokenAnswer:  # fmt: skip
    """Change an authorization code into tokens.

    Raises:
        TokenRefused: the server said no.
        UrlRefused, TryAgain: it could not be asked.
    """
    return await _ask(
        web, endpoint, who, "authorization_code",
        code=code, code_verifier=verifier, redirect_uri=redirect, resource=resource,
    )  # fmt: skip


async def renew(web: PublicWeb, grant: Grant) -> TokenAnswer:
    """Change a refresh token into new tokens, at the endpoint that gave it.

    Raises:
        TokenRefused: the server said no.
        UrlRefused, TryAgain: it could not be asked.
    """
    return await _ask(
        web, grant.token_endpoint, grant.registered, "refresh_token",
        refresh_token=grant.refresh_token, resource=grant.resource,
    )  # fmt: skip


async def ask_device(
    web: PublicWeb, endpoint: str, who: Registered, *, scope: str, resource: str
) -> tuple[int, bytes]:
    """Ask for a code that the user types elsewhere (RFC 8628 §3.1); status and body.

    Raises:
        UrlRefused, TryAgain: it could not be asked.
    """
    members = {"scope": scope, "resource": resource}
    body = urlencode({key: value for key, value in members.items() if value})
    return await _post(web, endpoint, who, body, {})


async def poll_device(
    web: PublicWeb, endpoint: str, who: Registered, *, device_code: str, resource: str
) -> TokenAnswer:
    """Ask whether the user has confirmed a device code (RFC 8628 §3.4).

    Raises:
        TokenRefused: not yet (`authorization_pending`, `slow_down`), or never.
        UrlRefused, TryAgain: it could not be asked.
    """
    return await _ask(
        web, endpoint, who, DEVICE_GRANT,
        device_code=device_code, resource=resource,
    )  # fmt: skip


async def revoke(web: PublicWeb, grant: Grant) -> bool:
    """Tell the issuer that the tokens are no longer wanted; whether it took both.

    Raises:
        UrlRefused, TryAgain: it could not be asked.
    """
    authlib = _authlib("rfc7009")
    if not grant.revocation_endpoint:
        return False
    good = True
    for token, kind in (
        (grant.refresh_token, "refresh_token"),
        (grant.access_token, "access_token"),
    ):
        if token:
            body, headers = authlib.prepare_revoke_token_request(token, kind, headers={})
            status, _ = await _post(web, grant.revocation_endpoint, grant.registered, body, headers)
            good = good and status == 200
    return good


async def _ask(
    web: PublicWeb, endpoint: str, who: Registered, grant_type: str, **members: str
) -> TokenAnswer:
    members = {name: value for name, value in members.items() if value}  # "" is no resource
    body: str = _authlib("rfc6749.parameters").prepare_token_request(grant_type, **members)
    status, answer = await _post(web, endpoint, who, body, {})
    return read_answer(status, answer, who.issuer)


async def _post(
    web: PublicWeb, endpoint: str, who: Registered, body: str, headers: dict[str, Any]
) -> tuple[int, bytes]:
    headers = {
        **headers,
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    auth = _authlib("auth").ClientAuth(who.client_id, who.client_secret, who.method)
    _, headers, body = auth.prepare("POST", endpoint, headers, body)
    answer = await web.post(endpoint, "A token", body=body.encode(), headers=headers)
    if answer.status_code >= 500 or answer.status_code == 429:
        # It is not our tokens that are wrong: nobody has to sign in again for this.
        raise TryAgain(f"{who.issuer} gave no token", f"it answers {answer.status_code}")
    return answer.status_code, answer.content


def _authlib(part: str) -> Any:
    # Late, and as Any: the library has no types.
    return import_module(f"authlib.oauth2.{part}")
