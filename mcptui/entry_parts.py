"""The parts of an entry, each read from one table: forms, sizes and closed lists live here.

`entry_read.py` puts them together; see there for what the readers promise.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from mcptui.entry import (
    PROTOCOLS,
    Checked,
    Host,
    Http,
    Image,
    Listing,
    Mount,
    OAuth,
    Option,
    Package,
    Relaxation,
    Remote,
    Resources,
    Secret,
    ToolPin,
    Variable,
    Volume,
)
from mcptui.fields import Table
from mcptui.signed_by import read_signed_by

_PACKAGES = {
    "pypi": re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,100}[A-Za-z0-9])?"),
    "npm": re.compile(r"(@[a-z0-9][a-z0-9._-]{0,100}/)?[a-z0-9_][a-z0-9._-]{0,150}"),
}
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]{0,63}")
_REPOSITORY = re.compile(r"[a-z0-9]([A-Za-z0-9._/:-]{0,253}[A-Za-z0-9])?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-f]{64}")
_PIN = re.compile(r"(sha256:[0-9a-f]{64})?")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})?")
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_MAYBE_ENV = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,127})?")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_MAYBE_NAME = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]{0,63})?")
_DEBIAN = re.compile(r"[a-z0-9][a-z0-9+.-]{1,63}")
_HOST = re.compile(
    r"\*|(\*\.)?(?=.{1,253}$)[a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9_-]{1,63})*"
)
_TOOL = re.compile(r"(?s).{1,128}")
_HEADER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
_TARGET = re.compile(r"(/[A-Za-z0-9_.{}-]+)+")
_FORBIDDEN = ("bin", "boot", "dev", "etc", "lib", "lib64", "proc", "run", "sbin", "sys", "usr")
_CONTROLS = ("read_only", "user", "noexec_tmp", "pids", "memory")
_LONGEST_LOCK = 8 * 1024 * 1024

_USUAL = {80: "http", **dict.fromkeys((3306, 5432, 6379, 7687, 27017), "tcp")}
"""What is spoken at ports of plain web servers and of databases, unless an entry says otherwise."""
_ENV_SAYS = "must be a variable's name: letters, digits and _"
_NAME_SAYS = "must be a name of letters, digits, dot, _ and -"


def package(table: Table) -> Package:
    """Read `[package]`; a lock whose hash was written must have that hash."""
    registry = table.one_of("registry", tuple(_PACKAGES))
    name = table.text("name", form=_PACKAGES[registry], says=f"is not a {registry} package's name")
    version = table.text("version", form=_VERSION, says="must be one exact version")
    lock = table.text("lock", limit=_LONGEST_LOCK)
    digest = hashlib.sha256(lock.encode("utf-8", "surrogatepass")).hexdigest()
    wanted = table.text("lock_sha256", digest, form=_HEX, says="must be 64 hex digits")
    if wanted != digest:
        table.wrong("lock_sha256", f"does not belong to the lock, whose hash is {digest}")
    script = table.text("script", "", form=_MAYBE_NAME, says=_NAME_SAYS)
    debian = table.texts("debian", limit=64, many=16)
    if not all(_DEBIAN.fullmatch(one) for one in debian):
        table.wrong("debian", "must be names of Debian packages")
    return Package(registry, name, version, lock, digest, script, debian)


def image(table: Table) -> Image:
    """Read `[image]`; only a local image may lack its repository or its digest."""
    local = table.flag("local", False)
    repository, digest = table.text("repository", ""), table.text("digest", "")
    if (repository or not local) and not _REPOSITORY.fullmatch(repository):
        table.wrong("repository", "must be an image's name, without https://")
    if (digest or not local) and not _DIGEST.fullmatch(digest):
        table.wrong("digest", "must be sha256: and 64 hex digits")
    if not repository and not digest:
        table.wrong("repository", "or digest is needed")
    signed = table.table("signed_by")
    if signed is not None and local:
        table.wrong("signed_by", "is for images of a registry, this one is local")
    by = read_signed_by(signed) if signed is not None else None
    return Image(repository, digest, local, by)


def http(table: Table) -> Http:
    """Read `[http]`: where a server in a container listens."""
    return Http(
        table.whole("port", 0, 1, 65535),
        table.text("path", "/mcp", limit=200, form=_PATH, says="must be a path that begins with /"),
        table.one_of("transport", ("streamable-http", "sse"), "streamable-http"),
    )


def remote(table: Table) -> Remote:
    """Read `[remote]`."""
    url = table.server_address("url")
    transport = table.one_of("transport", ("streamable-http", "sse"), "streamable-http")
    headers = table.mapping("headers")
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            table.wrong(f"headers.{name[:64]}", "is not a header's name")
        if not isinstance(value, str) or len(value) > 400 or not value.isprintable():
            table.wrong(f"headers.{name}", "must be one line of at most 400 characters")
    return Remote(url, transport, tuple(headers.items()))


def oauth(table: Table) -> OAuth:
    """Read `[oauth]`."""
    return OAuth(
        table.text("provider", limit=80),
        table.texts("scopes", limit=200, many=100),
        table.text("secret", "", form=_MAYBE_ENV, says=_ENV_SAYS),
        table.text("issuer", "", limit=500),
    )


def secret(table: Table) -> Secret:
    """Read one of `[[secrets]]`."""
    return Secret(
        table.text("name", form=_NAME, says=_NAME_SAYS),
        table.text("env", form=_ENV, says=_ENV_SAYS),
        table.flag("required", True),
        table.text("where", ""),
        table.flag("file", False),
    )


def mount(table: Table) -> Mount:
    """Read one of `[[mounts]]`; the folders a container needs itself cannot be targets."""
    return Mount(
        table.text("name", form=_NAME, says=_NAME_SAYS),
        _target(table),
        table.text("description"),
        table.flag("required", True),
        table.flag("many", False),
        table.flag("writable", False),
        table.flag("argument", False),
    )


def _target(table: Table, never: str = "\0") -> str:
    target = table.text("target", form=_TARGET, says="must be an absolute path inside")
    parts = target.split("/")[1:]
    if parts[0] in _FORBIDDEN or any(part in (".", "..") for part in parts) or never in target:
        table.wrong("target", "must not lie in a system folder or hold dots as a part")
    if any(("{" in part or "}" in part) and part != "{name}" for part in parts):
        table.wrong("target", "may hold {name} as a part of its own, and no other placeholder")
    return target


def volume(table: Table) -> Volume:
    """Read one of `[[volumes]]`."""
    return Volume(
        table.text("name", form=_NAME, says=_NAME_SAYS),
        _target(table, "{"),
        table.text("description", ""),
    )


def host(table: Table) -> Host:
    """Read one of `[[hosts]]`; what is spoken at a port is told where it is not the usual."""
    name = table.text(
        "name", form=_HOST, says="must be a host's name in small letters, *.name, or *"
    )
    port = table.whole("port", 443, 1, 65535)
    why = table.text("why", "")
    return Host(name, port, why, table.one_of("protocol", PROTOCOLS, _USUAL.get(port, "tls")))


def resources(table: Table) -> Resources:
    """Read `[resources]`."""
    usual = Resources()
    return Resources(
        table.whole("memory", usual.memory, 16, 65536),
        table.number("cpus", usual.cpus, 0.05, 64),
        table.whole("pids", usual.pids, 16, 4096),
        table.whole("tmp", usual.tmp, 1, 8192),
    )


def relaxation(table: Table) -> Relaxation:
    """Read one of `[[relaxes]]`."""
    return Relaxation(
        table.one_of("control", _CONTROLS),
        table.text("reason"),
        table.text("value", "", limit=40),
    )


def option(table: Table) -> Option:
    """Read one of `[[options]]`."""
    return Option(
        table.text("parameter", form=_NAME, says=_NAME_SAYS),
        table.texts("arguments", many=32),
    )


def variable(table: Table) -> Variable:
    """Read one of `[[env]]`."""
    return Variable(table.text("name", form=_ENV, says=_ENV_SAYS), table.text("value", limit=4000))


def tool(table: Table) -> ToolPin:
    """Read one of `[[tools]]`."""
    definition: Any = table.mapping("definition") if table.has("definition") else None
    return ToolPin(
        table.text("name", form=_TOOL, says="must be 1 to 128 characters"),
        table.text("description", "", limit=4000),
        table.text("hash", "", form=_PIN, says="must be sha256: and 64 hex digits"),
        definition,
        table.flag("reads", False),
        table.flag("destroys", False),
    )


def listing(table: Table) -> Listing:
    """Read what a server said of itself; its own tables are outside data and stay as they are."""
    return Listing(
        table.one_of("era", ("", "legacy", "modern"), ""),
        table.text("protocol_version", "", limit=40),
        table.mapping("server_info"),
        table.mapping("capabilities"),
        table.mappings("prompts"),
        table.mappings("resources"),
        table.mappings("templates"),
    )


def checked(table: Table) -> Checked:
    """Read `[checked]`."""
    return Checked(
        table.text("on", "", form=_DATE, says="must be a date like 2026-11-23"),
        table.flag("built", False),
        table.flag("started", False),
        table.flag("listed", False),
        table.text("not_checked", "", limit=1000),
    )
