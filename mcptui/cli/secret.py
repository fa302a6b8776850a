"""`mcptui secret`: values go in by a prompt without echo or by stdin, and never come out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mcptui.cli.ask import agreed, hidden
from mcptui.errors import UsageError
from mcptui.words import ago, plural

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.actions.import_secrets import Candidate
    from mcptui.cli.output import Out
    from mcptui.home import Home


def set_(home: Home, given: Namespace, out: Out) -> int:
    """Store a value, and give it to the servers that are named or plainly meant."""
    from mcptui.actions.put_secret import check_name, put_secret
    from mcptui.actions.secrets import secrets, taker, takers

    name: str = given.name
    check_name(name)
    for server in given.server:
        taker(home, server, name)
    home.vault().open()  # before anybody types a value that could not be kept
    wanting = takers(home, name)
    chosen = tuple(given.server) or (wanting if len(wanting) == 1 else ())
    value = hidden(out, f"Value of {name}")
    having = put_secret(home, name, value, chosen)
    if out.as_json:
        out.data(next(row for row in secrets(home) if row.name == name))
        return 0
    out.say(f"{name} is stored" + (f"; it is given to {', '.join(having)}" if having else ""))
    left = [server for server in wanting if server not in having]
    for server in left:
        out.say(f"{server} declares it too: `mcptui secret grant {name} {server}`")
    if not having and not left:
        out.say("No installed server declares it yet")
    return 0


def ls(home: Home, given: Namespace, out: Out) -> int:
    """List the stored secrets."""
    from mcptui.actions.secrets import secrets, server_secrets

    rows = secrets(home)
    missing = [one for one in server_secrets(home) if one.secret.required and not one.granted]
    if out.as_json:
        out.data(rows)
        return 0
    now = home.clock()
    if rows:
        out.table(
            ("secret", "given to", "stored", "last used"),
            [
                (row.name, ", ".join(row.servers) or "–", ago(now, row.changed), ago(now, row.used))
                for row in rows
            ],
        )
    else:
        out.say("No secrets are stored")
    for one in missing:
        if one.stored:
            fix = f"`mcptui secret grant {one.stored} {one.server}`"
        else:
            fix = f"`mcptui secret set {one.secret.name}`"
        out.say(f"▲ {one.server} needs {one.secret.name} ({one.secret.env}): {fix}")
    return 0


def rm(home: Home, given: Namespace, out: Out) -> int:
    """Forget secrets after asking."""
    from mcptui.actions.put_secret import forget_secret, granted_to

    for name in given.names:
        having = granted_to(home, name)
        users = f" {', '.join(having)} cannot start without it." if having else ""
        if not agreed(out, f"Forget {name}?{users} It cannot be brought back.", given.yes):
            out.say("nothing was changed")
            return 1
        forget_secret(home, name)
        out.say(f"{name} is forgotten")
    if out.as_json:
        out.data({"forgotten": given.names})
    return 0


def grant(home: Home, given: Namespace, out: Out) -> int:
    """Let a server have a stored secret."""
    from mcptui.actions.put_secret import grant_secret

    grant_secret(home, given.name, given.server)
    return _done(out, {"granted": given.name, "server": given.server}, "gets")


def revoke(home: Home, given: Namespace, out: Out) -> int:
    """Take a secret from a server."""
    from mcptui.actions.put_secret import revoke_secret

    revoke_secret(home, given.name, given.server)
    return _done(out, {"revoked": given.name, "server": given.server}, "no longer gets")


def _done(out: Out, told: dict[str, str], verb: str) -> int:
    if out.as_json:
        out.data(told)
    else:
        name = told.get("granted") or told["revoked"]
        out.say(f"{told['server']} {verb} {name}")
    return 0


def import_(home: Home, given: Namespace, out: Out) -> int:
    """Show what lies in a .env file or in clients' configs, ask, and store it."""
    from mcptui.actions.import_secrets import from_clients, from_env_file, import_secret

    if bool(given.file) == given.clients:
        raise UsageError("Name one source", fix="A .env file, or --clients")
    if given.file:
        taken = from_env_file(home, Path(given.file), given.only)
    else:
        taken = from_clients(home, given.only)
    fresh = [one for one in taken if given.replace or not one.stored]
    if not out.as_json:
        _tell(out, taken, replace=given.replace)
    if given.dry_run or not fresh:
        if out.as_json:
            out.data([_data(one, done=False) for one in taken])
        return 0
    names = {one.name for one in fresh}
    if len(names) < len(fresh):
        twice = sorted({one.name for one in fresh if sum(o.name == one.name for o in fresh) > 1})
        raise UsageError(
            f"{', '.join(twice)} has several values there", fix="Store it with `mcptui secret set`"
        )
    if not agreed(out, f"Import {plural(len(fresh), 'secret')}?", given.yes):
        out.say("nothing was changed")
        return 1
    for one in fresh:
        import_secret(home, one)
    if out.as_json:
        out.data([_data(one, done=one in fresh) for one in taken])
    else:
        out.say(f"{plural(len(fresh), 'secret')} stored; the files were left as they are:")
        for source in sorted({one.source for one in fresh}):
            out.say(f"  {source}")
        out.say("  Take the values out of them when everything works without.")
    return 0


def _tell(out: Out, found: list[Candidate], *, replace: bool) -> None:
    if not found:
        out.say("Nothing there looks like a secret")
        return
    rows: list[tuple[str, ...]] = []
    for one in found:
        state = "replaces the stored one" if one.stored else "new"
        if one.stored and not replace:
            state = "stored already, left out (--replace takes it)"
        rows.append((one.name, one.variable, ", ".join(one.servers) or "–", state, one.source))
    out.table(("secret", "variable", "given to", "", "from"), rows)


def _data(one: Candidate, *, done: bool) -> dict[str, object]:
    return {
        "name": one.name,
        "variable": one.variable,
        "servers": one.servers,
        "source": one.source,
        "stored_before": one.stored,
        "imported": done,
    }


def token(home: Home, given: Namespace, out: Out) -> int:
    """How clients present the gateway's token; the token itself only when asked for."""
    from mcptui.actions.gateway_token import token as kept

    value = kept(home, rotate=given.rotate)
    if out.as_json:
        out.data({"rotated": given.rotate, **({"token": value} if given.show else {})})
        return 0
    if given.show:
        if sys.stdout.isatty():
            out.say("Whoever has this token can call every tool you installed:")
        out.text(value)
        return 0
    out.say("The token has changed; clients need the new one" if given.rotate else "There is one")
    out.say("A client of `mcptui gateway run --http` sends it with every request:")
    out.text("Authorization: Bearer ${MCPTUI_TOKEN}")
    out.say("Give the client that variable, never the token in a file:")
    out.text('export MCPTUI_TOKEN="$(mcptui gateway token --show)"')
    return 0
