"""Names to addresses that may be reached: looked up once, judged all, connected to exactly those.

A name whose answers change between the look and the connection (DNS rebinding) gains nothing, and
one bad address among good ones refuses them all.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable

from mcptui.addresses import public
from mcptui.runtime.egress.rules import HERE, Rule, normal_address
from mcptui.visible import visible

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Gives the addresses of a name; raises OSError when it has none."""
_SECONDS = 10.0
_MOST = 3
"""Addresses of one name that are tried."""


class Unreachable(Exception):
    """A host that is allowed and cannot be reached; says why.

    Args:
        why: in words.
        refused: it leads where no server may go, as opposed to trouble on the way.
    """

    def __init__(self, why: str, *, refused: bool) -> None:
        super().__init__(why)
        self.refused = refused


async def system_resolve(host: str, port: int) -> list[str]:
    """The addresses of a name as this machine knows them.

    Raises:
        OSError: it has none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


async def addresses(rule: Rule, host: str, resolve: Resolve) -> list[str]:
    """The addresses to connect to, the best ones first.

    Args:
        rule: allows the host.
        host: normalised.
        resolve: looks names up.

    Raises:
        Unreachable: the name has no address, or one that no server may reach.
    """
    if rule.private and host in HERE:
        return ["127.0.0.1"]
    if rule.private and normal_address(host):
        return [host]
    try:
        async with asyncio.timeout(_SECONDS):
            found = await resolve(host, rule.port)
    except TimeoutError:
        raise Unreachable("its name was not found in time", refused=False) from None
    except OSError as error:
        why = visible(error.strerror or error, limit=100)
        raise Unreachable(f"its name was not found: {why}", refused=False) from error
    bad = [one for one in found if not (_near(one) if rule.private else public(one))]
    if bad:
        kind = "is no machine's" if rule.private else "is not public"
        raise Unreachable(
            f"its name leads to {visible(bad[0], limit=60)}, which {kind}", refused=True
        )
    if not found:
        raise Unreachable("its name has no address", refused=False)
    return found[:_MOST]


def _near(address: str) -> bool:
    """Whether an address may be that of a machine the user meant: never this one by another's
    name, never the metadata service of a cloud."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    bad = (found.is_loopback, found.is_link_local, found.is_multicast, found.is_unspecified)
    return not any(bad) and (not found.is_reserved or public(address))
