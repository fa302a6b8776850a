"""The sub-commands of what a server may take and may see of the machine."""

from __future__ import annotations

from typing import Any

from mcptui.cli.command import Argument, Command, flag, option

_SERVER = Argument(("server",), "an installed server", "installed")

_PATHS: dict[str, Any] = {"action": "append", "default": [], "metavar": "PATH"}
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
    Command(
        ("folders",),
        "folders of a server and what is covered in them; with options, change them",
        "limits:folders",
        (
            _SERVER,
            option(
                "--mount", "a folder in place of those it has, with :rw also to write",
                action="append", default=[], metavar="NAME=PATH[:rw]",
            ),
            option("--credentials", "credentials among them that it may read", "file", **_PATHS),
            option("--unmask", "a file with secrets in them that it may see", "file", **_PATHS),
            option("--mask", "a file that is covered again", "file", **_PATHS),
        ),
    ),
    Command(
        ("written",), "what a server wrote in its last runs", "limits:written", (_SERVER,)
    ),
    Command(
        ("volumes",),
        "data that servers keep in volumes, also what was left of removed ones",
        "limits:volumes",
        (
            option(
                "--remove", "forget a volume of a server that is not installed any more",
                action="append", default=[], metavar="VOLUME",
            ),
        ),
    ),
)  # fmt: skip

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
