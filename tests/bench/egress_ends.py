"""`python -m tests.bench.egress_ends host PORT` and `… proxy PORT HOST_PORT`: the two far ends.

The host sends as many bytes as a line asks for; the proxy is ours, as it stands behind a server.
"""

from __future__ import annotations

import asyncio
import socket
import sys

from mcptui.runtime.egress.limits import EgressLimits
from mcptui.runtime.egress.proxy import Egress
from mcptui.runtime.egress.rules import Policy, Rule

PIECE = b"x" * (256 << 10)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            left = int(line)
            while left > 0:
                writer.write(PIECE[:left])
                left -= len(PIECE)
                await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def _host(port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port, limit=1 << 20, backlog=512)
    await server.serve_forever()


def _bound(kind: socket.SocketKind, port: int = 0) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    if kind == socket.SOCK_STREAM:
        made.listen(512)
    return made


async def _proxy(port: int, host_port: int) -> None:
    async def none(address: str, at: int) -> socket.socket:
        raise OSError(f"{address}:{at}")

    limits = EgressLimits(connections=1000, per_minute=10**9)
    rules = Policy((Rule("host.docker.internal", host_port, "tcp", private=True),))
    egress = Egress(rules, lambda contact: None, none, limits=limits)
    egress.start(
        _bound(socket.SOCK_STREAM, port), _bound(socket.SOCK_DGRAM), _bound(socket.SOCK_STREAM)
    )
    await asyncio.get_running_loop().create_future()


def main() -> None:
    """Be one of them until killed."""
    import uvloop

    what, *ports = sys.argv[1:]
    numbers = [int(one) for one in ports]
    uvloop.run(_host(*numbers) if what == "host" else _proxy(*numbers))


if __name__ == "__main__":
    main()
