"""The shim itself, compiled from its source and run as an ordinary process."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mcptui.errors import McptuiError, UsageError
from mcptui.runtime.frame import frame
from mcptui.runtime.shim import shim

sys.path.insert(0, str(Path(__file__).parents[2]))
ARCH = os.uname().machine


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh one, from the source as it is now."""
    from hatch_build import compile_shim

    made = compile_shim(tmp_path_factory.mktemp("shim"))
    assert [path.name for path in made] == ["mcptui-shim-x86_64", "mcptui-shim-aarch64"]
    return next(path for path in made if path.name.endswith(ARCH))


def told(environment: dict[str, str]) -> bytes:
    return b"".join(frame(environment))


def started(program: Path, given: bytes, *command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [program, *command],
        input=given,
        capture_output=True,
        timeout=20,
        env={"OWN": "1", "B": "2"},
    )


def test_both_programs_are_static_and_small(program: Path) -> None:
    for path in program.parent.iterdir():
        data = path.read_bytes()
        assert data[:5] == b"\x7fELF\x02"
        machine = struct.unpack_from("<H", data, 18)[0]
        assert machine == {"x86_64": 62, "aarch64": 183}[path.name.rpartition("-")[2]]
        assert b"ld-linux" not in data
        assert b"ld-musl" not in data
        assert len(data) < 16 << 10
        assert path.stat().st_mode & 0o777 == 0o755


def test_the_environment_wins_and_stdin_goes_on(program: Path) -> None:
    done = started(program, told({"B": "x=y\nz", "C": ""}) + b"rest\n", "stdin", "sh", "-c",
                   'echo "$OWN|$B|$C|$#|$1|$2"; cat; exit 9', "name", "a b", "")  # fmt: skip
    assert (done.returncode, done.stderr) == (9, b"")
    assert done.stdout == b"1|x=y\nz||2|a b|\nrest\n"


