"""Hooks that are programs, and what a bad one can do: fail, in time, and leave nothing."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from mcptui.guard.hooks_exec import run_exec
from mcptui.guard.interceptors import ANSWER_BYTES, HookFailure, Interceptor
from tests.guard.hook import blind, program


def run(
    path: str, told: bytes = b"{}", *, seconds: float = 20, log: list[str] | None = None
) -> bytes:
    """Run a program as a hook."""
    hook = Interceptor("h", "before", (path, "one arg"), timeout=seconds)
    lines = log if log is not None else []
    return asyncio.run(run_exec(hook, told, lines.append))


def alive(pid: int) -> bool:
    """Whether a process is there and is no corpse."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def gone(pid_file: Path) -> None:
    """Assert that the process whose pid was written is gone, or goes at once."""
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_gets_the_call_on_stdin_and_answers_on_stdout(tmp_path: Path) -> None:
    body = "say(message=told['x'] + sys.argv[1]); print('a\\nb', file=sys.stderr)"
    lines: list[str] = []
    said = run(program(tmp_path, "h", body), b'{"x":"hi "}', log=lines)
    assert json.loads(said) == {"message": "hi one arg"}
    assert lines == ["a", "b"]


def test_its_environment_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    said = json.loads(run(blind(tmp_path, "h", "print(json.dumps(dict(os.environ)))")))
    assert said["MCPTUI_INTERCEPTOR"] == "h"
    assert set(said) <= {
        "PATH", "HOME", "TMPDIR", "TZ", "LANG", "MCPTUI_INTERCEPTOR", "MCPTUI_INTERCEPTOR_RUN",
        "LC_CTYPE",
    }  # fmt: skip


def test_it_inherits_no_descriptor(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, False)
    try:
        said = json.loads(
            run(blind(tmp_path, "h", "print(json.dumps(os.listdir('/proc/self/fd')))"))
        )
    finally:
        os.close(read_end)
        os.close(write_end)
    assert {int(fd) for fd in said} - {0, 1, 2} <= {3}, "3 is the listing itself"


def test_one_that_does_not_read_a_large_call_is_no_failure(tmp_path: Path) -> None:
    assert run(blind(tmp_path, "h", "print('{}')"), b"x" * (3 << 20)) == b"{}\n"


def test_a_large_call_and_a_large_answer_pass(tmp_path: Path) -> None:
    told = json.dumps("y" * (3 << 20)).encode()
    said = run(program(tmp_path, "h", "print(json.dumps(told))"), told)
    assert said.strip() == told


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
        ("time.sleep(60)", "did not end within 1 s"),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)", "did not end within 1 s"),
        ("os.close(1); os.close(2); time.sleep(60)", "did not end within 1 s"),
        ("\nwhile True: os.write(1, b'x' * 65536)", f"larger than {ANSWER_BYTES} bytes"),
        ("\nwhile True: os.write(2, b'x' * 65536)", "did not end within 1 s"),
    ],
)
def test_what_a_bad_one_does_is_a_failure(tmp_path: Path, body: str, says: str) -> None:
    pid = tmp_path / "pid"
    path = blind(tmp_path, "h", f"open({str(pid)!r}, 'w').write(str(os.getpid()))\n{body}")
    log: list[str] = []
    # A busy machine takes its time to start a program: short only where the limit itself counts.
    seconds = 1 if "1 s" in says else 20
    with pytest.raises(HookFailure, match=says):
        run(path, seconds=seconds, log=log)
    if pid.exists() and pid.read_text():
        gone(pid)
    assert sum(map(len, log)) <= 16 << 10


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/etc/passwd", "/"])
def test_one_that_is_missing_or_no_program_is_a_failure(path: str) -> None:
    with pytest.raises(HookFailure, match="could not be started"):
        run(path)


FORKS = """
if os.fork() == 0:
    {leave}
    open({pid!r}, 'w').write(str(os.getpid()))
    time.sleep(60)
while not os.path.exists({pid!r}) or not open({pid!r}).read(): time.sleep(0.01)
print('{{}}', flush=True)
{end}
"""


@pytest.mark.parametrize("leave", ["pass", "os.setsid()"])
def test_children_that_hold_stdout_keep_nobody_waiting(tmp_path: Path, leave: str) -> None:
    pid = tmp_path / "pid"
    path = blind(tmp_path, "h", FORKS.format(leave=leave, pid=str(pid), end="os._exit(0)"))
    began = time.monotonic()
    assert run(path, seconds=40) == b"{}\n"
    assert time.monotonic() - began < 30
    if leave == "pass":
        gone(pid)
    else:
        os.kill(int(pid.read_text()), 9)


@pytest.mark.parametrize("leave", ["pass", "os.setsid()", "os.setpgid(0, 0)"])
def test_children_die_with_it_at_the_time_limit(tmp_path: Path, leave: str) -> None:
    pid = tmp_path / "pid"
    path = blind(tmp_path, "h", FORKS.format(leave=leave, pid=str(pid), end="time.sleep(60)"))
    with pytest.raises(HookFailure, match="did not end within 3 s"):
        run(path, seconds=3)
    gone(pid)


def test_a_cancelled_one_is_gone(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    path = blind(tmp_path, "h", f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)")

    async def go() -> None:
        task = asyncio.ensure_future(
            run_exec(Interceptor("h", "before", (path,), timeout=60), b"{}", lambda line: None)
        )
        while not pid.exists() or not pid.read_text():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    gone(pid)


def test_nothing_stays_open(tmp_path: Path) -> None:
    path = blind(tmp_path, "h", "print('{}')")
    run(path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        run(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
