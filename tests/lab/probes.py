"""The ways out of a container that are tried, row by row of the table in the security notes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lab import (
    API,
    API6,
    BRIDGE,
    BRIDGE6,
    METADATA,
    NEIGHBOUR,
    NEIGHBOUR6,
    RESOLVER,
    UPLINK,
    UPLINK6,
    Lab,
)

Probe = list[Any]
PROBER = Path(__file__).parents[1] / "fixtures" / "prober.py"


def table() -> list[Probe]:
    """Every row that a container with a network wins."""
    return [
        ["host by its bridge", "tcp", BRIDGE, 8001],
        ["host by its uplink", "tcp", UPLINK, 8001],
        ["host by its bridge, IPv6", "tcp", BRIDGE6, 8001],
        ["host by its uplink, IPv6", "tcp", UPLINK6, 8001],
        ["host, UDP", "udp", BRIDGE, 8001],
        ["host, UDP, IPv6", "udp", BRIDGE6, 8001],
        ["names by the engine's resolver", "dns", "127.0.0.11", "evil.example.net"],
        ["names as programs look them up", "name", "evil.example.net"],
        ["names by a resolver outside", "dns", RESOLVER, "evil.example.net"],
        ["Internet", "tcp", API, 443],
        ["Internet, another port", "tcp", API, 5432],
        ["Internet, UDP/443", "udp", API, 443],
        ["Internet, IPv6", "tcp", API6, 443],
        ["Internet, UDP/443, IPv6", "udp", API6, 443],
        ["metadata", "tcp", METADATA, 80],
        ["neighbour", "tcp", NEIGHBOUR, 9000],
        ["neighbour, IPv6", "tcp", NEIGHBOUR6, 9000],
        ["packets of others", "raw", 17, 3, 0x0300],
        ["raw ICMP", "raw", 2, 3, 1],
        ["raw ICMPv6", "raw", 10, 3, 58],
        ["raw IP", "raw", 2, 3, 255],
        ["a datagram to everybody", "multicast", "172.29.255.255", 9001],
        ["a datagram to everybody, IPv6", "multicast", "ff02::1%eth0", 9001],
    ]


def never() -> list[Probe]:
    """Rows that no container wins, with or without a network: the host's own loopback."""
    return [
        ["host's loopback", "tcp", "127.0.0.1", 8002],
        ["host's loopback, UDP", "udp", "127.0.0.1", 8002],
        ["host's loopback, IPv6", "tcp", "::1", 8001],
        ["names by the loopback", "dns", "127.0.0.1", "evil.example.net"],
        ["names by the loopback, TCP", "dns_tcp", "127.0.0.1", "evil.example.net"],
    ]


def disguised() -> list[Probe]:
    """Wishes to the proxy that must all be refused: not on the list, or not what it seems."""
    targets = [
        "evil.example.net:443", "other.example.com:443", "api.example.com:22", "db.example.com:443",
        "plain.example.com:443", "wild.example.com:443", "api.example.com.evil.example.net:443",
        "evilapi.example.com:443", "localhost:8002", "127.0.0.1:8002", "[::1]:8001",
        f"{API}:443", f"{UPLINK}:8001", f"{BRIDGE}:8001", f"{METADATA}:80", f"[{API6}]:443",
        "2130706433:8002", "0x7f000001:8002", "0177.0.0.1:8002", "127.1:8002", "0:8002",
        "[::ffff:127.0.0.1]:8002", f"[::ffff:{METADATA}]:80", "host.docker.internal:8001",
        "api.example.com:443@evil.example.net:443", "api.example.com%00.evil.example.net:443",
        "api.example.com\t:443", "api.example.com:0", "api.example.com:99999", ":443",
        "api.example.com",
        # On the list, yet they lead where no server may go.
        "rebind.example.com:443", "inside.example.com:443", "private.example.com:443",
        "both.example.com:443", "metadata.example.com:443", "nat64.example.com:443",
    ]  # fmt: skip
    probes: list[Probe] = [[f"CONNECT {one!r}", "tunnelled", one, "x.example"] for one in targets]
    urls = [
        "http://evil.example.net/", "http://api.example.com/", f"http://{METADATA}/latest/",
        "http://localhost:8002/", "http://plain.example.com:8080/", "file:///etc/passwd",
        "https://api.example.com/", "http://plain.example.com@evil.example.net/",
    ]  # fmt: skip
    probes += [[f"GET {one}", "absolute", one] for one in urls]
    probes.append(["another Host", "absolute", "http://plain.example.com/", "evil.example.net"])
    return probes


def lies() -> list[Probe]:
    """Tunnels to an allowed host in which something else is said."""
    target = "api.example.com:443"
    return [
        ["another name", "tunnelled", target, "evil.example.net"],
        ["a name below", "tunnelled", target, "x.api.example.com"],
        ["no name", "tunnelled", target, ""],
        ["no TLS", "untold", target],
    ]


def outside(lab: Lab, probes: list[Probe]) -> dict[str, str]:
    """What the same probes win from a container that has a network."""
    words = [sys.executable, str(PROBER), json.dumps(probes)]
    done = lab.guest.do(lambda: subprocess.run(words, capture_output=True, check=True, timeout=60))
    return dict(json.loads(done.stdout))


def won(told: dict[str, str]) -> dict[str, str]:
    """The probes that were not refused."""
    return {name: gain for name, gain in told.items() if gain}
