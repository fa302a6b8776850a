"""Reasons in words that a person can act on."""

from __future__ import annotations

import pytest

from mcptui.runtime.death import words


def told(code: int | None, last_log: str = "", error: str = "", **flags: bool) -> str:
    oom, stopped = flags.get("oom", False), flags.get("stopped", False)
    return words(code, oom=oom, stopped=stopped, memory=256 << 20, last_log=last_log, error=error)


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        (told(137, oom=True), "out of memory: it wanted more than 256 MiB"),
        (told(143, stopped=True), "stopped"),
        (told(0), "it ended by itself, without an error"),
        (told(1), "it ended with exit code 1"),
        (told(1, " bad \x1b[31m "), "it ended with exit code 1; its last words: bad ␛[31m"),
        (told(139), "it crashed (SIGSEGV)"),
        (told(134, "abort"), "it crashed (SIGABRT); its last words: abort"),
        (told(137), "it was killed (SIGKILL)"),
        (told(143), "it was killed (SIGTERM)"),
        (told(200), "it ended with exit code 200"),
        (told(127), "it ended with exit code 127"),
        (told(127, "mcptui-shim: x: gone"), "its command is missing: x: gone"),
        (told(126, "mcptui-shim: x: no"), "its command cannot be run: x: no"),
        (told(125, "mcptui-shim: no frame"), "it could not be set up: no frame"),
        (told(None), "the container engine went away, or its container was removed"),
        (told(None, error="no runc"), "the engine could not run it: no runc"),
    ],
)  # fmt: skip
def test_words(reason: str, wanted: str) -> None:
    assert reason == wanted


def test_last_words_are_short() -> None:
    assert len(told(1, "x" * 10_000)) < 300
