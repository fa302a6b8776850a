"""What a server may reach: hosts by name, port and protocol, and how a rule is written down.

A rule is text such as `api.example.com`, `*.example.com`, `db.example.com:5432/tcp` or, made by
the user alone, `192.168.1.5:8080/http private`. Names are compared as ASCII (RFC 5890), in small
letters, without a last dot. What only looks like a name and is an address in disguise (decimal,
hexadecimal, octal) is none.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace

from mcptui.errors import UsageError
from mcptui.visible import visible

PROTOCOLS = ("tls", "http", "tcp")
"""tls: the ClientHello must name the host; http: the Host header must; tcp: nothing names it."""
PORTS = {"tls": 443, "http": 80}
ANY = "*"
"""The host of a rule for every public name."""
HERE = frozenset(("host.docker.internal", "host.containers.internal"))
"""Names that mean this machine, in a rule the user made."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_WORDS = re.compile(
    r"(?P<host>\[[0-9a-fA-F:.]{2,45}\]|[^\s:/\[\]]{1,255})(?::(?P<port>\d{1,5}))?"
    r"(?:/(?P<protocol>[a-z]{3,4}))?(?P<private>\s+private)?"
)
_INNER = (
    "localhost",
    "local",
    "internal",
    "lan",
    "home",
    "corp",
    "arpa",
    "test",
    "invalid",
    "onion",
)
"""Last labels of names that are none of the public internet."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One destination.

    Args:
        host: a name, `*.` and a name, or an address where the rule is private; `ANY` for every
            public name, which nobody writes down but an entry.
        port: TCP port.
        protocol: one of `PROTOCOLS`.
        private: its address need not be public. Only the user makes such a rule.
    """

    host: str
    port: int = 443
    protocol: str = "tls"
    private: bool = False

    def matches(self, host: str) -> bool:
        """Whether a normalised host is the rule's."""
        if self.host == ANY:
            return is_public_name(host)
        if self.host.startswith("*."):
            return host.endswith(self.host[1:]) and len(host) >= len(self.host)
        return host == self.host

    @property
    def text(self) -> str:
        """The rule as it is written down, in its shortest form."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if PORTS.get(self.protocol) == self.port else f":{self.port}"
        protocol = "" if self.protocol == "tls" else f"/{self.protocol}"
        return f"{shown}{port}{protocol}{' private' if self.private else ''}"


@dataclass(frozen=True, slots=True)
class Policy:
    """All that one server may reach.

    Args:
        rules: single destinations.
        denied: destinations that were taken away; they are closed whatever the rules say.
        by_proxy: names that only a rule for any host lets through get no address: for programs
            that look at addresses themselves, and take the proxy for what they cannot look up.
    """

    rules: tuple[Rule, ...] = ()
    denied: tuple[Rule, ...] = ()
    by_proxy: bool = False

    @property
    def reaches(self) -> bool:
        """Whether there is anything to reach."""
        return bool(self.rules)

    def match(self, host: str, port: int) -> Rule | None:
        """The rule by which a normalised host may be reached at a port; exact ones come first."""
        if self._denies(host, port):
            return None
        for one in sorted(self.rules, key=lambda rule: rule.host.startswith(ANY)):
            if one.port == port and one.matches(host):
                return one if one.host != ANY else replace(one, host=host)
        return None

    def _denies(self, host: str, port: int) -> bool:
        return any(one.port == port and one.matches(host) for one in self.denied)

    def ports(self, host: str) -> tuple[int, ...]:
        """The ports at which a normalised host may be reached by its name; none when it may not."""
        rules = self.rules
        if self.by_proxy:
            rules = tuple(rule for rule in rules if rule != Rule(ANY))
        found = {rule.port for rule in rules if rule.matches(host)}
        return tuple(sorted(port for port in found if not self._denies(host, port)))


def normal_host(text: str) -> str:
    """A host name in the one form that is compared, "" for what is no name.

    Addresses, also in disguise, are no names.
    """
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    host = text[:-1].lower() if text.endswith(".") else text.lower()
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return ""
    return "" if _NUMBER.fullmatch(labels[-1]) else host


def normal_address(text: str) -> str:
    """An IP address in its one plain spelling, "" for anything else."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return ""


def is_public_name(host: str) -> bool:
    """Whether a normalised name can be one of the public internet."""
    first, dot, last = host.rpartition(".")
    return bool(first and dot) and last not in _INNER and not _NUMBER.fullmatch(last)


def rule_from_text(text: str) -> Rule:
    """Read a rule as a person or an entry writes it.

    Raises:
        UsageError: it is none; says why and how one looks.
    """

    def refuse(why: str) -> UsageError:
        return UsageError(
            f"{visible(text, limit=120)!r} is no host a server can be allowed",
            why,
            "Write it as api.example.com, *.example.com, db.example.com:5432/tcp, or with "
            "`private` for a machine of your own network",
        )

    found = _WORDS.fullmatch(text.strip())
    if found is None:
        raise refuse("it is not HOST, HOST:PORT or HOST:PORT/PROTOCOL")
    protocol = found["protocol"] or "tls"
    if protocol not in PROTOCOLS:
        raise refuse(f"its protocol is none of {', '.join(PROTOCOLS)}")
    if not found["port"] and protocol not in PORTS:
        raise refuse("tcp needs a port")
    port = int(found["port"] or PORTS[protocol])
    if not 0 < port < 65536:
        raise refuse("its port is none")
    private = bool(found["private"])
    host, why = _rule_host(found["host"], private)
    if why:
        raise refuse(why)
    return Rule(host, port, protocol, private)


def _rule_host(text: str, private: bool) -> tuple[str, str]:
    """A rule's host in its normal form, and what is wrong with it."""
    wild = text.startswith("*.")
    name = normal_host(text[2:] if wild else text)
    if wild:
        good = is_public_name(name) or (private and "." in name)
        return f"*.{name}", "" if good else "a wildcard stands before a whole domain"
    if name:
        good = private or is_public_name(name)
        return name, "" if good else "such a name is none of the public internet"
    address = normal_address(text)
    if not address:
        return "", "it is no name of a host"
    return address, "" if private else "it is an address, not a name"
