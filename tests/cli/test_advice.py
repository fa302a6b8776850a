"""What texts tell a person to type exists: errors, findings, screens and README name commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mcptui.cli.commands import COMMANDS, GROUPS
from mcptui.cli.parser import with_default

ROOT = Path(__file__).parents[2]
TOLD = re.compile(r"`mcptui ([^`\n]+)`")
HEADS = {command.path[0] for command in COMMANDS}
PATHS = {command.path for command in COMMANDS}
OPTIONS = {
    command.path: {name for one in command.arguments for name in one.names} | {"--json", "--help"}
    for command in COMMANDS
}


def told() -> Iterator[tuple[str, str]]:
    """Every command line in backticks, with the file that tells it."""
    files = [*ROOT.glob("mcptui/**/*.py"), ROOT / "README.md", ROOT / "catalog" / "README.md"]
    for file in files:
        for match in TOLD.finditer(file.read_text("utf-8")):
            yield str(file.relative_to(ROOT)), match[1]


def test_every_command_that_is_told_exists() -> None:
    lines = list(told())
    assert len(lines) > 20
    unknown: list[tuple[str, str]] = []
    for file, line in lines:
        words = with_default(line.split())
        if words[0].startswith(("-", "__", "{")) or words[0].isupper():
            continue
        path = tuple(words[: 2 if words[0] in GROUPS else 1])
        if path not in PATHS:
            unknown.append((file, line))
            continue
        options = {word.split("=")[0] for word in words if word.startswith("-")}
        if not options <= OPTIONS[path]:
            unknown.append((file, line))
    assert unknown == []
