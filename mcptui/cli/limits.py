"""`mcptui limits`, `folders`, `volumes`, `written`: what a server may take and see, and leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcptui.own_limits import BOUNDS

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.cli.output import Out
    from mcptui.errors import UsageError
    from mcptui.home import Home


def limits(home: Home, given: Namespace, out: Out) -> int:
    """Show a server's limits, or change some."""
    from mcptui.actions.limits import limits_of, set_limits

    changes = changes_of(given)
    done = set_limits(home, given.server, changes) if changes else ""
    if done:
        out.say(done)
    found = limits_of(home, given.server)
    if out.as_json:
        out.data({"done": [done] if done else [], "limits": found})
    elif not done:
        rows = [(one.name, one.text, "yours" if one.own else "its entry's") for one in found]
        out.table(("limit", "value", "said by"), rows)
    return 0


def folders(home: Home, given: Namespace, out: Out) -> int:
    """Show a server's folders with what is covered in them, or change some."""
    from mcptui.actions.folders import folders_of, set_folders, unseen_words
    from mcptui.actions.found import installed
    from mcptui.cli.install import mounts_of

    done = ""
    if given.mount or given.credentials or given.unmask or given.mask:
        done = set_folders(
            home,
            given.server,
            mounts=mounts_of(installed(home, given.server).entry, given.mount),
            credentials=given.credentials,
            unmask=given.unmask,
            mask=given.mask,
        )
        out.say(done)
    found = folders_of(home, given.server)
    if out.as_json:
        out.data({"done": [done] if done else [], "folders": found})
        return 0
    if not found:
        out.say(f"{given.server} has no folders")
    for one in found:
        out.text(f"{one.name}  {one.text}")
        for path in one.covered:
            out.text(f"    covered  {path}")
        for path in one.shown:
            out.text(f"  ▲ shown    {path}")
    for text in unseen_words(found):
        out.say(f"▲ {text}")
    return 0


def volumes(home: Home, given: Namespace, out: Out) -> int:
    """List the data that servers keep in volumes, or forget some of a server that is gone."""
    from mcptui.actions.volumes import forget_volume
    from mcptui.actions.volumes import volumes as kept_in

    done = [forget_volume(home, name) for name in given.remove]
    for text in done:
        out.say(text)
    found = kept_in(home)
    if out.as_json:
        out.data({"done": done, "volumes": found})
    elif found:
        rows = [(one.name, one.server, "yes" if one.installed else "no") for one in found]
        out.table(("volume", "server", "installed"), rows)
    else:
        out.say("no server keeps data in a volume")
    return 0


def written(home: Home, given: Namespace, out: Out) -> int:
    """List what a server wrote in its last runs."""
    from mcptui.actions.written import WHERE, written_of
    from mcptui.cli.output import size
    from mcptui.cli.servers import clock

    found = written_of(home, given.server)
    if out.as_json:
        out.data(found)
    elif not found:
        out.say(f"{given.server} wrote nothing in the runs that have ended")
    for run in found if not out.as_json else ():
        out.text(f"{clock(run.began)} – {clock(run.ended)}")
        for path, count, where in run.files:
            big = "–" if count < 0 else size(count)
            out.text(f"  {big:>8}  {path}  {WHERE.get(where, where)}".rstrip())
        if run.more:
            out.text("            and more")
    return 0


def changes_of(given: Namespace) -> dict[str, Any]:
    """The limits named on a command line; None for one that goes back to the entry's.

    Raises:
        UsageError: a value is no number.
    """
    found: dict[str, Any] = dict.fromkeys([*BOUNDS, "gpu"]) if given.default else {}
    for name in BOUNDS:
        text: str | None = getattr(given, name)
        if text is not None:
            found[name] = None if text == "default" else _number(name, text)
    if given.gpu is not None:
        found["gpu"] = None if given.gpu == "default" else given.gpu == "all"
    return found


def _number(name: str, text: str) -> float:
    try:
        return float(text) if name == "cpus" else int(text)
    except ValueError:
        raise _wrong(name, text) from None


def _wrong(name: str, text: str) -> UsageError:
    from mcptui.errors import UsageError
    from mcptui.visible import visible

    least, most, unit = BOUNDS[name]
    fix = f"A number from {least:g} to {most:g}, in {unit}, or default"
    return UsageError(f"--{name} {visible(text, limit=40)}: not a number", fix=fix)