def test_a_secret_becomes_a_file_for_its_user_alone(program: Path, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    given = b"".join(frame({"TOKEN_FILE": str(file)}, {str(file): "grüße\n=1"}))
    done = started(program, given, "stdin", "/bin/sh", "-c", 'cat "$TOKEN_FILE"')
    assert (done.returncode, done.stdout.decode()) == (0, "grüße\n=1")
    assert file.stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize("there", ["file", "link", "nothing above"])
def test_a_secret_never_goes_into_what_is_there_already(
    program: Path, tmp_path: Path, there: str
) -> None:
    file = tmp_path / "secret"
    if there == "file":
        file.write_text("old")
    elif there == "link":
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file = tmp_path / "missing" / "secret"
    given = b"".join(frame({}, {str(file): "value"}))
    done = started(program, given, "stdin", "/bin/true")
    assert done.returncode == 125
    assert b"cannot keep a secret" in done.stderr
    assert b"value" not in done.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_path_is_searched_as_the_frame_says(program: Path, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\necho found\n")
    path = {"PATH": f"/nowhere::{tmp_path}"}
    assert started(program, told(path), "stdin", "tool").returncode == 126
    (tmp_path / "tool").chmod(0o755)
    assert started(program, told(path), "stdin", "tool").stdout == b"found\n"
    assert started(program, told({"PATH": ""}), "stdin", "tool").returncode == 127


@pytest.mark.parametrize(
    ("given", "command", "code", "words"),
    [
        (b"", ("stdin", "true"), 125, b"the gateway ended while it sent the frame"),
        (b"MCPS\1\0\0\0\x09\0\0\0short", ("stdin", "true"), 125, b"ended while it sent"),
        (b"MCPS\2\0\0\0\0\0\0\0", ("stdin", "true"), 125, b"another version"),
        (b"HTTP/1.1 400", ("stdin", "true"), 125, b"another version"),
        (b"MCPS\1\0\0\0\0\0\0\x7f", ("stdin", "true"), 125, b"larger than 1 MiB"),
        (b"MCPS\1\0\0\0\4\0\0\0FAB\0", ("stdin", "true"), 125, b"does not know"),
        (b"MCPS\1\0\0\0\4\0\0\0EAB\0", ("stdin", "true"), 125, b"does not know"),
        (b"", ("stdin",), 125, b"no command"),
        (b"", ("other", "true"), 125, b"unknown route other"),
        (b"", ("socket", "true"), 125, b"cannot reach the gateway's socket"),
        (told({}), ("stdin", "/no/such"), 127, b"/no/such: there is no such file"),
        (told({}), ("stdin", "/etc/passwd"), 126, b"/etc/passwd: it is not executable"),
        (told({}), ("stdin", "/tmp"), 126, b"/tmp: it is not executable"),
    ],
)
def test_every_trouble_has_a_code_and_a_reason(
    program: Path, given: bytes, command: tuple[str, ...], code: int, words: bytes
) -> None:
    done = started(program, given, *command)
    assert done.returncode == code
    assert done.stderr.startswith(b"mcptui-shim: ")
    assert words in done.stderr
    assert done.stdout == b""


def test_no_program_for_this_machine(program: Path, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("neither a program nor a script")
    path.chmod(0o755)
    done = started(program, told({}), "stdin", str(path))
    assert done.returncode == 126
    assert b"it is no program for this machine" in done.stderr


def test_signals_pass_and_ends_by_signal_are_told(program: Path) -> None:
    script = (
        "import signal,sys\n"
        "signal.signal(15, lambda *a: sys.exit(7))\n"
        "print('up', flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen(
        [program, "stdin", sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(told(dict(os.environ)))
        running.stdin.flush()
        assert running.stdout.readline() == b"up\n"
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 7
    done = started(program, told({}), "stdin", "sh", "-c", "kill -9 $$")
    assert done.returncode == 128 + 9


def test_the_server_cannot_hold_the_shim_open(program: Path) -> None:
    """Its stdin, stdout and stderr are the server's alone: closing them is seen at once."""
    with subprocess.Popen(
        [program, "stdin", "sh", "-c", "exec >&- 2>&-; sleep 5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(told(dict(os.environ)))
        running.stdin.flush()
        begun = time.monotonic()
        assert running.stdout.read() == b""
        assert time.monotonic() - begun < 4
        running.kill()


def test_the_filter_refuses_what_it_says(program: Path) -> None:
    script = (
        "import socket,ctypes,os\n"
        "libc=ctypes.CDLL(None,use_errno=True)\n"
        "for family,kind in (1,1),(2,1),(10,1),(16,3),(17,3),(38,5),(40,1):\n"
        "  try: socket.socket(family,kind).close(); print(family,'ok')\n"
        "  except OSError as e: print(family,e.errno)\n"
        "libc.unshare(0x10000000); print('unshare',ctypes.get_errno())\n"
        "ctypes.set_errno(0); libc.ptrace(0,0,0,0); print('ptrace',ctypes.get_errno())\n"
    )
    done = started(program, told(dict(os.environ)), "stdin", sys.executable, "-c", script)
    assert done.stdout.decode().splitlines() == [
        "1 ok", "2 ok", "10 ok", "16 ok", "17 97", "38 97", "40 97", "unshare 1", "ptrace 38",
    ]  # fmt: skip


def test_a_shim_that_only_its_owner_may_run_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Path
) -> None:
    import mcptui.runtime.shim as module

    (tmp_path / "bin").mkdir()
    private = tmp_path / "bin" / program.name
    private.write_bytes(program.read_bytes())
    private.chmod(0o700)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "__init__.py"))
    copy = shim(ARCH, tmp_path)
    assert copy != private
    assert copy.stat().st_mode & 0o777 == 0o755
    assert copy.read_bytes() == program.read_bytes()
    assert shim(ARCH, tmp_path) == copy
    private.chmod(0o755)
    assert shim(ARCH, tmp_path) == private
    private.unlink()
    with pytest.raises(McptuiError, match="is missing"):
        shim(ARCH, tmp_path)
    with pytest.raises(McptuiError, match="riscv64"):
        shim("riscv64", tmp_path)


def test_frames_refuse_what_is_no_variable() -> None:
    for environment in ({"A=B": "x"}, {"": "x"}, {"A": "x\0y"}, {"A": "x" * (1 << 20)}):
        with pytest.raises(UsageError):
            frame(environment)
    head, body = frame({"A": "1", "B": "grüße"})
    assert head == b"MCPS\1\0\0\0" + struct.pack("<I", len(body))
    assert body == b"EA=1\0EB=gr\xc3\xbc\xc3\x9fe\0"
