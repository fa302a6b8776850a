"""Signing in where no browser can come back to us: a short code typed on another device (RFC 8628).

For machines reached over SSH, where the issuer offers it. The code is shown, never opened.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from mcptui.access.discovery import Authority, CannotSignIn
from mcptui.access.grant import Grant, TokenAnswer, TokenRefused, new_grant
from mcptui.access.public_web import PublicWeb
from mcptui.access.registration import Registered, register_device
from mcptui.access.sign_in import Wanted, known_client, scopes_to_ask, who_signs_in
from mcptui.access.token_endpoint import ask_device, poll_device
from mcptui.errors import TryAgain
from mcptui.visible import visible

_LONGEST = 900.0
_SLOWEST = 60.0


@dataclass(frozen=True, slots=True)
class DevicePrompt:
    """What the user is shown.

    Args:
        url: where to type the code; checked.
        code: what to type.
        issuer: who gives the tokens.
        server: for which server.
        scopes: asked for.
        seconds: how long the code is good.
    """

    url: str
    code: str
    issuer: str
    server: str
    scopes: str
    seconds: float


async def sign_in_elsewhere(
    web: PublicWeb,
    wanted: Wanted,
    show: Callable[[DevicePrompt], None],
    now: Callable[[], float],
    pause: Callable[[float], Any] = asyncio.sleep,
) -> Grant:
    """Sign in with a code that the user types on another device.

    Args:
        web: how to fetch.
        wanted: what to sign in to.
        show: called once with the code.
        now: Unix seconds.
        pause: waits some seconds.

    Raises:
        CannotSignIn: the issuer does not offer it, or the user said no.
        TryAgain: the code was not confirmed in time.
    """
    resource, authority = await who_signs_in(web, wanted)
    if not authority.device:
        raise CannotSignIn(
            f"{authority.issuer} takes no codes from other devices", "",
            "Sign in with a browser here, or paste the address it was sent to",
        )  # fmt: skip
    scopes = scopes_to_ask(wanted, resource, authority)
    client = known_client(wanted, authority) or await register_device(
        web, authority, client_url=wanted.client_url, scope=scopes
    )
    status, body = await ask_device(
        web, authority.device, client, scope=scopes, resource=resource.resource
    )
    device_code, prompt, interval = _read(web, status, body, authority, wanted, scopes)
    show(prompt)
    said = await _confirmed(
        web, authority, client, device_code, resource.resource, interval, prompt.seconds, now, pause
    )
    return new_grant(wanted.server, resource.resource, authority, client, said, scopes, now())


def _read(
    web: PublicWeb, status: int, body: bytes, authority: Authority, wanted: Wanted, scopes: str
) -> tuple[str, DevicePrompt, float]:
    try:
        said: Any = json.loads(body)
        device_code, code, url = said["device_code"], said["user_code"], said["verification_uri"]
        seconds, interval = float(said.get("expires_in", 300)), float(said.get("interval", 5))
        if not (isfinite(seconds) and isfinite(interval)):
            raise ValueError("no number")  # JSON as Python reads it has NaN
    except (OverflowError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        status, device_code, code, url, seconds, interval = 0, "", "", "", 0.0, 0.0
    if status != 200 or not all(isinstance(one, str) and one for one in (device_code, code, url)):
        why = visible(body[:300].decode("utf-8", "replace"), limit=160)
        raise CannotSignIn(f"{authority.issuer} gave no code", why)
    prompt = DevicePrompt(
        web.policy.checked(url, "The page for the code"), visible(code, limit=40),
        authority.issuer, wanted.server, scopes, min(max(seconds, 30.0), _LONGEST),
    )  # fmt: skip
    return device_code, prompt, min(max(interval, 1.0), _SLOWEST)


async def _confirmed(
    web: PublicWeb, authority: Authority, client: Registered, device_code: str, resource: str,
    interval: float, seconds: float, now: Callable[[], float], pause: Callable[[float], Any],
) -> TokenAnswer:  # fmt: skip
    end = now() + seconds
    while now() < end:
        await pause(interval)
        try:
            return await poll_device(
                web, authority.token, client, device_code=device_code, resource=resource
            )
        except TokenRefused as error:
            if error.code == "slow_down":
                interval = min(interval + 5.0, _SLOWEST)
            elif error.code != "authorization_pending":
                raise
        except TryAgain:
            interval = min(interval * 2, _SLOWEST)  # RFC 8628 §3.5: back off, then go on
    raise TryAgain("Nobody confirmed the code", "its time is over", "Start again")
