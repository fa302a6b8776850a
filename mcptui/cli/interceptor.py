"""`interceptor`: programs and addresses that look at calls; `mcptui interceptor test` tries one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from mcptui.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.cli.output import Out
    from mcptui.guard.interceptors import Interceptor
    from mcptui.home import Home


def ls(home: Home, given: Namespace, out: Out) -> int:
    """List interceptors in the order in which they run."""
    from mcptui.actions.interceptors import list_hooks

    hooks = list_hooks(home)
    if out.as_json:
        out.data([_row(hook) for hook in hooks])
    elif hooks:
        out.table(
            ("name", "when", "servers", "tools", "if it fails", "seconds", "target"),
            [
                (
                    hook.name, hook.when, " ".join(hook.servers), " ".join(hook.tools),
                    hook.on_failure, f"{hook.timeout:g}", _target(hook),
                )
                for hook in hooks
            ],
        )  # fmt: skip
    else:
        out.say("No interceptors: `mcptui interceptor add NAME before:exec:/path` sets one up")
    return 0


def _target(hook: Interceptor) -> str:
    import shlex

    return f"{hook.kind}:{shlex.join(hook.command) if hook.command else hook.url}"


def _row(hook: Interceptor) -> dict[str, Any]:
    from mcptui.cli.output import plain

    return {**plain(hook), "kind": hook.kind}


def add(home: Home, given: Namespace, out: Out) -> int:
    """Set an interceptor up."""
    from mcptui.actions.interceptors import add_hook

    settings: dict[str, Any] = {
        key: tuple(getattr(given, key)) for key in ("servers", "tools") if getattr(given, key)
    }
    settings |= {
        key: getattr(given, key) for key in ("timeout", "on_failure") if getattr(given, key)
    }
    hook = add_hook(home, given.name, given.spec, settings)
    if out.as_json:
        out.data(_row(hook))
    which = "before they are made" if hook.when == "before" else "after they were answered"
    out.say(f"{hook.name} looks at calls {which}; running gateways follow at once")
    out.say(f"try it: `mcptui interceptor test {hook.name}`")
    return 0


def rm(home: Home, given: Namespace, out: Out) -> int:
    """Take interceptors away."""
    from mcptui.actions.interceptors import remove_hook

    removed = [remove_hook(home, name).name for name in dict.fromkeys(given.names)]
    if out.as_json:
        out.data({"removed": removed})
    out.say(f"{', '.join(removed)} removed; running gateways follow")
    return 0


def test(home: Home, given: Namespace, out: Out) -> int:
    """Show an interceptor a call that is not made; gives 1 when it fails."""
    from mcptui.actions.interceptors import find_hook, sample, try_hook

    hook = find_hook(home, given.name)
    result = None if given.result is None else _json("--result", given.result)
    arguments = _json("--arguments", given.arguments)
    tried = asyncio.run(try_hook(hook, sample(hook, given.server, given.tool, arguments, result)))
    if out.as_json:
        out.data(tried)
    else:
        out.text(f"{tried.name}: {tried.outcome} in {tried.ms:g} ms")
        if tried.words:
            out.text(f"  {tried.words}")
        if tried.answer:
            out.text(json.dumps(tried.answer, indent=2))
        for line in tried.log:
            out.say(f"  stderr: {line}")
    return 1 if tried.outcome == "failed" else 0


def _json(option: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{option} is not JSON", str(error)) from error
