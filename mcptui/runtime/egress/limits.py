"""What one server may take of us, and what we tell of its connections."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EgressLimits:
    """What one server may take of us.

    Args:
        connections: at once.
        per_minute: new connections and questions for names.
        names: that may have an address of their own.
        greeting: seconds until a connection has said what it wants.
        connect: seconds a host may take to answer.
        idle: seconds without a byte after which a tunnel is closed.
        report: seconds between two words on a tunnel that lives.
    """

    connections: int = 128
    per_minute: int = 1200
    names: int = 128
    greeting: float = 10.0
    connect: float = 15.0
    idle: float = 900.0
    report: float = 5.0


@dataclass(frozen=True, slots=True)
class Contact:
    """What is told of a wish to reach a host.

    Args:
        host, port: as far as it named them; port 0 where only a name was asked for.
        allowed: it went through.
        reason: why it did not, in words.
        how: "proxy", "direct" (to an address we gave for its name) or "name" (a question alone).
        times: 1 for a new wish, 0 for what is added of one that was told before.
        bytes_out, bytes_in: since the last word on it.
    """

    host: str
    port: int
    allowed: bool
    reason: str = ""
    how: str = "proxy"
    times: int = 1
    bytes_out: int = 0
    bytes_in: int = 0
