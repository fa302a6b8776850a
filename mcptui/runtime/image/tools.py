"""Run the host's package tools (apt, pip, npm) by argument lists and tell their failures apart.

A child runs in a session of its own, so that ending it ends what it started, and it is gone
before the caller goes on, cancelled or not. What the tools print is read for the few causes a
person can act on: no network, a full disk, a wrong hash.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from mcptui.errors import McptuiError, NotTrusted, TryAgain
from mcptui.visible import visible

_MOST_OUTPUT = 8 << 20
_FULL = re.compile(r"no space left on device|enospc|errno 28|disk quota exceeded", re.I)
_OFFLINE = re.compile(
    r"could not resolve|temporary failure|name resolution|failed to establish a new connection"
    r"|newconnectionerror|connecttimeout|readtimeout|read timed out"
    r"|connection (?:refused|reset|aborted|broken)|network is unreachable"
    r"|could not connect|unable to connect|cannot connect to proxy|proxyerror"
    r"|enotfound|eai_again|econnrefused|econnreset|etimedout|enetunreach|err_socket_timeout",
    re.I,
)
_WRONG_HASH = re.compile(
    r"do not match the hashes|hash sum mismatch|hashes are required|eintegrity|NO_PUBKEY|BADSIG"
    r"|following signatures (?:couldn't be verified|were invalid)|cannot be authenticated",
    re.I,
)


class ToolError(McptuiError):
    """A package tool failed for a reason that is none of the well-known ones.

    Args:
        output: what it printed last.
    """

    def __init__(self, what: str, output: str, fix: str = "") -> None:
        super().__init__(what, last_lines(output), fix)
        self.output = output


def last_lines(text: str, count: int = 3) -> str:
    """Return the last lines of a tool's output that say something, safe to show."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if re.match(r"(?i)e:|error|npm err", line)]
    return visible("; ".join((told or lines)[-count:]))[:600]


def disk_full(place: str) -> McptuiError:
    """The error for a disk without room.

    Args:
        place: which disk, for a person.
    """
    return McptuiError(
        f"The disk is full: {place}",
        "an image was being built and nothing of it was kept",
        "free some space and try again",
    )


def explain(what: str, output: str, place: Path) -> McptuiError:
    """Turn a failed tool's output into the error a person can act on.

    Args:
        what: what was being done, as the start of a sentence ("Downloading mcp-server-time").
        output: what the tool printed.
        place: the folder it wrote to.
    """
    if _FULL.search(output):
        return disk_full(str(place))
    if _WRONG_HASH.search(output):
        return NotTrusted(
            f"{what} was refused: what came is not what the catalog pinned",
            last_lines(output, 6),
            "nothing was installed; report this to the catalog if it stays so",
        )
    if _OFFLINE.search(output):
        return TryAgain(
            f"{what} failed: the network or the registry does not answer",
            last_lines(output, 1),
            "check the connection (and proxy) and try again",
        )
    return ToolError(f"{what} failed", output)


def failed_write(error: OSError, place: Path) -> McptuiError:
    """Turn a failed write into the error a person can act on."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(str(place))
    return McptuiError(f"Cannot write below {place}", str(error))


def package_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for pip and npm: the user's, without what changes how they install.

    Addresses, certificates and proxies are kept, since companies have mirrors.
    """
    kept = ("INDEX", "FIND_LINKS", "CERT", "PROXY", "TRUSTED_HOST", "TIMEOUT", "CONFIG_FILE")
    made = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("PIP_", "PYTHON", "NODE_OPTIONS"))
        or (name.startswith("PIP_") and any(word in name for word in kept))
    }
    return {**made, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "NO_COLOR": "1"}


async def run(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    folder: Path,
    on_line: Callable[[str], None] | None = None,
) -> tuple[int, str]:
    """Run a tool to its end.

    Args:
        command: argument list.
        environ: its whole environment.
        folder: its working directory.
        on_line: told every line it prints while it runs.

    Returns:
        Exit code and what it printed, standard output and error mixed, at most 8 MiB.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environ),
        cwd=folder,
        start_new_session=True,
        limit=1 << 20,
    )
    try:
        output = await _read(process, on_line)
        return await process.wait(), output
    finally:
        await _end(process)


async def _read(process: asyncio.subprocess.Process, on_line: Callable[[str], None] | None) -> str:
    kept: list[str] = []
    size = 0
    assert process.stdout is not None  # noqa: S101 - asked for above
    while True:
        try:
            raw = await process.stdout.readline()
        except ValueError:  # one line over the limit: its start was dropped by the reader
            continue
        if not raw:
            return "".join(kept)
        line = raw.decode("utf-8", "replace")
        size += len(line)
        if size < _MOST_OUTPUT:
            kept.append(line)
        if on_line is not None:
            on_line(line.rstrip())


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the whole session of a child that still runs, and wait for it whatever happens."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await finish(process.wait())


async def finish(work: Awaitable[object]) -> None:
    """Wait for `work` even when this task is cancelled meanwhile, again and again."""
    waiting = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not waiting.done():
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: S110 - told below
            pass
    if cancelled is not None:
        raise cancelled
    waiting.result()
