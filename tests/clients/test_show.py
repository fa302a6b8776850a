"""The diff a person sees is the one `diff -u` makes, and it can be applied."""

from __future__ import annotations

import difflib
import random

import pytest

from mcptui.clients.show import unified

TEXTS = [
    ("", "a\n"),
    ("a\n", ""),
    ("a", "a\nb"),
    ("a\nb", "a\nb\n"),
    ("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nnew\n5\n6\n7\n8\n9\n"),
    ("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n6\n7\n8\n9\n"),
    ("x\nx\nx\n", "x\nx\nx\nx\n"),
    ("a\n\n\nb", "a\n\nc\n\nb"),
]


def patched(before: str, diff: list[str]) -> str:
    """Apply a diff of one hunk as `patch` does."""
    old_start = int(diff[2].split()[1].removeprefix("-").split(",")[0])
    lines = before.splitlines(keepends=True)
    at = max(0, old_start - 1) if ",0" not in diff[2].split()[1] else old_start
    out = lines[:at]
    previous = ""
    for line in diff[3:]:
        mark, text = line[0], line[1:]
        if mark == "\\":
            if previous in " +":
                out[-1] = out[-1].removesuffix("\n")
            continue
        if mark in " -":
            assert lines[at].removesuffix("\n") == text
            at += 1
        if mark in " +":
            out.append(text + "\n")
        previous = mark
    return "".join(out + lines[at:])


@pytest.mark.parametrize(("before", "after"), TEXTS)
def test_the_diff_leads_from_one_text_to_the_other(before: str, after: str) -> None:
    assert patched(before, unified(before, after, "f")) == after


def test_it_is_what_difflib_makes_of_one_change() -> None:
    choose = random.Random(3)  # noqa: S311 - tests must be repeatable
    for _ in range(300):
        old = [f"line {number}" for number in range(choose.randint(0, 30))]
        at, drop = choose.randint(0, len(old)), choose.randint(0, 3)
        new = old[:at] + [f"new {n}" for n in range(choose.randint(1, 4))] + old[at + drop :]
        ours = unified("".join(f"{x}\n" for x in old), "".join(f"{x}\n" for x in new), "f")
        theirs = list(difflib.unified_diff(old, new, "f", "f", lineterm=""))
        assert ours[3:] == theirs[3:]
        assert ours[:2] == theirs[:2]


def test_no_change_is_no_diff_and_line_ends_are_not_part_of_lines() -> None:
    assert unified("a\r\n", "a\r\n", "f") == []
    assert unified("a\r\n", "a\r\nb\r\n", "f")[3:] == [" a", "+b"]


def test_a_large_file_takes_no_time() -> None:
    text = "".join(f"line {number % 7}\n" for number in range(300_000))
    assert len(unified(text, text + "more\n", "f")) == 7
