"""A gateway as a process of its own, its servers started without an engine but with `engine=1`.

`gateway_process.py [LIMIT=VALUE…] [profile=NAME] [warm=1] [engine=1] [http=ADDRESS [token=TOKEN]
[http.LIMIT=VALUE…]]`: everything but the launcher of servers that run here is what
`mcptui gateway run` does. Secrets of remote servers come from MCPTUI_TEST_SECRETS, a JSON object.
"""

from __future__ import annotations

import hmac
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent.parent)]

from local import Launcher  # noqa: E402 the path is set above

from mcptui.entry import Kind  # noqa: E402
from mcptui.gateway.credentials import HeaderSecrets  # noqa: E402
from mcptui.gateway.http_limits import HttpLimits  # noqa: E402
from mcptui.gateway.http_run import serve_http  # noqa: E402
from mcptui.gateway.http_server import Address  # noqa: E402
from mcptui.gateway.launcher import ServerLauncher, connect  # noqa: E402
from mcptui.gateway.limits import Limits  # noqa: E402
from mcptui.gateway.serve import Gateway  # noqa: E402
from mcptui.gateway.settings import Settings  # noqa: E402
from mcptui.gateway.stdio_front import guard_stdout  # noqa: E402
from mcptui.gateway.stdio_run import serve  # noqa: E402
from mcptui.home import Home  # noqa: E402
from mcptui.runtime.channel import Listener, Running  # noqa: E402
from mcptui.store.rows import Installed  # noqa: E402


def main() -> int:
    """Serve stdin and stdout, or HTTP where `http=ADDRESS` is given."""
    given = dict(argument.split("=") for argument in sys.argv[1:])
    address, token = given.pop("http", ""), given.pop("token", "")
    bounds = {key[5:]: given.pop(key) for key in list(given) if key.startswith("http.")}
    profile, warm = given.pop("profile", None), bool(given.pop("warm", ""))
    contained = bool(given.pop("engine", ""))
    limits = Limits(**{key: type(getattr(Limits(), key))(value) for key, value in given.items()})
    sink = guard_stdout()
    home = Home.real()
    gateway = Gateway(home, limits, profile=profile, settings=Settings(warm=warm))
    here = Launcher(limits.line)
    secrets = json.loads(os.environ.get("MCPTUI_TEST_SECRETS", "{}"))
    credentials = HeaderSecrets(lambda installed: secrets)

    async def launch(installed: Installed, listener: Listener) -> Running:
        if installed.entry.kind is Kind.REMOTE:
            return await connect(installed, listener, limits.line, credentials)
        return await here(installed, listener)

    gateway.launch_with(ServerLauncher(home, gateway.id, limits.line) if contained else launch)
    gateway.load()
    if address:
        usual = HttpLimits()
        http = replace(usual, **{k: type(getattr(usual, k))(v) for k, v in bounds.items()})

        def matches(given: str) -> bool:
            return hmac.compare_digest(given, token)

        return serve_http(gateway, Address.parse(address), matches if token else None, http, _told)
    return serve(gateway, 0, sink)


def _told(address: Address) -> None:
    sys.stderr.write(f"serving MCP at {address.url()}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
