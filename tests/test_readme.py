"""What the README names is there: tests, pictures, make targets and keys."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()


def test_every_file_it_names_exists() -> None:
    named = set(re.findall(r"\b(?:tests|screenshots|catalog)/[\w./-]+\.\w+", TEXT))
    assert len(named) >= 7
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_every_promise_names_its_test() -> None:
    _, _, table = TEXT.partition("| attack | promise |")
    rows = [line for line in table.splitlines()[2:8] if line.startswith("|")]
    assert len(rows) == 6
    assert all("tests/" in row or "not yet" in row for row in rows), rows


def test_every_make_target_it_names_exists() -> None:
    named = set(re.findall(r"(?m)(?:^|`)make ([a-z]+)", TEXT))
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    assert {"run", "test"} <= named <= targets


def test_the_lock_files_and_the_readme_name_no_registry() -> None:
    locks = sorted((ROOT / "requirements").iterdir())
    assert locks
    for path in [*locks, ROOT / "README.md", ROOT / "Makefile"]:
        assert not re.search(r"--(?:extra-)?index-url|--find-links\b.*:", path.read_text()), path
