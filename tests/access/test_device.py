"""Signing in with a code typed on another device."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from mcptui.access.device import DevicePrompt, sign_in_elsewhere
from mcptui.access.discovery import CannotSignIn
from mcptui.access.grant import Grant, TokenRefused
from mcptui.access.public_web import PublicWeb
from mcptui.access.sign_in import Wanted
from mcptui.access.url_gate import UrlPolicy, UrlRefused
from mcptui.errors import TryAgain
from tests.access.authority import Authority, Reply, Request, authority, said

CODE = {
    "device_code": "secret-device-code", "user_code": "ABCD-\x1b[31mEFGH",
    "verification_uri": "https://as.example/device", "expires_in": 600, "interval": 2,
}  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = time.time()
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


async def run_device(
    server: Authority, answers: list[dict[str, Any]], code: dict[str, Any]
) -> tuple[Grant, list[DevicePrompt], Clock]:
    server.metadata = {"device_authorization_endpoint": f"{server.issuer}/device"}
    server.answers["/device"] = lambda _: said(code)
    left = list(answers)

    def token(request: Request) -> Reply:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return said(answer, 200 if "access_token" in answer else 400)

    server.answers["/token"] = token
    prompts: list[DevicePrompt] = []
    clock = Clock()
    web = PublicWeb(UrlPolicy.of(server.server))
    try:
        wanted = Wanted(server.server)
        grant = await sign_in_elsewhere(web, wanted, prompts.append, clock, clock.pause)
    finally:
        await web.close()
    return grant, prompts, clock


PENDING, SLOWER = {"error": "authorization_pending"}, {"error": "slow_down"}
GOOD = {"access_token": "from-elsewhere", "token_type": "bearer"}


def test_a_code_is_shown_and_asked_for_at_the_pace_the_issuer_wants() -> None:
    async def run() -> None:
        async with authority() as server:
            grant, prompts, clock = await run_device(server, [PENDING, SLOWER, GOOD], CODE)
            assert grant.access_token == "from-elsewhere"
            assert clock.pauses == [2.0, 2.0, 7.0]
            assert prompts[0].url == "https://as.example/device"
            assert "\x1b" not in prompts[0].code
            asked = next(r for r in server.requests if r.path == "/token").form
            assert asked["device_code"] == "secret-device-code"
            assert asked["resource"] == server.server

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answers", "code", "error"),
    [
        ([{"error": "access_denied"}], CODE, TokenRefused),
        ([PENDING], CODE, TryAgain),
        ([GOOD], {**CODE, "verification_uri": "file:///etc/passwd"}, UrlRefused),
        ([GOOD], {"user_code": "x"}, CannotSignIn),
        ([GOOD], {**CODE, "interval": "often"}, CannotSignIn),
        ([GOOD], {**CODE, "interval": float("nan")}, CannotSignIn),
        ([GOOD], {**CODE, "expires_in": float("inf")}, CannotSignIn),
    ],
)
def test_what_ends_it(
    answers: list[dict[str, Any]], code: dict[str, Any], error: type[Exception]
) -> None:
    async def run() -> None:
        async with authority() as server:
            with pytest.raises(error):
                await run_device(server, answers, code)

    asyncio.run(run())
