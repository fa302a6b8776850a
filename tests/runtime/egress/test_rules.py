"""What a rule is, what it matches, and every disguise that must not pass for a name."""

from __future__ import annotations

import pytest

from mcptui.addresses import public
from mcptui.errors import UsageError
from mcptui.runtime.egress.rules import (
    ANY,
    Policy,
    Rule,
    normal_address,
    normal_host,
    rule_from_text,
)

RULES = {
    "api.example.com": Rule("api.example.com"),
    "API.Example.COM.": Rule("api.example.com"),
    "api.example.com:8443": Rule("api.example.com", 8443),
    "*.example.com": Rule("*.example.com"),
    "db.example.com:5432/tcp": Rule("db.example.com", 5432, "tcp"),
    "old.example.com/http": Rule("old.example.com", 80, "http"),
    "bücher.example": Rule("xn--bcher-kva.example"),
    "nas:445/tcp private": Rule("nas", 445, "tcp", True),
    "192.168.1.5:8080/http private": Rule("192.168.1.5", 8080, "http", True),
    "[fd00::5]:5432/tcp private": Rule("fd00::5", 5432, "tcp", True),
    "host.docker.internal:6379/tcp private": Rule("host.docker.internal", 6379, "tcp", True),
}
NO_RULES = [
    "", " ", "*", "*.com", "*.", "a b.com", "exa mple.com", "https://example.com",
    "example.com/ftp",
    "example.com:0", "example.com:65536", "example.com:x", "example.com/tcp", "1.2.3.4", "127.1",
    "0x7f000001", "2130706433", "017700000001", "[::1]", "localhost", "nas", "db.local", "-a.com",
    "a..com", "user@example.com", "example.com\nevil.com", "example.com:443/tls private extra",
    "a" * 64 + ".com", "*.*.example.com", "x.internal", "\x1b]52;c;x\x07.com",
]  # fmt: skip


@pytest.mark.parametrize("text", RULES)
def test_a_rule_is_read_and_written(text: str) -> None:
    rule = rule_from_text(text)
    assert rule == RULES[text]
    assert rule_from_text(rule.text) == rule


@pytest.mark.parametrize("text", NO_RULES)
def test_what_is_no_rule_is_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        rule_from_text(text)
    assert refused.value.why and "\x1b" not in str(refused.value)


DISGUISES = [
    "127.0.0.1", "127.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "0x7f000001", "1.2.3.0x4",
    "[::1]", "::1", "::ffff:127.0.0.1", "example.com.1", "1", "a.0x1f", "example.com:443",
    "example..com", "", ".", "ex ample.com", "exam\x00ple.com", "-x.com", "x-.com", "*.example.com",
    "a" * 254, "\u200d.com",
]  # fmt: skip


@pytest.mark.parametrize("text", DISGUISES)
def test_an_address_in_disguise_is_no_name(text: str) -> None:
    assert normal_host(text) == ""


def test_names_have_one_form() -> None:
    for text in ("Example.COM", "example.com.", "EXAMPLE.com"):
        assert normal_host(text) == "example.com"
    assert normal_host("ＥＸＡＭＰＬＥ.com") == "example.com"
    assert normal_address("[0:0:0:0:0:0:0:1]") == "::1"
    assert normal_address("127.1") == "" == normal_address("010.0.0.1")


MATCHES = [
    ("api.example.com", "api.example.com", 443, True),
    ("api.example.com", "api.example.com", 80, False),
    ("api.example.com", "x.api.example.com", 443, False),
    ("api.example.com", "example.com", 443, False),
    ("api.example.com", "api.example.com.evil.com", 443, False),
    ("*.example.com", "a.example.com", 443, True),
    ("*.example.com", "a.b.example.com", 443, True),
    ("*.example.com", "example.com", 443, False),
    ("*.example.com", "evilexample.com", 443, False),
    ("*.example.com", ".example.com", 443, False),
    ("db.example.com:5432/tcp", "db.example.com", 5432, True),
    ("db.example.com:5432/tcp", "db.example.com", 443, False),
    ("192.168.1.5:8080/http private", "192.168.1.5", 8080, True),
    ("192.168.1.5:8080/http private", "192.168.1.6", 8080, False),
]


@pytest.mark.parametrize(("rule", "host", "port", "good"), MATCHES)
def test_what_a_rule_matches(rule: str, host: str, port: int, good: bool) -> None:
    assert (Policy((rule_from_text(rule),)).match(host, port) is not None) == good


def test_any_public_host_is_a_name_of_the_internet_over_tls() -> None:
    policy = Policy((Rule(ANY),))
    assert policy.match("example.com", 443) == Rule("example.com")
    for host, port in (
        ("example.com", 80), ("nas", 443), ("printer.local", 443), ("x.google.internal", 443),
        ("1.2.3.4", 443), ("router.lan", 443), ("localhost", 443),
    ):  # fmt: skip
        assert policy.match(host, port) is None, host
    assert policy.ports("example.com") == (443,)
    assert Policy().ports("example.com") == ()


def test_what_was_taken_away_stays_away() -> None:
    denied = (rule_from_text("evil.example.com"), rule_from_text("*.bad.example"))
    for policy in (
        Policy((Rule(ANY),), denied=denied),
        Policy((rule_from_text("*.example.com"), rule_from_text("*.bad.example")), denied=denied),
    ):
        assert policy.match("evil.example.com", 443) is None
        assert policy.match("a.bad.example", 443) is None
        assert policy.ports("evil.example.com") == ()
        assert policy.match("good.example.com", 443) is not None


def test_an_entry_may_want_any_public_name_at_a_port_of_its_own() -> None:
    policy = Policy((Rule(ANY, 5432, "tcp"),))
    assert policy.match("db.example.com", 5432) == Rule("db.example.com", 5432, "tcp")
    assert policy.ports("db.example.com") == (5432,)
    for host, port in (("db.example.com", 443), ("1.2.3.4", 5432), ("nas", 5432), ("::1", 5432)):
        assert policy.match(host, port) is None


def test_the_exact_rule_counts_before_the_wildcard() -> None:
    rules = (rule_from_text("*.example.com"), rule_from_text("a.example.com:443/tcp"))
    found = Policy(rules).match("a.example.com", 443)
    assert found is not None and found.protocol == "tcp"


NOT_PUBLIC = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0",  # noqa: S104
    "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2001:db8::1",
    "2001:0:0:0:0:0:80ff:fffe", "x",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_address_of_this_or_any_inner_network_is_public(address: str) -> None:
    assert not public(address)


def test_public_addresses_are() -> None:
    for address in ("1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"):
        assert public(address)
