"""The doctor's checks, one function each: look, change nothing, say what was found and what to do.

Every check returns findings and never raises for what it came to find; each may take seconds, so
`diagnose.py` runs them in threads.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcptui.errors import McptuiError, TryAgain, UsageError
from mcptui.visible import visible
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.home import Home
    from mcptui.runtime.engine import Engine
    from mcptui.store.rows import GatewayRow

LEAST_DISK = 500_000_000
"""Free bytes below which images cannot be built any more."""
LITTLE_DISK = 3_000_000_000
"""Free bytes below which a person should know."""
ROUTES = {
    "socket": "by passed pipes",
    "stdin": "by the attach stream",
    "volume": "by the attach stream, start program in a volume",
}
"""How stdio reaches an engine's containers, in words."""
SKEW_SECONDS = 300.0
"""How far a clock may be behind the one that signed the catalog."""
SILENT_SECONDS = 15.0
"""A living gateway that has not told of itself for longer hangs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Args:
        id: the check's name.
        state: "ok", "warn" (works, but look at it) or "bad".
        title: one line.
        detail: more of it.
        fix_text: what to do, "" when nothing has to be done.
        fixable: `fix()` can do it.
    """

    id: str
    state: str
    title: str
    detail: str = ""
    fix_text: str = ""
    fixable: bool = False


def _bad(name: str, error: McptuiError, *, fixable: bool = False) -> Finding:
    return Finding(name, "bad", error.what, error.why, error.fix, fixable)


def check_database(home: Home) -> list[Finding]:
    """Open the state database."""
    try:
        names = home.store.names()
        odd = [name for name in names if not _readable(home, name)]
    except McptuiError as error:
        return [_bad("database", error, fixable="damaged" in error.what)]
    title = f"State: {plural(len(names), 'server')} installed"
    if odd:
        detail = f"from another release of mcptui: {', '.join(odd)}"
        fix = f"`mcptui remove {odd[0]}` and install it again"
        return [Finding("database", "warn", f"{title}, some cannot be read", detail, fix)]
    return [Finding("database", "ok", title, str(home.store.path))]


def _readable(home: Home, name: str) -> bool:
    try:
        return home.store.installed(name) is not None
    except UsageError:
        return False


def check_engine(home: Home) -> list[Finding]:
    """Ask the container engine who it is."""
    from mcptui.bootstrap import World, advice

    world = World.real(home.environ)
    try:
        home.forget_engine()
        engine = home.engine()
        facts = engine.facts()
        took = _answer_time(engine)
    except McptuiError as error:
        can = world.root and world.platform == "linux" and not home.environ.get("DOCKER_HOST")
        fixable = can and (world.debian or world.find("dockerd") is not None)
        fix = "`mcptui doctor --fix engine` sets it up" if fixable else error.fix or advice(world)
        return [Finding("engine", "bad", error.what, error.why, fix, fixable)]
    name = f"{facts.kind} {facts.version}".strip()
    rootless = " (rootless)" if facts.rootless else ""
    detail = f"API {facts.api} · cgroup {facts.cgroup} · {facts.storage} · {facts.endpoint}"
    route = ROUTES.get(engine.routes.get(engine.endpoint.url, ""), "not tried yet")
    detail = f"{detail} ({facts.source}) · stdio {route}"
    isolation, broken = _isolation(engine)
    title = f"{name} answers{took}{rootless}"
    return [
        *broken,
        Finding("engine", "ok", title, f"{detail} · {isolation}"),
        *_limits(facts.cgroup, facts.storage),
    ]


def _isolation(engine: Engine) -> tuple[str, list[Finding]]:
    """What the last test of the engine's isolation said, in words and as a finding."""
    from mcptui.runtime.self_test import FIX, WHAT, last_word

    found = last_word(engine)
    if found is None:
        return "isolation is tested before the first server starts", []
    if not found:
        return "isolation tested", []
    detail = f"no server starts: a test container found {found}"
    return "isolation broken", [Finding("engine", "bad", WHAT, detail, FIX)]


def _answer_time(engine: Engine) -> str:
    """How long the engine takes to answer, in words; "" where that cannot be asked cheaply."""
    if engine.endpoint.scheme in ("ssh", "npipe"):
        return ""
    before = time.monotonic()
    try:
        engine.endpoint.ping()
    except OSError as error:
        raise TryAgain("The container engine does not answer", str(error)) from error
    return f" in {(time.monotonic() - before) * 1000:.0f} ms"


def _limits(cgroup: object, storage: object) -> list[Finding]:
    found: list[Finding] = []
    if str(cgroup) in ("", "none", "0"):
        found.append(
            Finding(
                "engine",
                "bad",
                "The engine cannot limit memory, cpu and processes",
                "no cgroups: a server could take the whole machine",
                "Rootless engines need cgroup v2 with delegation to the user",
            )
        )
    if str(storage) == "vfs":
        found.append(
            Finding(
                "engine",
                "warn",
                "The engine copies whole images (storage driver vfs)",
                "every server takes its image's size on disk, and starts slowly",
                "A storage driver like overlay2 needs another file system below the engine",
            )
        )
    return found


