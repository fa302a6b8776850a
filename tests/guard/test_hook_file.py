"""interceptors.toml and `when:type:target`: read whole, or refused with the line that is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mcptui.errors import UsageError
from mcptui.guard.hook_file import parse_hooks, parse_spec, read_hooks, url_problem
from mcptui.guard.interceptors import Interceptor

GOOD = """
[[interceptor]]
name = "no-secrets"
when = "before"
exec = ["/usr/bin/check", "--strict"]
servers = ["git*"]
tools = ["create_*", "delete_*"]
timeout = 1.5

[[interceptor]]
name = "watch"
when = "after"
http = "https://policy.example/check"
on_failure = "allow"
"""


def test_a_good_file() -> None:
    first, second = parse_hooks(GOOD, "interceptors.toml")
    assert first == Interceptor(
        "no-secrets", "before", ("/usr/bin/check", "--strict"), "", ("git*",),
        ("create_*", "delete_*"), ("*",), 1.5, "deny",
    )  # fmt: skip
    assert (first.kind, second.kind) == ("exec", "http")
    assert (second.url, second.on_failure) == ("https://policy.example/check", "allow")


def test_no_file_is_no_hooks_and_an_unreadable_one_is_an_error(tmp_path: Path) -> None:
    assert read_hooks(tmp_path / "none.toml") == ()
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        read_hooks(tmp_path / "folder.toml")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('when = "after"', 'when = "during"', r"interceptor\[1\]\.when must be one of.*line 10\)"),
        ('name = "watch"', 'name = "no-secrets"', "twice"),
        ("timeout = 1.5", "timeout = 0", r"interceptor\[0\]\.timeout must be.*line 2\)"),
        ("timeout = 1.5", "timeuot = 1.5", "timeuot is not a known field.*line 2"),
        ("/usr/bin/check", "check", "must begin with the absolute path"),
        ("https://policy", "http://policy", "must begin with https://"),
        ("https://policy", "https://me:pw@policy", "no user name"),
        ('["git*"]', "[]", "would never run"),
        ('["git*"]', '["git*", ""]', "an empty name"),
        ('on_failure = "allow"', 'on_failure = "ignore"', "must be one of deny, allow"),
        ('on_failure = "allow"', 'exec = ["/bin/true"]', "and not both"),
        ("[[interceptor]]\nname", "[interceptor]\nname", "is not TOML|must be a list"),
        ("timeout = 1.5", "timeout = ", r"is not TOML.*line 8"),
        ("[[interceptor]]\n", "[[interceptors]]\n", "interceptors is not a known field"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(UsageError) as caught:
        parse_hooks(GOOD.replace(old, new), "interceptors.toml")
    assert str(caught.value).startswith("interceptors.toml: ")
    assert re.search(says, str(caught.value)), str(caught.value)


def test_specs_of_the_command_line() -> None:
    hook = parse_spec("before:exec:/usr/bin/check --name 'two words'")
    assert hook.command == ("/usr/bin/check", "--name", "two words")
    assert (hook.name, hook.when, hook.on_failure) == ("before-check", "before", "deny")
    hook = parse_spec("after:http:http://127.0.0.1:8080/x", "watch")
    assert (hook.name, hook.url) == ("watch", "http://127.0.0.1:8080/x")


@pytest.mark.parametrize(
    "spec",
    [
        "", "before", "before:exec", "before:exec:", "during:exec:/bin/true", "before:docker:x",
        "before:exec:true", "before:exec:'/bin/true", "after:http:ftp://x/", "after:http:http://x/",
    ],
)  # fmt: skip
def test_what_is_no_spec(spec: str) -> None:
    with pytest.raises(UsageError):
        parse_spec(spec)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://policy.example/x?y=1", True), ("http://127.0.0.1:9/", True),
        ("http://[::1]:9/", True), ("http://localhost/", True),
        ("http://127.0.0.1.evil.com/", False),
        ("http://localhost.evil.com/", False), ("http://10.0.0.1/", False), ("https:///x", False),
        ("https://x:99999/", False), ("https://exa mple/", False), ("HTTP://127.0.0.1/", True),
        ("file:///etc/passwd", False), ("http://0x7f.1/", False),
    ],
)  # fmt: skip
def test_addresses(url: str, good: bool) -> None:
    assert (url_problem(url) == "") is good


def test_filters_ignore_letter_case_and_never_lose_a_call() -> None:
    hook = Interceptor("x", "before", ("/bin/true",), servers=("Git*",), tools=("write_*",))
    assert hook.wants("github", "tools/call", "Write_File")
    assert not hook.wants("github", "tools/call", "read_file")
    assert not hook.wants("jira", "tools/call", "write_file")
    assert not hook.wants("github", "prompts/get", "")
    assert hook.wants("github", "tasks/get", "")  # whose result it is, nobody knows
    everything = Interceptor("y", "after", ("/bin/true",))
    assert everything.wants("any", "resources/read", "")
