"""`mcptui oauth`: who is signed in where, signing in and out."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from mcptui.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.actions.sign_in import Client, DevicePrompt, Prompt, SignInRow
    from mcptui.cli.output import Out
    from mcptui.home import Home


def ls(home: Home, given: Namespace, out: Out) -> int:
    """List the sign-ins of installed servers."""
    from mcptui.actions.sign_in import sign_ins

    rows = sign_ins(home)
    if out.as_json:
        out.data(rows)
    elif not rows:
        out.say("No installed server wants a sign-in")
    else:
        out.table(("server", "state", "with", "expires", "scopes"), [_cells(home, r) for r in rows])
        for row in rows:
            if row.reason:
                out.say(f"{row.server}: {row.reason}; `mcptui oauth authorize {row.server}`")
    return 0


def _cells(home: Home, row: SignInRow) -> tuple[object, ...]:
    return (
        row.server,
        row.state,
        row.issuer or row.provider,
        expiry(row, home.clock()),
        row.scopes,
    )


def expiry(row: SignInRow, now: float) -> str:
    """When a token ends, in words: "in 40 min, renews itself"."""
    if not row.issuer:
        return "–"
    if not row.expires_at:
        return "never said"
    left = (row.expires_at - now) / 60
    if left < 0:
        return "over, renews itself" if row.renews else "over"
    shown = f"{left:.0f} min" if left < 120 else f"{left / 60:.0f} h"
    return f"in {shown}{', renews itself' if row.renews else ''}"


def authorize(home: Home, given: Namespace, out: Out) -> int:
    """Sign in to a server."""
    from mcptui.actions.sign_in import authorize as through_browser
    from mcptui.actions.sign_in import authorize_elsewhere

    client = _client(home, given, out)
    if given.device:

        def show_code(prompt: DevicePrompt) -> None:
            out.say(f"{prompt.server} asks for the scopes: {prompt.scopes or 'its usual ones'}")
            out.say(f"On any device open {prompt.url} and type the code {prompt.code}")

        row = asyncio.run(
            authorize_elsewhere(home, given.server, show_code, client=client, scopes=given.scopes)
        )
    else:
        way = _Way(home, out, given.no_browser)
        row = asyncio.run(
            through_browser(home, given.server, way.show, client=client, scopes=given.scopes)
        )
    if out.as_json:
        out.data(row)
    else:
        out.say(f"Signed in to {row.server} with {row.issuer}, {expiry(row, time.time())}")
    return 0


def _client(home: Home, given: Namespace, out: Out) -> Client | None:
    from mcptui.actions.sign_in import Client

    if not given.client_id:
        return None
    secret = ""
    if given.client_secret:
        if sys.stdin.isatty() and home.ask_secret is not None:
            secret = home.ask_secret("Client secret")
        else:
            secret = sys.stdin.readline().strip()
        if not secret:
            raise UsageError("The client secret is empty", fix="Give it on stdin")
    return Client(given.client_id, secret)


class _Way:
    """How the person gets to the sign-in page, and the answer back.

    Args:
        home: opens the browser.
        out: says what to do.
        by_hand: open none; the address is shown and the answer may be pasted.
    """

    def __init__(self, home: Home, out: Out, by_hand: bool) -> None:
        self._home = home
        self._out = out
        self._by_hand = by_hand

    def show(self, prompt: Prompt) -> None:
        """Show who asks for what, and open the page."""
        from mcptui.actions.sign_in import open_page

        out = self._out
        out.say(f"{prompt.server} is signed in to at {prompt.host}")
        out.say(f"It asks for the scopes: {prompt.scopes or 'its usual ones'}")
        opened = False
        if not self._by_hand:
            why = open_page(self._home, prompt)
            opened = not why
            if why:
                out.say(f"No browser was opened: {why}")
        out.say("If no page opened, go to:" if opened else "Open this page in a browser:")
        out.say(prompt.url)
        if not opened and sys.stdin.isatty():
            out.say("A browser on another machine ends at an address that does not load: paste it")
            loop = asyncio.get_running_loop()
            loop.add_reader(0, self._pasted, prompt)

    def _pasted(self, prompt: Prompt) -> None:
        from mcptui.errors import McptuiError

        line = sys.stdin.readline()
        if not line:
            asyncio.get_running_loop().remove_reader(0)
            return
        try:
            prompt.callback.paste(line)
        except McptuiError as error:
            self._out.say(str(error))


def revoke(home: Home, given: Namespace, out: Out) -> int:
    """Sign out of a server."""
    from mcptui.actions.sign_in import revoke as sign_out

    done = asyncio.run(sign_out(home, given.server))
    if out.as_json:
        out.data({"server": given.server, "done": done})
    else:
        out.say(done)
    return 0
