"""Installed servers: list, plan, switch, approve, start and stop, logs, problems, undo."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mcptui.cli.ask import agreed
from mcptui.cli.output import Out, size
from mcptui.errors import McptuiError, UsageError
from mcptui.words import plural

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.actions.problems import Problem
    from mcptui.actions.servers import ServerRow, Usage
    from mcptui.home import Home
    from mcptui.store.rows import LogLine


def servers(home: Home, given: Namespace, out: Out) -> int:
    """List installed servers with what they take now."""
    from mcptui.actions.servers import servers as rows_of

    wanted = [word.casefold() for word in given.filter]
    rows = [
        row
        for row in rows_of(home, _usage(home, out))
        if all(word in f"{row.name} {row.title} {row.state}".casefold() for word in wanted)
    ]
    if out.as_json:
        out.data(rows)
    elif not rows:
        out.say("No server matches" if wanted else "No servers yet: `mcptui install NAME`")
    else:
        out.table(
            ("server", "state", "cpu", "memory", "calls", "errors", "tools", "trust"),
            [_cells(row) for row in rows],
        )
        for row in rows:
            if row.reason:
                out.say(f"{row.name}: {row.reason}")
            if row.image_signed:
                out.say(f"{row.name}: its image: {row.image_signed}")
            if row.strain:
                out.say(f"{row.name}: {row.strain}: `mcptui limits {row.name}`")
            if row.waiting:
                out.say(
                    f"{row.name}: look at {plural(row.waiting, 'changed tool')}: `mcptui approve`"
                )
    return 0


def _usage(home: Home, out: Out) -> dict[str, Usage]:
    from mcptui.actions.servers import usage

    try:
        return usage(home)
    except McptuiError as error:
        out.say(f"cpu and memory are not known: {error}")
        return {}


def _cells(row: ServerRow) -> tuple[object, ...]:
    return (
        row.name,
        row.state,
        "–" if row.cpu is None else f"{row.cpu * 100:.0f}%",
        "–" if row.memory is None else size(row.memory),
        row.calls,
        row.errors,
        f"{row.tools_on}/{row.tools_all}",
        row.trust,
    )


def plan(home: Home, given: Namespace, out: Out) -> int:
    """Show the exact container of a server."""
    from mcptui.actions.servers import plan_of

    found = plan_of(home, given.server)
    if out.as_json:
        out.data({"docker": found.docker_arguments(), "create": found.create_body()})
    else:
        import shlex

        out.text(shlex.join(found.docker_arguments()))
    return 0


def switch(home: Home, given: Namespace, out: Out) -> int:
    """Switch a server or some of its tools."""
    from mcptui.actions.switch import switch_server, switch_tool

    on = given.state == "on"
    if given.tools:
        done = [switch_tool(home, given.server, tool, on) for tool in given.tools]
    else:
        done = [switch_server(home, given.server, on)]
    return _told(out, done)


def approve(home: Home, given: Namespace, out: Out) -> int:
    """Show what changed in a tool and take it if the person agrees."""
    from mcptui.actions.approve import approve as take
    from mcptui.actions.approve import change

    found = change(home, given.server, given.tool)
    if not out.as_json:
        out.text(f"{found.server}: {found.tool} differs from what was approved")
        for line in found.lines:
            out.text(f"  {line}")
        if found.approved is None and found.seen is not None:
            out.text(f"  {found.seen.get('description', '')}")
    if not agreed(out, "Take the new text?", given.yes):
        out.say("nothing was changed; calls of it stay refused")
        return 1
    return _told(out, [take(home, given.server, given.tool)], change=found)


def start(home: Home, given: Namespace, out: Out) -> int:
    """Start servers."""
    from mcptui.actions.run_server import start as begin

    return _each(home, given.servers, out, begin)


def stop(home: Home, given: Namespace, out: Out) -> int:
    """Stop servers."""
    from mcptui.actions.run_server import stop as end

    names = [row.name for row in home.store.installs()] if given.all else given.servers
    if not names and not given.all:
        raise UsageError("No server is named", fix="Name some, or give --all")
    return _each(home, names, out, end)


def restart(home: Home, given: Namespace, out: Out) -> int:
    """Restart servers."""
    from mcptui.actions.run_server import restart as again

    return _each(home, given.servers, out, again)


def _each(home: Home, names: list[str], out: Out, act: Callable[[Home, str], str]) -> int:
    return _told(out, [act(home, name) for name in names])


def _told(out: Out, done: list[str], **more: object) -> int:
    if out.as_json:
        out.data({"done": done, **more})
    else:
        for text in done:
            out.say(text)
    return 0


def logs(home: Home, given: Namespace, out: Out) -> int:
    """Print a server's log, and go on with --follow."""
    from mcptui.actions.servers import log_of

    lines = log_of(home, given.server, limit=given.limit or 200)
    if out.as_json and not given.follow:
        out.data(lines)
        return 0
    _lines(out, lines)
    last = lines[-1].id if lines else 0
    while given.follow:
        time.sleep(0.2)
        if home.store.changed():
            lines = log_of(home, given.server, after=last)
            _lines(out, lines)
            last = lines[-1].id if lines else last
    return 0


def _lines(out: Out, lines: list[LogLine]) -> None:
    for line in lines:
        if out.as_json:
            out.line(line)
        else:
            out.text(f"{clock(line.at)}  {line.text}")
    out.stdout.flush()


def clock(at: float) -> str:
    """A time of day, with the date when it was not today."""
    then, now = time.localtime(at), time.localtime()
    today = then[:3] == now[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", then)


def problems(home: Home, given: Namespace, out: Out) -> int:
    """List what needs the person now, the most urgent first; that there is some is no failure."""
    from mcptui.actions.problems import problems as found_in

    found = found_in(home)
    if out.as_json:
        out.data(found)
    elif not found:
        out.say("nothing needs you")
    for problem in found if not out.as_json else ():
        out.text(f"▲ {problem.text}")
        out.text(f"    → {_mend(problem)}")
    return 0


def _mend(problem: Problem) -> str:
    """The command that begins to solve a problem."""
    if problem.tool:
        return f"`mcptui approve {problem.name} {problem.tool}`"
    if problem.room == "servers":
        return f"`mcptui logs {problem.name}`"
    return "`mcptui doctor`"


def undo(home: Home, given: Namespace, out: Out) -> int:
    """Take the last change back."""
    from mcptui.actions.undo import undo as take_back

    last = home.store.last_undo()
    if last is not None:
        out.say(f"taking back: {last.label}")
    done = take_back(home)
    if done is None:
        if out.as_json:
            out.data({"done": []})
        else:
            out.say("nothing to take back")
        return 0
    return _told(out, [done])
