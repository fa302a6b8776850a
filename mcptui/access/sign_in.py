"""Signing in to a server: from its challenge to tokens (OAuth 2.1 as MCP 2026-07-28 asks for it).

Discovery, registration, the browser, the answer, the tokens; each step refuses what does not fit
before anything is sent further. The issuer is recorded before the browser opens and compared with
what comes back (RFC 9207), on errors too; the code is bound to us by PKCE and to the server by
its resource identifier.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

from mcptui.access.callback import SECONDS, Callback, listening
from mcptui.access.discovery import Authority, CannotSignIn, Resource, find_authority, find_resource
from mcptui.access.grant import Grant, new_grant
from mcptui.access.public_web import PublicWeb
from mcptui.access.registration import Registered, by_hand, register
from mcptui.access.token_endpoint import exchange
from mcptui.access.url_gate import origin
from mcptui.visible import visible


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to sign in to.

    Args:
        server: the MCP endpoint.
        named: the metadata address of its challenge, "" when there was none.
        scope: the scopes of its challenge, "" when it named none.
        client_id, client_secret: the user's own from the publisher, else "".
        client_url: an https address that describes us (CIMD), else "".
        before: the grant there was, None at the first time.
        issuer: who signs in, where it is no MCP server that could name it, else "".
    """

    server: str
    named: str = ""
    scope: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_url: str = ""
    before: Grant | None = None
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the user is shown before the browser opens.

    Args:
        url: where the browser goes; checked and rebuilt.
        host: of that address: where the user will type a password.
        issuer: who gives the tokens.
        server: for which server.
        scopes: asked for, separated by blanks; "" when the server's default is taken.
        callback: takes a pasted address instead of the browser's visit.
    """

    url: str = field(repr=False)
    host: str
    issuer: str
    server: str
    scopes: str
    callback: Callback


async def sign_in(
    web: PublicWeb,
    wanted: Wanted,
    show: Callable[[Prompt], None],
    now: Callable[[], float],
    seconds: float = SECONDS,
) -> Grant:
    """Sign in through a browser.

    Args:
        web: how to fetch.
        wanted: what to sign in to.
        show: called once with what to open; returns at once.
        now: Unix seconds.
        seconds: how long the user may take.

    Raises:
        CannotSignIn: something does not fit, or the user or the server said no.
        UrlRefused: an address may not be fetched or opened.
        TryAgain: a server did not answer, or nobody came back in time.
    """
    resource, authority = await who_signs_in(web, wanted)
    scopes = scopes_to_ask(wanted, resource, authority)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    before = known_client(wanted, authority)
    async with listening(state, before.redirect if before is not None else "") as callback:
        client = await _client(web, wanted, authority, before, callback.url, scopes)
        url = _authorization(
            web, authority, client, callback.url, state, verifier, scopes, resource.resource
        )
        host = url.partition("//")[2].partition("/")[0]
        show(Prompt(url, host, authority.issuer, wanted.server, scopes, callback))
        code = read_redirect(await callback.answer(seconds), authority)
        said = await exchange(
            web, authority.token, client,
            code=code, verifier=verifier, redirect=callback.url, resource=resource.resource,
        )  # fmt: skip
    return new_grant(wanted.server, resource.resource, authority, client, said, scopes, now())


async def who_signs_in(web: PublicWeb, wanted: Wanted) -> tuple[Resource, Authority]:
    """Find the server's identifier and its authorization server.

    Raises:
        CannotSignIn, UrlRefused, TryAgain: see `discovery`.
    """
    if wanted.issuer:
        return Resource("", (wanted.issuer,)), await find_authority(web, wanted.issuer)
    resource = await find_resource(web, wanted.server, wanted.named)
    if not resource.issuers:
        root = origin(wanted.server)
        issuer = root.removesuffix(":443") if root.startswith("https:") else root
        return resource, await find_authority(web, issuer, fallback=True)
    before = wanted.before.issuer if wanted.before is not None else ""
    issuer = before if before in resource.issuers else resource.issuers[0]
    return resource, await find_authority(web, issuer)


def scopes_to_ask(wanted: Wanted, resource: Resource, authority: Authority) -> str:
    """The scopes to ask for: those of the challenge, else those the server lists, else none.

    What was granted before by the same issuer stays in, so that one tool's step-up does not take
    another's rights away; `offline_access` is added only where the issuer lists it.
    """
    asked = (wanted.scope or " ".join(resource.scopes)).split()
    before = wanted.before
    if before is not None and before.issuer == authority.issuer and (asked or before.scopes):
        asked = [*before.scopes.split(), *asked]
    if asked and "offline_access" in (authority.scopes or ()):
        asked.append("offline_access")
    elif "offline_access" in asked and authority.scopes is not None:
        asked = [scope for scope in asked if scope != "offline_access"]
    return " ".join(dict.fromkeys(asked))


def known_client(wanted: Wanted, authority: Authority) -> Registered | None:
    """Who we are already for this issuer; never what another issuer gave us.

    Raises:
        CannotSignIn: the client id of the user's is another issuer's.
    """
    before = wanted.before
    if wanted.client_id:
        return by_hand(authority, wanted.client_id, wanted.client_secret)
    if before is None or before.issuer == authority.issuer:
        return before.registered if before is not None else None
    if not before.dynamic and not before.client_id.startswith("https://"):
        raise CannotSignIn(
            f"{wanted.server} changed who signs in for it",
            f"it was {visible(before.issuer, limit=200)} and is now {authority.issuer}; the client "
            "id you gave belongs to the first",
            "Give the new one: `mcptui oauth authorize NAME --client-id ID`",
        )
    return None


async def _client(
    web: PublicWeb, wanted: Wanted, authority: Authority, before: Registered | None,
    redirect: str, scopes: str,
) -> Registered:  # fmt: skip
    if before is not None and before.redirect in ("", redirect):
        return before
    return await register(web, authority, redirect, client_url=wanted.client_url, scope=scopes)


def _authorization(
    web: PublicWeb, authority: Authority, client: Registered, redirect: str, state: str,
    verifier: str, scopes: str, resource: str,
) -> str:  # fmt: skip
    digest = hashlib.sha256(verifier.encode()).digest()
    params = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": redirect,
        "state": state,
        "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    if resource:
        params["resource"] = resource
    if scopes:
        params["scope"] = scopes
    if "offline_access" in scopes.split():
        params["prompt"] = "consent"  # else an OpenID provider gives none (Core §11)
    return web.policy.with_query(authority.authorization, params, "The sign-in page")


def read_redirect(params: dict[str, str], authority: Authority) -> str:
    """The code that a browser brought, once it is certain who sent it (RFC 9207 §2.4).

    Raises:
        CannotSignIn: it is from another issuer, or says no.
    """
    issuer = params.get("iss")
    if (issuer is None and authority.says_issuer) or issuer not in (None, authority.issuer):
        # Nothing of such an answer is shown: it may be another server's words.
        raise CannotSignIn(
            "The answer of the sign-in was refused",
            f"it does not come from {authority.issuer}, where it was begun",
            "Nothing was sent on. If this happens again, do not sign in to this server",
        )
    if "error" in params or not params.get("code"):
        code = visible(params.get("error", "no code"), limit=60)
        words = visible(params.get("error_description", ""), limit=200)
        raise CannotSignIn(
            f"{authority.issuer} did not sign you in",
            ": ".join(part for part in (code, words) if part),
        )
    return params["code"]
