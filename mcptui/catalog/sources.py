"""The catalog's sources: `servers/<id>.toml`, `locks/` and `tools/<id>.json` of one folder.

All of them are read before anything is refused, so a maintainer sees every error at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcptui.entry import Entry
from mcptui.entry_read import entry_from_toml
from mcptui.errors import UsageError


@dataclass(frozen=True, slots=True)
class Sources:
    """What a folder of sources holds.

    Args:
        entries: file → entry, sorted by file name.
        problems: one line for each file that could not be read, naming file and field.
    """

    entries: dict[Path, Entry]
    problems: list[str]


def read_sources(folder: Path) -> Sources:
    """Read every entry of a folder of sources.

    Raises:
        UsageError: the folder holds no `servers/*.toml` at all.
    """
    files = sorted((folder / "servers").glob("*.toml"))
    if not files:
        raise UsageError(
            f"{folder} holds no servers/*.toml", fix="Name the folder of sources: --folder FOLDER"
        )
    entries: dict[Path, Entry] = {}
    problems: list[str] = []
    for file in files:
        try:
            entries[file] = _read(folder, file)
        except UsageError as error:
            problems.append(error.what + (f" ({error.why})" if error.why else ""))
        except (OSError, UnicodeError) as error:
            problems.append(f"{file.name}: cannot be read: {error}")
    return Sources(entries, [*problems, *_left_over(folder)])


def _read(folder: Path, file: Path) -> Entry:
    def read_lock(name: str) -> str:
        return (folder / "locks" / name).read_text("utf-8")

    def read_tools(name: str) -> str | None:
        beside = folder / "tools" / f"{file.stem}.json"
        return beside.read_text("utf-8") if beside.is_file() else None

    return entry_from_toml(file.read_text("utf-8"), file.name, read_lock, read_tools)


def _left_over(folder: Path) -> list[str]:
    """Definitions without an entry are a mistake of somebody's: a renamed or deleted server."""
    known = {file.stem for file in (folder / "servers").glob("*.toml")}
    return [
        f"tools/{file.name}: belongs to no entry"
        for file in sorted((folder / "tools").glob("*.json"))
        if file.stem not in known
    ]
