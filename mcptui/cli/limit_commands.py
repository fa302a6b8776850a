"""The sub-commands of what a server may take and may see of the machine."""

from __future__ import annotations

from mcptui.cli.command import Argument, Command, flag, option

_SERVER = Argument(("server",), "an installed server", "installed")

LIMITS: tuple[Command, ...] = (
    Command(
        ("limits",),
        "what a server may take of the machine; with options, change it",
        "limits:limits",
        (
            _SERVER,
            option("--memory", "MiB, swap included; default for its entry's", metavar="MIB"),
            option("--cpus", "cores, as 0.5", metavar="CORES"),
            option("--pids", "processes and threads", metavar="COUNT"),
            option("--shm", "MiB of shared memory", metavar="MIB"),
            option("--gpu", "graphics processors", choices=("all", "none", "default")),
            flag("--default", "all of them as its entry says"),
        ),
    ),
)

PICKS = (
    option(
        "--credentials",
        "a file or folder of --mount with credentials that it may read",
        "file",
        action="append",
        default=[],
        metavar="PATH",
    ),
    option(
        "--unmask",
        "a file with secrets inside a folder of --mount that it may see",
        "file",
        action="append",
        default=[],
        metavar="PATH",
    ),
)
"""For `install`."""
