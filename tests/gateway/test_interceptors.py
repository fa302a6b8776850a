"""Interceptors in a running gateway: what they are told, what they change, what gets past them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcptui.home import Home
from mcptui.store import Store
from tests.gateway.conftest import Start, rows, until
from tests.gateway.local import installed
from tests.gateway.talk import Talk
from tests.guard.hook import program


class Hooks:
    """The user's interceptors.toml."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.path = home.paths.private(home.paths.config) / "interceptors.toml"
        self.folder = folder
        self.log = folder / "told.jsonl"

    def add(self, name: str, when: str, body: str = "", **more: Any) -> None:
        """Add a hook that keeps what it is told and then does something."""
        note = f"open({str(self.log)!r}, 'a').write(json.dumps(told) + '\\n')\n"
        command = program(self.folder, name, note + body)
        fields = {"name": name, "when": when, "exec": [command], "timeout": 30, **more}
        lines = [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
        with self.path.open("a") as file:
            file.write("\n".join(["[[interceptor]]", *lines, "", ""]))

    def told(self) -> list[dict[str, Any]]:
        """What the hooks were told, in order."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def hooks(home: Home, tmp_path: Path) -> Hooks:
    """No hooks yet."""
    return Hooks(home, tmp_path)


ERAS = pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
REWRITE = "say(arguments={**told['arguments'], 'text': told['arguments']['text'].upper()})"
REPLACE = "say(result={'content': [{'type': 'text', 'text': 'replaced'}]})"


def one_of(start: Start, era: str = "legacy", **limits: float) -> Talk:
    """A gateway in front of one peer, greeted."""
    talk = start(installed("one", "--era", era), **limits)
    talk.hello(elicitation={})
    return talk


@ERAS
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_context_rewriting_and_replacing_in_all_eras(
    start: Start, hooks: Hooks, store: Store, modern: bool, era: str
) -> None:
    hooks.add("upper", "before", REWRITE)
    hooks.add(
        "later", "after", "told['result']['content'][0]['text'] += '!'; say(result=told['result'])"
    )
    talk = one_of(start, era)
    talk.call("one__echo", {"text": ""}, modern=modern)  # from here on its tools are known
    before = len(hooks.told())
    result = talk.call("one__echo", {"text": "grüße"}, modern=modern)
    assert result["content"] == [{"type": "text", "text": "GRÜSSE!"}]
    assert result.get("resultType") == ("complete" if modern else None)
    first, second = hooks.told()[before:]
    who = {"name": "modern-client", "version": "9"}
    assert first == {
        "version": 1, "when": "before", "call": first["call"], "session": first["session"],
        "client": who if modern else {"name": "legacy-client", "version": "3"},
        "server": "one", "method": "tools/call", "name": "echo",
        "tool": {"name": "echo", "description": "Says it again"},
        "arguments": {"text": "grüße"},
    }  # fmt: skip
    assert second["when"] == "after" and second["call"] == first["call"]
    assert second["tool"] == first["tool"] and second["arguments"] == {"text": "GRÜSSE"}
    assert second["result"]["content"] == [{"type": "text", "text": "GRÜSSE"}]
    row = rows(store, 2)[-1]
    body = store.call_body(row.id)
    assert body is not None and row.outcome == "ok"
    assert json.loads(body.request) == {"text": "GRÜSSE"}, "the record tells what was sent"
    assert json.loads(body.answer)["content"][0]["text"] == "GRÜSSE!"
    assert "arguments rewritten by upper · result replaced by later" in row.what


@ERAS
def test_a_denied_call_never_reaches_its_server(
    start: Start, hooks: Hooks, store: Store, modern: bool
) -> None:
    hooks.add("no", "before", "say(decision='deny', message='not on a Monday')", tools=["echo"])
    talk = one_of(start)
    result = talk.call("one__echo", {"text": "x"}, modern=modern)
    assert result["isError"] is True
    assert result["content"][0]["text"] == (
        "The interceptor 'no' of mcptui's user refused this call of 'one', so it was not made: "
        "not on a Monday"
    )
    assert talk.text("one__raw", {"text": "x"}, modern=modern), "the filter leaves others alone"
    row = rows(store, 2)[0]
    assert (row.outcome, row.reason) == ("blocked", "interceptor no: not on a Monday")


@ERAS
def test_a_withheld_answer_does_not_leave(
    start: Start, hooks: Hooks, store: Store, modern: bool
) -> None:
    hooks.add("keep", "after", "say(decision='deny', message='it holds a secret')")
    talk = one_of(start)
    result = talk.call("one__echo", {"text": "sesame"}, modern=modern)
    assert result["isError"] is True and "withheld its answer: it holds" in str(result["content"])
    assert not any(b"sesame" in line for line in talk.raw)
    row = rows(store, 1)[0]
    body = store.call_body(row.id)
    assert row.outcome == "blocked" and body is not None and body.answer == ""


@ERAS
def test_an_error_is_looked_at_like_a_result(start: Start, hooks: Hooks, modern: bool) -> None:
    hooks.add("keep", "after", "say(decision='deny') if 'error' in told else say()")
    talk = one_of(start)
    talk.notification("notifications/resources/list_changed")
    answer = talk.ask("resources/read", {"uri": "test://missing"}, modern=modern)
    assert "not found" not in json.dumps(answer) and "withheld" in answer["error"]["message"]
    assert hooks.told()[-1]["error"]["message"] == "not found"


def test_hooks_see_every_method(start: Start, hooks: Hooks) -> None:
    hooks.add("a", "before")
    hooks.add("b", "after")
    hooks.add("tools", "before", tools=["e*"])
    talk = one_of(start)
    talk.notification("notifications/resources/list_changed")
    talk.ask("prompts/get", {"name": "one__greet", "arguments": {"who": "you"}})
    talk.ask("resources/read", {"uri": "test://one"})
    argument = {"name": "who", "value": "y"}
    ref = {"type": "ref/prompt", "name": "one__greet"}
    done = talk.ask("completion/complete", {"ref": ref, "argument": argument})
    assert done["result"]["completion"]["values"] == ["y!", "ref/prompt"]
    told = hooks.told()
    assert [(t["when"], t["method"], t["name"]) for t in told] == [
        ("before", "prompts/get", "greet"), ("after", "prompts/get", "greet"),
        ("before", "resources/read", "test://one"), ("after", "resources/read", "test://one"),
        ("before", "completion/complete", "greet"), ("after", "completion/complete", "greet"),
    ]  # fmt: skip
    assert told[0]["arguments"] == {"who": "you"}
    assert told[2]["arguments"] == {"uri": "test://one"}
    assert told[4]["arguments"] == {"ref": {**ref, "name": "greet"}, "argument": argument}


def test_hooks_chain_in_the_order_of_the_file(start: Start, hooks: Hooks) -> None:
    for name in ("z", "a", "m"):
        hooks.add(
            name, "before", f"say(arguments={{'text': told['arguments']['text'] + {name!r}}})"
        )
        hooks.add(
            f"after-{name}", "after",
            f"told['result']['content'][0]['text'] += {name.upper()!r}; say(result=told['result'])",
        )  # fmt: skip
    talk = one_of(start)
    assert talk.text("one__echo", {"text": "-"}) == "-zamZAM"


@ERAS
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_what_clients_answer_servers_is_looked_at(
    start: Start, hooks: Hooks, modern: bool, era: str
) -> None:
    swap = "told['inputResponses'][k]['content'] = {'name': 'nobody'}"
    body = f"for k in told.get('inputResponses', {{}}): {swap}\n"
    body += "if 'inputResponses' in told: say(inputResponses=told['inputResponses'])"
    hooks.add("anonymous", "before", body)
    talk = one_of(start, era)
    answer = {"action": "accept", "content": {"name": "Ada"}}
    talk.answer = lambda message: answer
    result = talk.call("one__ask", modern=modern)
    if modern:
        again = {
            "name": "one__ask", "arguments": {}, "requestState": result["requestState"],
            "inputResponses": dict.fromkeys(result["inputRequests"], answer),
        }  # fmt: skip
        result = talk.ask("tools/call", again, modern=True)["result"]
    assert "nobody" in result["content"][0]["text"] and "Ada" not in result["content"][0]["text"]
    assert hooks.told()[-1]["name"] == "ask"


@ERAS
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_refused_answer_reaches_no_server(
    start: Start, hooks: Hooks, modern: bool, era: str
) -> None:
    hooks.add("no", "before", "say(decision='deny' if 'inputResponses' in told else 'allow')")
    talk = one_of(start, era)
    answer = {"action": "accept", "content": {"name": "Ada"}}
    talk.answer = lambda message: answer
    result = talk.call("one__ask", modern=modern)
    if modern:
        again = {
            "name": "one__ask", "arguments": {}, "requestState": result["requestState"],
            "inputResponses": dict.fromkeys(result["inputRequests"], answer),
        }  # fmt: skip
        result = talk.ask("tools/call", again, modern=True)["result"]
    assert "Ada" not in json.dumps(result)
    assert "refused" in json.dumps(result)


SMUGGLED = [
    b'{"name":"one__raw","arguments":{"path":"/evil","path":"/fine"}}',
    b'{"name":"one__raw","arguments":{"path":"/fine","p\\u0061th":"/fine"}}',
    b'{"name":"one__raw","arguments":{"path":"/evil"},"arguments":{"path":"/fine"}}',
    b'{"name":"one__raw","arguments":{"path":"/evil"},"argum\\u0065nts":{"path":"/fine"}}',
    b'{"name":"one__hang","arguments":{"path":"/fine"},"n\\u0061me":"one__raw"}',
]


@pytest.mark.parametrize("params", SMUGGLED)
def test_what_was_looked_at_is_what_is_sent(start: Start, hooks: Hooks, params: bytes) -> None:
    hooks.add("look", "before")
    talk = one_of(start)
    talk.write(b'{"jsonrpc":"2.0","id":77,"method":"tools/call","params":%b}' % params)
    sent = talk.wait(77)["result"]["content"][0]["text"]
    assert json.loads(sent)["params"] == {"name": "raw", "arguments": {"path": "/fine"}}
    assert sent.count("path") == 1 and "evil" not in sent and "\\u0061" not in sent
    assert hooks.told()[-1]["arguments"] == {"path": "/fine"}


@pytest.mark.parametrize("key", ["Name", "NAME", "Arguments", "ARGUMENTS", "Uri", "argumentſ"])
def test_lookalike_params_are_refused(start: Start, hooks: Hooks, key: str) -> None:
    hooks.add("look", "before")
    talk = one_of(start)
    params = {"name": "one__raw", "arguments": {}, key: {"path": "/evil"}}
    answer = talk.ask("tools/call", params)
    assert answer["error"]["code"] == -32602, answer
    assert hooks.told() == []


def test_odd_values_survive_a_hook(start: Start, hooks: Hooks) -> None:
    hooks.add("look", "before")
    hooks.add("look-back", "after")
    talk = one_of(start)
    odd: dict[str, Any] = {
        "big": 2**70,
        "half": "\ud83d",
        "emoji": "👩‍👩‍👧",
        "nul": "a\0b",
        "deep": [[[{}]]],
        "f": 1.5,
    }
    sent = json.loads(talk.text("one__raw", odd))
    assert sent["params"]["arguments"] == odd


def test_without_an_interested_hook_bytes_pass_untouched(start: Start, hooks: Hooks) -> None:
    hooks.add("other", "before", "say(decision='deny')", servers=["two"])
    talk = one_of(start)
    arguments = b'{"a" : 1.0e0, "a":2, "\\u0062":"\\u00e9"}'
    params = b'{"name":"one__raw","arguments":%b}' % arguments
    talk.write(b'{"jsonrpc":"2.0","id":77,"method":"tools/call","params":%b}' % params)
    assert arguments.decode() in talk.wait(77)["result"]["content"][0]["text"]


def test_changes_reach_a_running_gateway(start: Start, hooks: Hooks) -> None:
    talk = one_of(start)
    assert talk.text("one__echo", {"text": "a"}) == "a"
    hooks.add("upper", "before", REWRITE)
    until(lambda: talk.text("one__echo", {"text": "a"}) == "A", 20)
    hooks.path.write_text("[[interceptor]]\nname = 'x'\n")
    until(lambda: talk.call("one__echo", {"text": "a"}).get("isError"), 20)
    said = talk.text("one__echo", {"text": "a"})
    assert "interceptor[0].when is missing" in said and "line 1" in said
    assert len(talk.ask("tools/list")["result"]["tools"]) > 3, "lists are still answered"
    hooks.path.unlink()
    until(lambda: talk.text("one__echo", {"text": "a"}) == "a", 20)


@pytest.mark.parametrize("broken", ["[[interceptor", "\xff", '[[interceptor]]\nname = "x"\n'])
def test_a_broken_file_lets_nothing_through(
    start: Start, hooks: Hooks, store: Store, broken: str
) -> None:
    hooks.path.write_bytes(broken.encode("latin-1"))
    talk = start(installed("one"))
    talk.hello()
    until(lambda: talk.ask("tools/list")["result"]["tools"])
    result = talk.call("one__echo", {"text": "x"})
    assert result["isError"] and "no call is made" in result["content"][0]["text"]
    assert str(hooks.path) in result["content"][0]["text"]
    assert rows(store, 1)[0].outcome == "blocked"
