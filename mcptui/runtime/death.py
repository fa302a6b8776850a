"""Why a server ended, in words."""

from __future__ import annotations

import signal

from mcptui.visible import visible

_SHIM = "mcptui-shim: "
MIB = 1 << 20


def words(
    code: int | None, *, oom: bool, stopped: bool, memory: int, last_log: str, error: str = ""
) -> str:
    """Say why a server ended.

    Args:
        code: its exit code, 128 + n for signal n; None when nobody could tell.
        oom: the kernel ended it for want of memory.
        stopped: we had asked it to end.
        memory: bytes it was allowed.
        last_log: the last line it wrote to stderr, raw.
        error: what the engine says went wrong, "" for nothing.

    Returns:
        A reason without a trailing dot, safe to show.
    """
    if oom:
        return f"out of memory: it wanted more than {memory // MIB} MiB"
    if stopped:
        return "stopped"
    if error:
        return f"the engine could not run it: {visible(error, limit=300)}"
    if code is None:
        return "the container engine went away, or its container was removed"
    if code in (125, 126, 127) and last_log.startswith(_SHIM):
        kind = {125: "it could not be set up", 126: "its command cannot be run"}
        told = kind.get(code, "its command is missing")
        return f"{told}: {visible(last_log.removeprefix(_SHIM), limit=300)}"
    if code == 0:
        return "it ended by itself, without an error"
    log = f"; its last words: {visible(last_log.strip(), limit=200)}" if last_log.strip() else ""
    if code > 128 and (name := _signal(code - 128)):
        how = (
            "crashed" if name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE") else "killed"
        )
        return f"it was {how} ({name})".replace("was crashed", "crashed") + log
    return f"it ended with exit code {code}{log}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""
