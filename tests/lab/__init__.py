"""A machine and an Internet for tests of isolation, in network namespaces that end with the test.

    internet   25.25.25.0/24 and 2a77:7777::/64, which look public, a resolver, a metadata service
       │       169.254.169.254
    host       192.168.77.2: where gateways and proxies run; services on 0.0.0.0 and 127.0.0.1, a
       │       resolver on 127.0.0.1 that logs every query, /etc/resolv.conf names it
    bridge     172.29.0.1, fd29::1: what containers with a network usually hang on
       ├─ guest       172.29.0.5: such a container, the proof that a probe can succeed
       └─ neighbour   172.29.0.9: another one

No packet leaves the namespaces: none of them has a cable to this machine.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.namespaces import Namespace
from tests.lab.services import Names, Service, Services, certificates

API, OTHER, EVIL, RESOLVER = "25.25.25.10", "25.25.25.11", "25.25.25.66", "25.25.25.53"
API6 = "2a77:7777::10"
ANY = "0.0.0.0"  # noqa: S104  inside a namespace of the lab
METADATA = "169.254.169.254"
UPLINK, UPLINK6 = "192.168.77.2", "fd77::2"
BRIDGE, BRIDGE6 = "172.29.0.1", "fd29::1"
NEIGHBOUR, NEIGHBOUR6 = "172.29.0.9", "fd29::9"
TABLE = {
    "api.example.com": [[API]],
    "other.example.com": [[OTHER]],
    "deep.wild.example.com": [[OTHER]],
    "plain.example.com": [[API]],
    "db.example.com": [[API]],
    "evil.example.net": [[EVIL]],
    # The first look is fine, the second leads home.
    "rebind.example.com": [[API], ["127.0.0.1"]],
    "inside.example.com": [["127.0.0.1"]],
    "private.example.com": [[UPLINK]],
    "both.example.com": [[API, METADATA]],
    "metadata.example.com": [[METADATA]],
    "db.corp.example": [[UPLINK]],
}


@dataclass(slots=True)
class Lab:
    """The lab while it stands.

    Args:
        host: the network of the machine.
        guest: a container with a network.
        internet: everything else.
        names: the host's resolver.
        outside: the Internet's resolver, which nobody of ours asks.
        trusted: the file of the authority whose certificates the Internet has.
        heard: by name, every service.
    """

    host: Namespace
    guest: Namespace
    internet: Namespace
    names: Names
    outside: Names
    trusted: Path
    heard: dict[str, Service] = field(default_factory=dict[str, Service])

    def forget(self) -> None:
        """Count and log from nothing again."""
        for service in self.heard.values():
            service.forget()
        self.names.log.clear()
        self.outside.log.clear()

    def reached(self) -> dict[str, int]:
        """The services that heard of anybody, and how often."""
        return {name: one.connections for name, one in self.heard.items() if one.connections}


@contextlib.contextmanager
def lab(folder: Path) -> Generator[Lab]:
    """Build the lab; takes about a fifth of a second.

    Args:
        folder: a scratch folder for its files.
    """
    with contextlib.ExitStack() as stack:

        def network(name: str, resolver: str = "") -> Namespace:
            conf = None
            if resolver:
                conf = folder / f"{name}.resolv.conf"
                conf.write_text(f"nameserver {resolver}\noptions timeout:1 attempts:1\n")
            made = Namespace(name, conf)
            stack.callback(made.close)
            return made

        host = network("host", "127.0.0.1")
        internet, neighbour = network("internet"), network("neighbour")
        guest = network("guest", "127.0.0.11")
        _lay(host, internet, {guest: ("172.29.0.5", "fd29::5"), neighbour: (NEIGHBOUR, NEIGHBOUR6)})
        services = Services()
        stack.callback(services.close)
        context, trusted = certificates(folder, [*TABLE, "*.wild.example.com"])
        made = Lab(host, guest, internet, Names(TABLE), Names(TABLE), trusted)
        heard = made.heard
        for name, address in (("api", API), ("other", OTHER), ("evil", EVIL), ("api6", API6)):
            heard[f"tls {name}"] = services.tls(internet.listen(address, 443), name, context)
            heard[f"quic {name}"] = services.udp(internet.datagrams(address, 443), name)
            heard[f"http {name}"] = services.http(internet.listen(address, 80), name)
            heard[f"tcp {name}"] = services.tcp(internet.listen(address, 5432), name)
        heard["metadata"] = services.http(internet.listen(METADATA, 80), "metadata")
        heard["resolver outside"] = services.names(internet.datagrams(RESOLVER, 53), made.outside)
        for name, address in (("all", ANY), ("loopback", "127.0.0.1"), ("all6", "::")):
            port = 8002 if name == "loopback" else 8001
            heard[f"host {name}"] = services.tcp(_only(host, address, port), name)
            heard[f"host udp {name}"] = services.udp(_only_udp(host, address, port), name)
        heard["neighbour"] = services.tcp(neighbour.listen(ANY, 9000), "neighbour")
        heard["neighbour6"] = services.tcp(neighbour.listen(NEIGHBOUR6, 9000), "neighbour6")
        everybody = neighbour.datagrams(ANY, 9001), _only_udp(neighbour, "::", 9001)
        for name, bound in zip(("everybody", "everybody6"), everybody, strict=True):
            heard[name] = services.udp(bound, name)
        heard["resolver"] = services.names(host.datagrams("127.0.0.1", 53), made.names)
        # What an engine's own resolver is: it listens in the container and asks the host's.
        heard["resolver of guests"] = services.names(guest.datagrams("127.0.0.11", 53), made.names)
        yield made


def _only(place: Namespace, address: str, port: int) -> socket.socket:
    if address != "::":
        return place.listen(address, port)

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET6)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        made.listen()
        return made

    return place.do(make)


def _only_udp(place: Namespace, address: str, port: int) -> socket.socket:
    if address != "::":
        return place.datagrams(address, port)

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        return made

    return place.do(make)


def _lay(host: Namespace, internet: Namespace, guests: dict[Namespace, tuple[str, str]]) -> None:
    """Cables, addresses and routes."""
    host.cable("uplink", internet, "cable")
    _address(host, "uplink", f"{UPLINK}/24", f"{UPLINK6}/64")
    _address(internet, "cable", "192.168.77.1/24", "fd77::1/64")
    for address in (API, OTHER, EVIL, RESOLVER, METADATA):
        internet.ip("addr", "add", f"{address}/32", "dev", "lo")
    internet.ip("addr", "add", f"{API6}/128", "dev", "lo", "nodad")
    internet.ip("route", "add", "172.29.0.0/16", "via", UPLINK)
    internet.ip("route", "add", "fd29::/64", "via", UPLINK6)
    host.ip("route", "add", "default", "via", "192.168.77.1")
    host.ip("route", "add", "default", "via", "fd77::1")
    host.ip("link", "add", "bridge0", "type", "bridge")
    host.ip("link", "set", "bridge0", "up")
    _address(host, "bridge0", f"{BRIDGE}/16", f"{BRIDGE6}/64")
    for number, (guest, (address, address6)) in enumerate(guests.items()):
        host.cable(f"guest{number}", guest, "eth0")
        host.ip("link", "set", f"guest{number}", "master", "bridge0")
        _address(guest, "eth0", f"{address}/16", f"{address6}/64")
        guest.ip("route", "add", "default", "via", BRIDGE)
        guest.ip("route", "add", "default", "via", BRIDGE6)
    host.setting("ipv4/ip_forward", "1")
    host.setting("ipv6/conf/all/forwarding", "1")


def _address(place: Namespace, device: str, *addresses: str) -> None:
    for address in addresses:
        words = ("nodad",) if ":" in address else ()
        place.ip("addr", "add", address, "dev", device, *words)
