"""Addresses that a server chose: what may be fetched and opened, and that nothing else is."""

from __future__ import annotations

import asyncio
import gzip

import httpx
import pytest

from mcptui.access.browser import open_browser
from mcptui.access.public_web import PublicTransport, PublicWeb
from mcptui.access.url_gate import UrlPolicy, UrlRefused, origin
from mcptui.addresses import public
from mcptui.errors import McptuiError, TryAgain, UsageError
from tests.access.authority import Request, authority

PUBLIC, LOCAL = UrlPolicy(), UrlPolicy(loopback=True)
OURS = {"state": "s", "redirect_uri": "http://127.0.0.1:5/cb"}

REFUSED = [
    # The shapes of CVE-2025-6514 and its relatives, and what other schemes launch.
    "http://www.example.com/$(calc.exe)", "a:$(calc.exe)?response_type=code",
    "file:/c:/windows/system32/calc.exe", "file:///etc/passwd", "javascript:alert(1)",
    "data:text/html,x", "search-ms:query=x", "\\\\evil\\share\\a.exe", "//evil/share",
    "smb://evil/x", "ms-msdt:/id", 'https://x.test/"&calc&"', "https://x.test/a|calc",
    "https://x.test/`id`", "https://x.test/';id;'", "https://x.test/a b", "https://x.test/a\nb",
    "https://x.test/\x00", "--help", "-a Calculator", "https://user:pw@x.test/",
    "https://x.test:99999/", "https://x.test@evil.test/", "https://ex\u0430mple.test/",
    "https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://169.254.169.254/",
    "https://0x7f.1/", "https://x.test/#frag", "https://x.test/\u202etxt.exe", "https://localhost/",
    # A browser takes a host that ends in a number, also a hexadecimal one, for an IPv4 address.
    "https://127.0.0.0x1/", "https://192.168.1.0X1/", "https://10.0.0.0x/", "https://a.localhost/",
    "https://router.local/", "https://metadata.google.internal/", "https://nas.home.arpa/",
    "https://x.test./", "https://127.0.0.1./", "https://[fe80::1%25eth0]/",
    "https://x.test:/", "https://x.test:0/", "https:///path", "https://x/", "https://x.test/a/../b",
    "https://x.test/%zz", "", "https://", "https://.test/", f"https://x.test/{'a' * 2100}",
    "https://x..test/", "https://-x.test/", "http://x.test/", "ftp://x.test/",
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_a_refused_address_is_refused_everywhere(url: str) -> None:
    for policy in (
        (PUBLIC, LOCAL) if "127.0.0.1" not in url and "localhost" not in url else (PUBLIC,)
    ):
        if policy is LOCAL and "::1" in url:
            continue
        with pytest.raises(UrlRefused):
            policy.checked(url)
        with pytest.raises(UrlRefused):
            policy.with_query(url, OURS)


def test_an_address_is_built_anew_and_our_parameters_win() -> None:
    built = PUBLIC.with_query(
        "HTTPS://X.Test:8443/authorize?prompt=login&redirect_uri=https://evil.test/&a=1%26b", OURS
    )
    assert built == (
        "https://x.test:8443/authorize?prompt=login&a=1%26b&state=s"
        "&redirect_uri=http%3A%2F%2F127.0.0.1%3A5%2Fcb"
    )
    assert PUBLIC.with_query("https://x.test/&calc", {}).startswith("https://x.test/%26calc")
    assert PUBLIC.checked("https://x.test") == "https://x.test/"
    assert LOCAL.checked("http://[::1]:80/a") == "http://[::1]:80/a"
    assert origin("https://x.test/a") == origin("https://x.test:443/b") == "https://x.test:443"


ADDRESSES = {
    "93.184.216.34": True, "2606:2800:220:1::1": True, "127.0.0.1": False, "10.0.0.5": False,
    "172.16.1.1": False, "192.168.1.1": False, "169.254.169.254": False, "100.64.0.1": False,
    "0.0.0.0": False, "255.255.255.255": False, "224.0.0.1": False, "192.0.2.1": False,  # noqa: S104
    "::1": False, "::": False, "fe80::1": False, "fe80::1%eth0": False, "fc00::1": False,  # noqa: S104
    "ff02::1": False, "::ffff:127.0.0.1": False, "::ffff:169.254.169.254": False,  # noqa: S104
    "::ffff:93.184.216.34": True, "64:ff9b::7f00:1": False, "64:ff9b::a00:5": False,
    "64:ff9b:1::1": False, "2002:7f00:1::": False, "2001:0:7f00:1::": False, "nonsense": False,
}  # fmt: skip


@pytest.mark.parametrize(("address", "good"), ADDRESSES.items())
def test_an_address_is_public_only_when_it_is_so_under_every_disguise(
    address: str, good: bool
) -> None:
    assert public(address) is good


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "10.1.2.3", "::ffff:127.0.0.1"])
def test_a_name_that_leads_inside_gets_no_packet(inside: str) -> None:
    async def run() -> None:
        async with authority() as trap:
            asked: list[str] = []

            async def resolver(host: str, port: int) -> list[str]:
                asked.append(host)
                return ["93.184.216.34", inside]  # one public address does not excuse the other

            web = PublicWeb(PUBLIC, PublicTransport(PUBLIC, resolver=resolver))
            with pytest.raises(UrlRefused, match="public internet"):
                await web.get(f"https://evil.example:{trap.port}/x", "It")
            await web.close()
            assert asked == ["evil.example"]
            assert trap.requests == []

    asyncio.run(run())


def test_a_name_is_looked_up_once_and_the_connection_goes_where_was_looked() -> None:
    async def run() -> None:
        answers = iter([["192.0.2.1"], ["127.0.0.1"]])

        async def rebinding(host: str, port: int) -> list[str]:
            return next(answers)

        transport = PublicTransport(PUBLIC, resolver=rebinding)
        with pytest.raises(UrlRefused):
            await transport.handle_async_request(httpx.Request("GET", "https://evil.example/"))
        assert next(answers) == ["127.0.0.1"]  # nobody asked a second time
        await transport.aclose()

    asyncio.run(run())


def test_redirects_stay_at_home_and_end() -> None:
    async def run() -> None:
        async with authority() as server, authority() as other:
            web = PublicWeb(LOCAL)

            def to(target: str):  # noqa: ANN202
                def reply(request: Request) -> tuple[int, dict[str, str], bytes]:
                    return 302, {"Location": target}, b""

                return reply

            server.answers = {
                "/good": to("/end"), "/end": lambda _: (200, {}, b"{}"), "/loop": to("/loop"),
                "/away": to(f"{other.issuer}/x"), "/inside": to("http://169.254.169.254/x"),
                "/file": to("file:///etc/passwd"),
            }  # fmt: skip
            assert (await web.get(f"{server.issuer}/good", "It")).content == b"{}"
            for path in ("/loop", "/away", "/inside", "/file"):
                with pytest.raises(UrlRefused):
                    await web.get(server.issuer + path, "It")
            assert other.requests == []
            await web.close()

    asyncio.run(run())


def test_answers_are_bounded_and_never_unpacked() -> None:
    async def run() -> None:
        async with authority() as server:
            packed = gzip.compress(b"0" * (8 << 20))
            server.answers = {
                "/large": lambda _: (200, {}, b"0" * (300 << 10)),
                "/bomb": lambda _: (200, {"Content-Encoding": "gzip"}, packed),
            }
            web = PublicWeb(LOCAL)
            for path, words in (("/large", "too large"), ("/bomb", "packed")):
                with pytest.raises(McptuiError, match=words):
                    await web.get(server.issuer + path, "It")
            await web.close()

    asyncio.run(run())


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcptui.access.public_web.SECONDS", 0.3)

    async def run() -> None:
        async with authority() as server:
            server.wait = 2.0
            web = PublicWeb(LOCAL)
            with pytest.raises(TryAgain, match="could not be fetched"):
                await web.get(f"{server.issuer}/x", "It")
            await web.close()

    asyncio.run(run())


@pytest.mark.parametrize("url", ["file:///etc/passwd", "--help", "https://x.test/`id`", "calc.exe"])
def test_the_browser_is_given_no_command(url: str) -> None:
    with pytest.raises(UsageError):
        open_browser(url, {"PATH": "/usr/bin"}, "linux")
