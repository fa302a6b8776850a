"""The doctor reads the files that a person writes, and says what is wrong before it bites."""

from __future__ import annotations

import pytest

from mcptui.actions.findings import check_interceptors, check_settings
from mcptui.actions.problems import problems
from mcptui.home import Home

HOOK = """[[interceptor]]
name = "look"
when = "before"
exec = ["{program}"]
on_failure = "{failure}"
"""


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        ("", "ok", "in order"),
        ("[gateway]\nidle = 60\n[oauth]\n[images]\n[servers.x]\nwarm = true\n", "ok", "in order"),
        ("[gateway]\nidel = 60\n", "bad", "idel"),
        ("[gateway]\nidle = -1\n", "bad", "idle"),
        ("= = =\n", "bad", "not TOML"),
        ('[images]\npython_base = "python:latest"\n', "bad", "digest"),
        ('[oauth]\nclient_metadata_url = "http://example.com"\n', "bad", "https"),
        ("[gatway]\nidle = 60\n", "warn", "gatway"),
        ('["\\u001b[31m"]\nx = 1\n', "warn", "nothing reads"),
    ],
)
def test_settings(home: Home, text: str, state: str, words: str) -> None:
    home.paths.settings.parent.mkdir(parents=True, exist_ok=True)
    home.paths.settings.write_text(text)
    (found,) = check_settings(home)
    assert (found.id, found.state) == ("settings", state)
    assert words in f"{found.title} {found.detail} {found.fix_text}"
    assert "\x1b" not in found.title
    assert state == "ok" or found.fix_text


def test_files_that_are_not_there_are_no_problem(home: Home) -> None:
    for check in (check_settings, check_interceptors):
        (found,) = check(home)
        assert found.state == "ok"
    assert [one for one in problems(home) if one.room == "doctor"] == []


@pytest.mark.parametrize("text", ["= = =", "[[interceptor]]\nname = 5\n", "\x00"])
def test_a_file_of_interceptors_that_refuses_every_call_is_told(home: Home, text: str) -> None:
    home.paths.interceptors.parent.mkdir(parents=True, exist_ok=True)
    home.paths.interceptors.write_text(text)
    (found,) = check_interceptors(home)
    assert (found.id, found.state) == ("interceptors", "bad")
    assert str(home.paths.interceptors) in found.title
    assert "every call is refused until then" in found.fix_text
    first = problems(home)[0]
    assert (first.room, first.name) == ("doctor", "interceptors")
    assert "every call is refused" in first.text


@pytest.mark.parametrize(("failure", "state"), [("deny", "bad"), ("allow", "warn")])
def test_a_program_that_is_gone_is_told(home: Home, failure: str, state: str) -> None:
    home.paths.interceptors.parent.mkdir(parents=True, exist_ok=True)
    home.paths.interceptors.write_text(HOOK.format(program="/nowhere/look", failure=failure))
    (found,) = check_interceptors(home)
    assert (found.state, "/nowhere/look" in found.detail) == (state, True)
    home.paths.interceptors.write_text(HOOK.format(program="/bin/true", failure=failure))
    (found,) = check_interceptors(home)
    assert (found.state, found.detail) == ("ok", "look")
