"""What a command gives: data on stdout, its story on stderr, nothing that steers a terminal.

With `--json` stdout holds exactly one JSON document, or one per line while following; all of it
is ASCII, so it is exact and harmless at once. Without it stdout holds tables and lines for a
person, each passed through `visible()`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO, cast

from mcptui.errors import McptuiError
from mcptui.visible import visible

if TYPE_CHECKING:
    from mcptui.progress import Step

MARKS = {"running": "●", "done": "✓", "failed": "✗", "skipped": "–", "waiting": "○"}
"""One sign per state of a step, always beside a word."""
FINDINGS = {"ok": "✓", "warn": "▲", "bad": "✗"}
"""One sign per state of a finding."""


def plain(value: Any) -> Any:
    """Turn rows, enums, paths and sets into what JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            part.name: plain(getattr(value, part.name))
            for part in dataclasses.fields(value)
            if not part.name.startswith("_")
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {str(key): plain(held) for key, held in items}
    if isinstance(value, frozenset | set):
        return sorted(plain(item) for item in cast("set[Any]", value))
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def width(text: str) -> int:
    """Columns a visible text takes: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def cut(text: str, room: int) -> str:
    """Cut a line to the columns there are; an ellipsis marks the cut."""
    if width(text) <= room:
        return text
    kept = text[: max(0, room - 1)]
    while width(kept) > room - 1:
        kept = kept[:-1]
    return f"{kept}…"


def size(count: float) -> str:
    """A number of bytes for a person: 2.1 kB, 41 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


class Out:
    """The two streams of one command.

    Args:
        as_json: stdout carries JSON.
        stdout, stderr: the streams; the process's own when not given.
        environ: NO_COLOR and TERM are read from it.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.as_json = as_json
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self._environ = os.environ if environ is None else environ
        self._moving = ""

    # ---- data

    def data(self, value: Any) -> None:
        """Write the one JSON document."""
        self._json(plain(value), indent=1)

    def line(self, value: Any) -> None:
        """Write one JSON document of many, on a line of its own, at once."""
        self._json(plain(value), indent=None)
        self.stdout.flush()

    def _json(self, value: Any, indent: int | None) -> None:
        self.stdout.write(json.dumps(value, indent=indent, ensure_ascii=True) + "\n")

    def text(self, text: object = "") -> None:
        """Write lines for a person."""
        self.stdout.write(self._fit(visible(text, lines=True), self.stdout) + "\n")

    def raw(self, text: str) -> None:
        """Write a text of our own making exactly (completion scripts)."""
        self.stdout.write(text)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write aligned columns; every cell is cut to one visible line."""
        cells = [[visible(cell, limit=300) for cell in row] for row in rows]
        widths = [
            max([width(title), *(width(row[index]) for row in cells)])
            for index, title in enumerate(head)
        ]
        room = shutil.get_terminal_size().columns if self.stdout.isatty() else 0
        for row in [[*head], *cells]:
            padded = [
                cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True)
            ]
            line = "  ".join(padded).rstrip()
            self.text(cut(line, room) if room else line)

    # ---- narration

    def say(self, text: object) -> None:
        """Tell the person something that is not data."""
        self._settle()
        self.stderr.write(self._fit(visible(text, lines=True), self.stderr) + "\n")
        self.stderr.flush()

    def ask(self, question: str) -> None:
        """Put a question, and leave the cursor behind it."""
        self._settle()
        self.stderr.write(self._fit(visible(question), self.stderr))
        self.stderr.flush()

    def error(self, error: McptuiError) -> None:
        """Tell what was refused or failed, why, and what to do."""
        if self.as_json:
            told = {"what": error.what, "why": error.why, "fix": error.fix, "code": error.exit_code}
            self.line({"error": told})
        self.narrate(error)

    def narrate(self, error: McptuiError) -> None:
        """Tell of an error on stderr alone."""
        self.say(f"mcptui: {error.what}")
        if error.why:
            self.say(f"  why: {error.why}")
        if error.fix:
            self.say(f"  fix: {error.fix}")

    async def steps(self, steps: AsyncIterator[Step]) -> Any:
        """Narrate an action's steps; returns the result its last step carries."""
        from contextlib import aclosing
        from typing import cast

        result: Any = None
        told: dict[str, tuple[str, str]] = {}
        async with aclosing(cast("Any", steps)) as walk:
            async for step in walk:
                self._step(step, told)
                if step.result is not None:
                    result = step.result
        self._settle()
        return result

    def _step(self, step: Step, told: dict[str, tuple[str, str]]) -> None:
        counted = f"{size(step.done)} of {size(step.total)}" if step.total else ""
        detail = step.detail or counted
        text = f"{MARKS[step.state.value]} {step.text}{f'  {detail}' if detail else ''}"
        if step.state.value in ("running", "waiting"):
            if self._live and step.state.value == "running":
                self._move(text)
            return
        if told.get(step.key) != (step.state.value, text):
            told[step.key] = (step.state.value, text)
            self.say(text)

    @property
    def _live(self) -> bool:
        return self.stderr.isatty() and self._environ.get("TERM", "dumb") != "dumb"

    def _move(self, text: str) -> None:
        """Draw a line that the next one replaces."""
        self._moving = text
        self.stderr.write("\r\x1b[K" + self._fit(visible(text, limit=76), self.stderr))
        self.stderr.flush()

    def _settle(self) -> None:
        if self._moving:
            self._moving = ""
            self.stderr.write("\r\x1b[K")

    @staticmethod
    def _fit(text: str, stream: TextIO) -> str:
        """Replace what the stream's encoding does not have, so that no output is lost to it."""
        encoding = getattr(stream, "encoding", None) or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)
