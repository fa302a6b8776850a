"""Which IP addresses belong to the public internet, looked at through every disguise.

On the ground floor because sign-in (which must not be led into the user's network) and the
servers' network (which must not lead there) ask the same question.
"""

from __future__ import annotations

import ipaddress

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")


def public(address: str) -> bool:
    """Whether an IP address is one of the public internet.

    IPv4 inside IPv6 counts as what it is: mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056)
    and Teredo (RFC 4380).
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner:
            return public(str(inner))
        if found in _NAT64_LOCAL or found.is_site_local:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved
