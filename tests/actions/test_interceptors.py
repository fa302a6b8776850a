"""Setting interceptors up, taking them away and trying them, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcptui.actions.interceptors import add_hook, list_hooks, remove_hook
from mcptui.cli import main
from mcptui.errors import UsageError
from mcptui.home import Home
from tests.guard.hook import program


@pytest.fixture
def file(home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the home's interceptors are; the command line looks there too."""
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)
    return home.paths.interceptors


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run a command; gives exit code, stdout and stderr."""
    code = main(["interceptor", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_add_list_and_remove_keep_the_persons_file(
    home: Home, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.paths.private(home.paths.config)
    own = '# mine\n[[interceptor]]  # 1\nname = "own"\nwhen = "after"\nexec = ["/bin/true"]\n# end'
    file.write_text(own)
    file.chmod(0o640)
    code, out, _ = run(
        capsys, "add", "check", "before:exec:/bin/cat 'two words'", "--server", "git*",
        "--tool", "create_*", "--tool", "x\"'\\é\x7f", "--timeout", "2", "--on-failure", "allow",
        "--json",
    )  # fmt: skip
    assert code == 0 and json.loads(out)["command"] == ["/bin/cat", "two words"]
    assert file.read_text().startswith(own)
    assert file.stat().st_mode & 0o777 == 0o640
    own_hook, check = list_hooks(home)
    assert (own_hook.name, check.servers, check.timeout) == ("own", ("git*",), 2.0)
    assert check.tools == ("create_*", "x\"'\\é\x7f")
    code, out, _ = run(capsys, "ls")
    assert (
        code == 0 and "exec:/bin/cat 'two words'" in out and out.index("own") < out.index("check")
    )
    code, out, _ = run(capsys, "rm", "own", "--json")
    assert code == 0 and json.loads(out) == {"removed": ["own"]}
    assert [hook.name for hook in list_hooks(home)] == ["check"]
    assert file.read_text().startswith("# mine\n")
    remove_hook(home, "check")
    assert list_hooks(home) == ()


def test_what_cannot_be_added_changes_nothing(home: Home, file: Path) -> None:
    add_hook(home, "a", "before:exec:/bin/true", {})
    before = file.read_bytes()
    for name, spec, settings in (
        ("a", "before:exec:/bin/true", {}),
        ("b", "before:exec:true", {}),
        ("b c", "before:exec:/bin/true", {}),
        ("b", "before:exec:/bin/true", {"timeout": 1000.0}),
        ("b", "before:exec:/bin/true", {"servers": ("",)}),
    ):
        with pytest.raises(UsageError):
            add_hook(home, name, spec, settings)
    with pytest.raises(UsageError, match="There are: a"):
        remove_hook(home, "b")
    assert file.read_bytes() == before
    file.write_text("nonsense")
    with pytest.raises(UsageError, match="is not TOML"):
        add_hook(home, "b", "before:exec:/bin/true", {})
    assert file.read_text() == "nonsense"


def test_what_cannot_be_cut_out_safely_is_left(home: Home, file: Path) -> None:
    home.paths.private(home.paths.config)
    tricky = 'interceptor = [{name="a", when="before", exec=["/bin/true"]}]\n'
    file.write_text(tricky)
    with pytest.raises(UsageError, match="by hand"):
        remove_hook(home, "a")
    assert file.read_text() == tricky


def test_trying_one(
    home: Home, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = "print('looked', file=sys.stderr)\nsay(arguments={'n': told['arguments']['n'] + 1})"
    add_hook(home, "more", f"before:exec:{program(tmp_path, 'more', body)}", {"timeout": 30.0})
    code, out, _ = run(capsys, "test", "more", "--tool", "t", "--arguments", '{"n":1}', "--json")
    tried = json.loads(out)
    assert (
        code == 0 and tried["outcome"] == "changed" and tried["answer"] == {"arguments": {"n": 2}}
    )
    assert tried["told"]["tool"]["name"] == "t" and tried["log"] == ["looked"]
    code, out, _ = run(capsys, "test", "more")
    assert code == 1 and "failed" in out and "exit code 1" in out
    body = "say(decision='deny', message=told['result']['content'][0]['text'])"
    add_hook(home, "no", f"after:exec:{program(tmp_path, 'no', body)}", {"timeout": 30.0})
    code, out, _ = run(capsys, "test", "no")
    assert code == 0 and "denied" in out and "an answer" in out
    code, _, err = run(capsys, "test", "no", "--result", "[1")
    assert code == 2 and "--result is not JSON" in err


def test_a_wrong_spec_of_gateway_run_is_told_and_nothing_starts(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mcptui.actions.run_gateway import _interceptors  # pyright: ignore[reportPrivateUsage]

    with pytest.raises(UsageError, match="absolute path"):
        _interceptors(["before:exec:check"])