def check_keyring(home: Home) -> list[Finding]:
    """See which keyring there is and whether it opens the vault; no person is asked by us."""
    from mcptui.access.keychain import Keychain

    try:
        vault, source = home.vault(), home.vault().source()
        kept = plural(len(vault.names()), "secret") if source else "nothing is stored yet"
    except McptuiError as error:
        return [_bad("keyring", error)]
    if source == "passphrase":
        return [_passphrase(home, kept)]
    try:
        name = Keychain(home.environ, home.platform, seconds=10).name()
        vault.look()
    except McptuiError as error:
        state = "bad" if source else "warn"
        return [Finding("keyring", state, error.what, error.why, error.fix)]
    return [Finding("keyring", "ok", f"Keyring: {name}, {kept}")]


def _passphrase(home: Home, kept: str) -> Finding:
    from mcptui.access.passphrase import Passphrases

    title = f"Vault with a passphrase, {kept}"
    if not Passphrases(home.environ, home.passphrase_fd).given:
        detail = "it is asked for when a value is needed; a gateway cannot ask"
        fix = "Gateways take it by --passphrase-fd N or as the systemd credential mcptui-passphrase"
        return Finding("keyring", "warn", title, detail, fix)
    try:
        home.vault().look()
    except McptuiError as error:
        return _bad("keyring", error)
    return Finding("keyring", "ok", title)


def check_access(home: Home) -> list[Finding]:
    """See which servers wait for a sign-in or a secret; neither vault nor network is used."""
    from mcptui.access.standing import SignInState
    from mcptui.actions.secrets import server_secrets
    from mcptui.actions.sign_in import sign_ins

    try:
        rows = sign_ins(home)
        lacking = [one for one in server_secrets(home) if one.secret.required and not one.granted]
    except McptuiError as error:
        return [_bad("access", error)]
    found: list[Finding] = []
    waiting = [row for row in rows if row.state != SignInState.GOOD]
    if waiting:
        names = ", ".join(f"{row.server} {row.state}" for row in waiting)
        title = f"Sign-in: {plural(len(waiting), 'server')} not usable without one"
        fix = f"`mcptui oauth authorize {waiting[0].server}`"
        found.append(Finding("access", "warn", title, names, fix))
    if lacking:
        names = ", ".join(f"{one.server} wants {one.secret.name}" for one in lacking)
        first = lacking[0]
        fix = f"`mcptui secret set {first.secret.name}`"
        if first.stored:
            fix = f"`mcptui secret grant {first.stored} {first.server}`"
        title = f"Secrets: {len(lacking)} missing or not given"
        found.append(Finding("access", "warn", title, names, fix))
    return found or [Finding("access", "ok", f"Sign-ins: {len(rows)}, no secret is missing")]


def check_catalog(home: Home) -> list[Finding]:
    """Verify the catalog and see how old it is."""
    home.forget_catalog()
    try:
        facts = home.catalog().facts
    except McptuiError as error:
        return [_bad("catalog", error)]
    title = (
        f"Catalog: {plural(facts.count, 'server')}, root v{facts.root_version}, {facts.age_text}"
    )
    detail = f"version {facts.version}, {facts.source} · signed by {', '.join(facts.signers)}"
    if facts.stale:
        fix = "`mcptui catalog refresh`; until then installed servers run and new ones are refused"
        return [Finding("catalog", "warn", f"{title}, stale", detail, fix, fixable=True)]
    if facts.warning:
        return [Finding("catalog", "warn", title, facts.warning, "`mcptui catalog refresh`")]
    return [Finding("catalog", "ok", title, detail)]


def check_clients(home: Home) -> list[Finding]:
    """See which MCP clients are here and connected."""
    from mcptui.actions.connect import clients

    rows = [row for row in clients(home) if row.state != "not installed"]
    names = ", ".join(row.name for row in rows)
    connected = [row for row in rows if row.state == "connected"]
    if not rows:
        return [Finding("clients", "warn", "No known MCP client found", fix_text=_LOOKED)]
    title = f"Clients: {len(connected)} of {len(rows)} connected"
    if not connected:
        return [Finding("clients", "warn", title, names, "`mcptui connect --all`")]
    return [Finding("clients", "ok", title, names)]


_LOOKED = "Install Claude Desktop, Claude Code, Cursor or VS Code, or write the entry yourself"


def check_clock(home: Home) -> list[Finding]:
    """Compare the clock with what cannot lie in the future."""
    now = home.clock()
    try:
        published = home.catalog().facts.published_at
    except McptuiError:
        published = 0.0
    told = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    if now < published - SKEW_SECONDS:
        return [
            Finding(
                "clock",
                "bad",
                f"The clock is wrong: it says {told}",
                "the signed catalog was published after that; expiry dates mean nothing now",
                "Set the clock, best by NTP: `timedatectl set-ntp true`",
            )
        ]
    return [Finding("clock", "ok", f"Clock: {told}")]


