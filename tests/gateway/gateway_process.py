"""A gateway as a process of its own, its servers started without an engine.

`gateway_process.py [LIMIT=VALUE…]`: everything but the launcher is what `mcptui gateway run` does.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent.parent)]

from local import Launcher  # noqa: E402 the path is set above

from mcptui.gateway.limits import Limits  # noqa: E402
from mcptui.gateway.serve import Gateway, serve  # noqa: E402
from mcptui.gateway.stdio_front import guard_stdout  # noqa: E402
from mcptui.home import Home  # noqa: E402


def main() -> int:
    """Serve stdin and stdout."""
    given = dict(argument.split("=") for argument in sys.argv[1:])
    limits = Limits(**{key: type(getattr(Limits(), key))(value) for key, value in given.items()})
    sink = guard_stdout()
    gateway = Gateway(Home.real(), limits)
    gateway.launch_with(Launcher(limits.line))
    gateway.load()
    return serve(gateway, 0, sink)


if __name__ == "__main__":
    sys.exit(main())
