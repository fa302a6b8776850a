"""Hooks for tests: small programs written where a test wants them."""

from __future__ import annotations

import sys
from pathlib import Path

HEAD = f"#!{sys.executable} -S\nimport json, os, sys, time, signal\n"


def program(folder: Path, name: str, body: str) -> str:
    """A Python program that knows `told`, what it was asked, and `say`; gives its path."""
    path = folder / name
    tell = "def say(**answer): print(json.dumps(answer), flush=True)\n"
    path.write_text(f"{HEAD}{tell}told = json.loads(sys.stdin.buffer.read())\n{body}\n")
    path.chmod(0o755)
    return str(path)


def blind(folder: Path, name: str, body: str) -> str:
    """The same for one that does not read its input."""
    path = folder / name
    path.write_text(f"{HEAD}{body}\n")
    path.chmod(0o755)
    return str(path)
