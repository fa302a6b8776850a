"""What the shim is told before it starts a server; shim/shim.c has the other half."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping, Sequence

from mcptui.errors import UsageError
from mcptui.visible import visible

FRAME_LIMIT = 1 << 20
_VERSION = 1


def frame(
    environment: Mapping[str, str],
    files: Mapping[str, str] | None = None,
    mounted: Iterable[tuple[str, str]] = (),
    sockets: Sequence[tuple[str, str, int]] = (),
    told: Iterable[tuple[str, str]] = (),
) -> tuple[bytes, bytes]:
    """Write the environment, and secrets that are read from files, down for the shim.

    Args:
        environment: variables.
        files: absolute path in the container → text.
        mounted: what must be mounted: device and inode, and the absolute path in the container.
        sockets: "tcp" or "udp", IPv4 address and port, each to listen on the container's loopback
            and be handed out.
        told: a word and a place each: what was written there is told at the end.

    Returns:
        The head, with which descriptors may travel, and the records.

    Raises:
        UsageError: a variable cannot be one, or together they are larger than 1 MiB.
    """
    records = [
        f"L{kind[0]}{socket.inet_aton(address).hex()}{port:04x}".encode() + b"\0"
        for kind, address, port in sockets
    ]
    named = [("E", name, value) for name, value in environment.items()]
    named += [("M", ident, path) for ident, path in mounted]
    named += [("W", word, place) for word, place in told]
    named += [("S", path, value) for path, value in (files or {}).items()]
    for kind, name, value in named:
        record = f"{kind}{name}={value}".encode("utf-8", "surrogateescape")
        if not name or "=" in name or b"\0" in record:
            raise UsageError(
                f"The variable {visible(name, limit=80)!r} cannot be given to the server",
                "names hold no =, and neither names nor values hold a zero byte",
            )
        records.append(record + b"\0")
    body = b"".join(records)
    if len(body) > FRAME_LIMIT or len(records) > 2048:
        raise UsageError("The server's variables are larger than 1 MiB")
    return b"MCPS" + struct.pack("<BxxxI", _VERSION, len(body)), body
