"""What the Access room lists: folders, networks, secrets and sign-ins of the installed servers.

A value is never among it: nothing here ever had one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import localtime, strftime
from typing import TYPE_CHECKING

from mcptui.entry import VOLUME
from mcptui.tui.widgets.draw import Span
from mcptui.words import ago

if TYPE_CHECKING:
    from mcptui.actions.secrets import ServerSecret, StoredSecret
    from mcptui.actions.sign_in import SignInRow
    from mcptui.store.rows import Installed

IDLE = 30 * 86_400
"""Seconds after which a secret that nothing used is told as that."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing a server has or wants.

    Args:
        kind: "folder", "network", "secret" or "sign-in".
        name: path, host, or the secret's name.
        server: whose it is; of a stored secret all that get it.
        state: sign and word, with its style.
        more: label, text and style for the page.
        page: where a person gets one, an https address or "".
        stored: of a secret: under which name it is kept, "" when it is not.
        granted: of a secret: somebody gets it; of a sign-in: somebody is signed in.
        takers: of a secret: installed servers that a new value is for.
    """

    kind: str
    name: str
    server: str
    state: Span
    more: tuple[tuple[str, str, str], ...]
    page: str = ""
    stored: str = ""
    granted: bool = False
    takers: tuple[str, ...] = ()


def grants(installed: dict[str, Installed]) -> list[Grant]:
    """What the installed servers may touch."""
    found: list[Grant] = []
    for name, row in installed.items():
        for mount, picked in row.choices.mounts.items():
            for path, writable in picked:
                state = ("▲ read, write", "warn") if writable else ("● read only", "good")
                why = next((one.description for one in row.entry.mounts if one.name == mount), "")
                shown = path
                if path == VOLUME:
                    shown, state = "a volume of its own", ("● kept", "good")
                more = (("path", shown, ""), ("for", why or mount, ""))
                found.append(Grant("folder", shown, name, state, more))
        if row.choices.network != "listed":
            learns = row.choices.network == "learn"
            words = "every public host, by TLS; each one is noted"
            more = (("reaches", words, "warn"),)
            state = ("▲ learning" if learns else "▲ open", "warn")
            found.append(Grant("network", "any public host", name, state, more))
        for host in row.choices.hosts:
            more = (("allowed", "by you, beside what its entry names", ""),)
            found.append(Grant("network", host, name, ("● allowed", "good"), more))
    return found


def sign_in_grants(rows: Iterable[SignInRow], now: float) -> list[Grant]:
    """The sign-ins of remote servers, and those that want one."""
    return [_sign_in(row, now) for row in rows]


def _sign_in(row: SignInRow, now: float) -> Grant:
    left = row.expires_at - now
    if row.state == "signed in":
        state: Span = ("● signed in", "good")
        if row.expires_at and not row.renews:
            state = (f"● {_minutes(left)} left", "good") if left > 0 else ("▲ over", "warn")
    else:
        state = ("▲ wants more" if "more" in row.state else "▲ sign in", "warn")
    ends = "–"
    if row.issuer and row.expires_at:
        ends = f"ends in {_minutes(left)}" if left > 0 else "is over"
        ends += ", renews itself" if row.renews else ""
    more = (
        *((("because", row.reason, "warn"),) if row.reason else ()),
        ("issuer", row.issuer or row.provider or "–", ""),
        ("token for", row.url, ""),
        ("token", ends, ""),
        ("may", row.scopes or "–", ""),
        ("since", f"{_day(row.since, now)}, {ago(now, row.since)}" if row.since else "–", ""),
    )
    name = row.provider or row.issuer.partition("//")[2] or row.server
    return Grant("sign-in", name, row.server, state, more, granted=bool(row.issuer))


def _minutes(seconds: float) -> str:
    minutes = max(0, int(seconds // 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def secret_grants(
    stored: Iterable[StoredSecret], declared: Iterable[ServerSecret], now: float
) -> list[Grant]:
    """The stored secrets, and those that installed servers still want."""
    declared = list(declared)
    found = [_stored(one, declared, now) for one in stored]
    for one in declared:
        if one.granted:
            continue
        state = ("○ optional", "dim")
        if one.stored:
            state = ("▲ not given", "warn") if one.secret.required else ("○ not given", "dim")
        elif one.secret.required:
            state = ("▲ missing", "warn")
        more = (
            ("variable", one.secret.env, ""),
            ("stored as", one.stored or "–", ""),
            ("get one", one.secret.where or "–", ""),
        )
        found.append(
            Grant(
                "secret", one.secret.name, one.server, state, more,
                _https(one.secret.where), one.stored, takers=(one.server,),
            )
        )  # fmt: skip
    return found


def _stored(one: StoredSecret, declared: list[ServerSecret], now: float) -> Grant:
    mine = [row for row in declared if row.server in one.servers and row.stored == one.name]
    goes = ", ".join(f"{row.server} as {row.secret.env}" for row in mine)
    where = next((row.secret.where for row in mine if row.secret.where), "")
    state = (f"● stored {_day(one.changed, now)}", "good")
    if max(one.used, one.changed) < now - IDLE:
        last = max(one.used, one.changed)
        state = (f"○ unused {ago(now, last).removesuffix(' ago')}", "dim")
    more = (
        ("goes to", goes or "no server", ""),
        *((("wanted by", ", ".join(one.wanted_by), "warn"),) if one.wanted_by else ()),
        ("stored", f"{_day(one.changed, now)}, {ago(now, one.changed)}", ""),
        ("last used", ago(now, one.used), ""),
        ("never shown", "the value stays encrypted, its key in the keyring", "dim"),
    )
    return Grant(
        "secret", one.name, ", ".join(one.servers) or "–", state, more,
        _https(where), one.name, granted=bool(one.servers),
    )  # fmt: skip


def _day(at: float, now: float) -> str:
    here, today = localtime(at), localtime(now)
    day = f"{here.tm_mday} {strftime('%b', here)}"
    return day if here.tm_year == today.tm_year else f"{day} {here.tm_year}"


def _https(text: str) -> str:
    return text if text.startswith("https://") and text.isprintable() and " " not in text else ""
