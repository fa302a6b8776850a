"""A gateway over HTTP as a process of its own, for programs that can send no token.

`http_gateway.py plain|prefixed`: everything else is what `mcptui gateway run --http` does. Servers
whose command is this Python run here, without an engine; the others run in
their containers.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mcptui.gateway.http_limits import HttpLimits  # noqa: E402 the path is set above
from mcptui.gateway.http_run import serve_http  # noqa: E402
from mcptui.gateway.http_server import Address  # noqa: E402
from mcptui.gateway.limits import Limits  # noqa: E402
from mcptui.gateway.serve import Gateway  # noqa: E402
from mcptui.gateway.settings import Settings  # noqa: E402
from mcptui.gateway.upstream_container import ContainerLauncher  # noqa: E402
from mcptui.home import Home  # noqa: E402
from mcptui.runtime.channel import Listener, Running  # noqa: E402
from mcptui.store.rows import Installed  # noqa: E402
from tests.gateway.local import Launcher  # noqa: E402


def main(names: str) -> int:
    """Serve at a port of the system's choice, and say which on stdout."""
    limits = Limits()
    home = Home.real()
    gateway = Gateway(home, limits, settings=Settings(plain_names=names == "plain"))
    here = Launcher(limits.line)
    contained = ContainerLauncher(home, gateway.id, limits.line)

    async def launch(installed: Installed, listener: Listener) -> Running:
        command = installed.entry.command
        if command and command[0] == sys.executable:
            return await here(installed, listener)
        return await contained(installed, listener)

    gateway.launch_with(launch)
    gateway.load()
    address = Address.parse("127.0.0.1:0")

    def told(listening: Address) -> None:
        sys.stdout.write(f"{listening.url()}\n")
        sys.stdout.flush()

    return serve_http(gateway, address, None, HttpLimits(), told=told)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
