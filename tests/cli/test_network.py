"""`mcptui network` from a shell: what a server reaches, and every change of it."""

from __future__ import annotations

import time

from mcptui.store import Store
from mcptui.store.rows import ContactSeen
from tests.cli.conftest import Shell
from tests.gateway.local import remembered

ESC = "\x1b]52;c;T1dORUQ=\x07\u202eevil"


def test_the_commands_and_their_words(store: Store, shell: Shell) -> None:
    store.put_install(remembered(store, "one"))
    assert "no network" in shell("network").out
    assert "api.example.com is allowed" in shell("network", "allow", "one", "api.example.com").err
    now = time.time()
    store.record_contacts([
        ContactSeen("one", "api.example.com", 443, True, now, 1, 300, 9_000, "", "proxy"),
        ContactSeen("one", "evil.example.net", 443, False, now, 2, reason="it is not on the list"),
    ])  # fmt: skip
    listed = shell("network", "ls", "--json").data
    assert (listed[0]["server"], listed[0]["reaches"]) == ("one", "listed")
    assert "▲ 1 new" in shell("network", "ls").out
    problem = shell("problems").out
    assert "one was refused evil.example.net: it is not on the list" in problem
    shown = shell("network", "show", "one")
    assert "9,000" in shown.out
    assert "✗ refused" in shown.out
    assert "evil.example.net" not in shell("problems").out, "somebody has looked"
    assert shell("network", "deny", "one", "api.example.com").code == 0
    assert "taken back: take away api.example.com for one" in shell("undo").err
    assert shell("network", "show", "one", "--json").data["hosts"][0]["allowed"] is True
    for verb in ("any", "learn", "lock"):
        assert shell("network", verb, "one").code == 0
    assert store.installed("one") is not None


def test_what_is_no_host_is_refused_in_words(store: Store, shell: Shell) -> None:
    store.put_install(remembered(store, "one"))
    for text in ("127.0.0.1", "2130706433", "localhost", "db.example.com/tcp", "a b", "*"):
        ran = shell("network", "allow", "one", text)
        assert ran.code == 2, text
        assert "is no host a server can be allowed" in ran.err
    assert shell("network", "allow", "none", "api.example.com").code == 2
    row = store.installed("one")
    assert row is not None
    assert row.choices.hosts == ()


def test_hostile_names_change_nothing_on_the_terminal(store: Store, shell: Shell) -> None:
    """A store that another program wrote into: what is shown is cleaned all the same."""
    store.put_install(remembered(store, "one"))
    store.record_contacts([ContactSeen("one", ESC, 443, False, time.time(), reason=ESC)])
    for words in (("network",), ("network", "show", "one"), ("problems",)):
        ran = shell(*words)
        assert ran.code == 0
        for bad in ("\x1b", "\x07", "\u202e"):
            assert bad not in ran.out + ran.err
