"""Interceptors that misbehave in a running gateway, and calls that end while one looks at them."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcptui.home import Home
from mcptui.store import Store
from tests.gateway.conftest import Start, rows, until
from tests.gateway.local import installed
from tests.gateway.talk import Talk
from tests.gateway.test_interceptors import Hooks, hooks, one_of
from tests.guard.test_hooks_exec import gone
from tests.guard.test_hooks_http import answer, serving

__all__ = ["hooks"]


def waiting(hooks: Hooks, name: str = "slow", when: str = "before", **more: Any) -> Path:
    """Add a hook that writes its pid and then takes a minute."""
    pid = hooks.folder / "pid"
    hooks.add(
        name, when, f"open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)", **more
    )
    return pid


def begun(pid: Path) -> None:
    """Wait until the hook runs."""
    until(lambda: pid.exists() and pid.read_text(), 30)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("print('{\"decision\":')", "its answer is not JSON"),
        ("print('[]')", "no JSON object"),
        ("say(decision='maybe')", "neither"),
        ("say(argments={})", "'argments'"),
        ("say(arguments=[])", "no JSON object"),
        ("say(result={})", "'result'"),
        ("sys.exit(1)", "exit code 1"),
        ("os.execv('/nowhere', ['x'])", "exit code 1"),
        ("print('[' * 100000)", "its answer is not JSON"),
    ],
)
def test_a_hook_that_fails_fails_closed(
    start: Start, hooks: Hooks, store: Store, body: str, says: str
) -> None:
    hooks.add("bad", "before", body, tools=["echo"])
    talk = one_of(start)
    result = talk.call("one__echo", {"text": "x"})
    assert result["isError"] and "so this call was not made" in result["content"][0]["text"]
    row = rows(store, 1)[0]
    assert row.outcome == "blocked" and row.reason.startswith("interceptor bad failed: ")
    assert says in row.reason
    until(lambda: any("[interceptor bad] failed" in line.text for line in store.log("one")))


def test_one_that_may_fail_is_passed_over_and_that_is_told(
    start: Start, hooks: Hooks, store: Store
) -> None:
    hooks.add("watch", "before", "print('no'); sys.exit(1)", on_failure="allow")
    hooks.add("watch-back", "after", "print('no')", on_failure="allow")
    talk = one_of(start)
    assert talk.text("one__echo", {"text": "x"}) == "x"
    row = rows(store, 1)[0]
    assert row.outcome == "ok" and "watch failed and was passed over" in row.what
    assert "watch-back failed and was passed over" in row.what


def test_a_missing_program_fails_closed(start: Start, hooks: Hooks, store: Store) -> None:
    hooks.path.write_text('[[interceptor]]\nname="gone"\nwhen="before"\nexec=["/nowhere/x"]\n')
    talk = one_of(start)
    assert talk.call("one__echo", {"text": "x"})["isError"]
    assert "could not be started" in rows(store, 1)[0].reason


def test_a_hanging_hook_holds_up_nobody_else(start: Start, hooks: Hooks, store: Store) -> None:
    waiting(hooks, tools=["raw"], timeout=3)
    talk = one_of(start)
    assert talk.text("one__echo", {"text": "up"}) == "up"
    slow = talk.start("tools/call", {"name": "one__raw", "arguments": {}})
    for number in range(20):
        assert talk.text("one__echo", {"text": str(number)}) == str(number)
    said = talk.wait(slow)["result"]
    assert said["isError"] and "did not end within 3 s" in said["content"][0]["text"]
    gone(hooks.folder / "pid")


def test_a_cancelled_call_ends_its_hook_and_reaches_no_server(
    start: Start, hooks: Hooks, store: Store
) -> None:
    pid = waiting(hooks, tools=["raw"])
    talk = one_of(start)
    number = talk.start("tools/call", {"name": "one__raw", "arguments": {}})
    begun(pid)
    talk.send(method="notifications/cancelled", params={"requestId": number})
    gone(pid)
    assert rows(store, 1)[0].outcome == "cancelled"
    assert talk.text("one__echo", {"text": "on"}) == "on"
    assert not [line for line in talk.raw if f'"id":{number},'.encode() in line]


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_gateway_ends_in_time_while_a_hook_hangs(
    start: Start, hooks: Hooks, store: Store, when: str
) -> None:
    pid = waiting(hooks, when=when)
    talk = one_of(start)
    talk.start("tools/call", {"name": "one__echo", "arguments": {"text": "x"}})
    begun(pid)
    began = time.monotonic()
    talk.process.send_signal(signal.SIGTERM)
    assert talk.process.wait(10) == 0
    assert time.monotonic() - began < 5
    gone(pid)
    assert rows(store, 1)[0].outcome == "cancelled"


def test_a_client_that_goes_ends_the_hook(start: Start, hooks: Hooks, store: Store) -> None:
    pid = waiting(hooks)
    talk = one_of(start)
    talk.start("tools/call", {"name": "one__echo", "arguments": {"text": "x"}})
    begun(pid)
    assert talk.close() == 0
    gone(pid)


def test_a_server_that_dies_meanwhile_changes_nothing_for_its_answer(
    start: Start, hooks: Hooks, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    hooks.add("slow", "after", f"\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)",
              tools=["echo"])  # fmt: skip
    talk = one_of(start)
    number = talk.start("tools/call", {"name": "one__echo", "arguments": {"text": "kept"}})
    until(lambda: hooks.told(), 30)
    assert talk.call("one__die")["isError"]
    go.touch()
    assert talk.wait(number)["result"]["content"][0]["text"] == "kept"


def test_a_result_larger_than_a_hook_may_be_told_is_withheld(start: Start, hooks: Hooks) -> None:
    hooks.add("look", "after", tools=["big"])
    talk = one_of(start)
    said = talk.call("one__big", {"size": 5 << 20})
    assert said["isError"] and "larger than the 4194304 bytes" in said["content"][0]["text"]
    assert hooks.told() == []
    assert len(talk.text("one__big", {"size": 1 << 20})) == 1 << 20
    assert len(hooks.told()) == 1


def test_arguments_larger_than_a_hook_may_be_told_are_refused(start: Start, hooks: Hooks) -> None:
    hooks.add("look", "before")
    talk = one_of(start)
    assert talk.call("one__echo", {"text": "x" * (5 << 20)})["isError"]
    deep = b'{"name":"one__echo","arguments":{"text":%b}}' % (b"[" * 900 + b"]" * 900)
    talk.write(b'{"jsonrpc":"2.0","id":500,"method":"tools/call","params":%b}' % deep)
    assert "result" in talk.wait(500)


def test_only_so_many_run_at_once(start: Start, hooks: Hooks, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    body = f"p = {str(tmp_path / 'in')!r} + '/' + str(os.getpid()); open(p, 'w')\n"
    body += f"n = len(os.listdir({str(tmp_path / 'in')!r})); time.sleep(0.3); os.unlink(p)\n"
    body += "say(arguments={'text': str(n)})"
    hooks.add("count", "before", body)
    talk = one_of(start)
    numbers = [talk.start("tools/call", {"name": "one__echo", "arguments": {}}) for _ in range(40)]
    counts = [int(talk.wait(n, 120)["result"]["content"][0]["text"]) for n in numbers]
    assert 1 <= max(counts) <= 16


def test_an_http_hook(start: Start, hooks: Hooks, store: Store) -> None:
    with serving(answer(200, b'{"arguments": {"text": "from afar"}}')) as url:
        hooks.path.write_text(f'[[interceptor]]\nname="web"\nwhen="before"\nhttp="{url}"\n')
        talk = one_of(start)
        assert talk.text("one__echo", {"text": "x"}) == "from afar"
    result = talk.call("one__echo", {"text": "x"})
    assert result["isError"] and "could not be asked" in result["content"][0]["text"]
    assert [row.outcome for row in rows(store, 2)] == ["ok", "blocked"]


@pytest.mark.engine
def test_what_a_hook_wrote_arrives_in_a_real_container(
    store: Store, scratch_environ: dict[str, str], home: Home, tmp_path: Path
) -> None:
    import sys

    from tests.fixtures.images import fixture_image

    image = fixture_image(home.engine(), "python")
    store.put_install(replace(installed("one", "/srv/peer.py"), image_id=image))
    hooks = Hooks(home, tmp_path)
    hooks.add("swap", "before", "say(arguments={'path': '/fine'})")
    spec = f"after:exec:{tmp_path / 'mark'}"
    Hooks(home, tmp_path).add("mark", "after")  # writes the program; the spec names it again
    hooks.path.write_text(hooks.path.read_text().split('[[interceptor]]\nname = "mark"')[0])
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-m", "mcptui", "gateway", "run", "--interceptor", spec]
    talk = Talk(command, {**scratch_environ, "PYTHONPATH": root})
    try:
        talk.hello()
        for modern in (False, True):
            sent = json.loads(talk.text("one__raw", {"path": "/evil"}, modern=modern))
            assert sent["params"]["arguments"] == {"path": "/fine"}
    finally:
        talk.close()
    assert [told["when"] for told in hooks.told()] == ["before", "after"] * 2