def check_gateways(home: Home) -> list[Finding]:
    """See which gateways run, hang or died without a word."""
    from mcptui.actions.found import alive

    try:
        rows = home.store.gateways(live=True)
    except McptuiError:
        return []
    here = [row for row in rows if alive(row)]
    dead = len(rows) - len(here)
    names = ", ".join(_since(row) for row in here)
    found = [Finding("gateways", "ok", f"Gateways: {len(here)} running", names)]
    silent = [row for row in here if home.clock() - row.beat_at > SILENT_SECONDS]
    if silent:
        pids = ", ".join(str(row.pid) for row in silent)
        text = f"{plural(len(silent), 'gateway')} silent for {SILENT_SECONDS:.0f} s or longer"
        found = [Finding("gateways", "warn", text, f"pid {pids}", "Restart their clients")]
    if dead:
        text = f"{plural(dead, 'gateway')} died without a word"
        detail = "their open calls and containers are left over"
        fix = "`mcptui doctor --fix gateways` clears them away"
        found.append(Finding("gateways", "warn", text, detail, fix, fixable=True))
    return found


def _since(row: GatewayRow) -> str:
    began = time.strftime("%H:%M", time.localtime(row.started_at))
    return f"{row.client_name or 'a client'} since {began}"


def check_disk(home: Home) -> list[Finding]:
    """See how much room is left where state and images' parts are."""
    least: tuple[int, str] | None = None
    for folder in (home.paths.state, home.paths.cache):
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        if least is None or free < least[0]:
            least = (free, str(folder))
    free, where = least or (0, "")
    title = f"Disk: {free / 1e9:.1f} GB free"
    if free >= LITTLE_DISK:
        return [Finding("disk", "ok", title, where)]
    state = "warn" if free >= LEAST_DISK else "bad"
    fix = f"Free some space; {home.paths.cache} may be deleted at any time"
    return [Finding("disk", state, title, where, fix)]


_TABLES = ("gateway", "servers", "images", "oauth", "trust")


def check_settings(home: Home) -> list[Finding]:
    """Read config.toml as a gateway does when it starts."""
    from mcptui.actions.sign_in import client_url
    from mcptui.gateway.settings import read_settings, tables
    from mcptui.runtime.image.settings import read_bases

    path = home.paths.settings
    try:
        read_settings(path, {})
        client_url(path)
        read_bases(path)
        odd = [name for name in tables(path) if name not in _TABLES]
    except McptuiError as error:
        fix = error.fix or f"Mend {path}, or move it away; no gateway starts until then"
        return [Finding("settings", "bad", error.what, error.why, fix)]
    if odd:
        text = f"Settings: nothing reads {', '.join(visible(name, limit=60) for name in odd)}"
        known = f"Known tables: {', '.join(_TABLES)}"
        return [Finding("settings", "warn", text, str(path), known)]
    text = "Settings are in order" if path.exists() else "Settings: all as they come"
    return [Finding("settings", "ok", text, str(path))]


def check_interceptors(home: Home) -> list[Finding]:
    """Read interceptors.toml, and see that the programs in it can be started."""
    from mcptui.guard.hook_file import read_hooks

    path = home.paths.interceptors
    try:
        hooks = read_hooks(path)
    except McptuiError as error:
        fix = error.fix or f"Mend {path}, or move it away; every call is refused until then"
        return [Finding("interceptors", "bad", error.what, error.why, fix)]
    lost = [hook for hook in hooks if hook.command and not os.access(hook.command[0], os.X_OK)]
    if not lost:
        detail = ", ".join(hook.name for hook in hooks)
        return [Finding("interceptors", "ok", f"Interceptors: {len(hooks)}", detail)]
    closed = any(hook.on_failure == "deny" for hook in lost)
    names = ", ".join(f"{hook.name}: {visible(hook.command[0], limit=200)}" for hook in lost)
    text = f"{plural(len(lost), 'interceptor')} cannot be started"
    says = f"{text}, so calls are refused" if closed else f"{text}, so calls pass unseen"
    fix = f"Make it a program, or `mcptui interceptor remove {lost[0].name}`"
    return [Finding("interceptors", "bad" if closed else "warn", says, names, fix)]


CHECKS: dict[str, Callable[[Home], list[Finding]]] = {
    "engine": check_engine,
    "keyring": check_keyring,
    "access": check_access,
    "catalog": check_catalog,
    "clients": check_clients,
    "clock": check_clock,
    "gateways": check_gateways,
    "settings": check_settings,
    "interceptors": check_interceptors,
    "database": check_database,
    "disk": check_disk,
}
"""All checks in the order in which they are told."""
