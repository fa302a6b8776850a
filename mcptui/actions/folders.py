"""The folders a server has: what is covered in them, what was not looked at, and changing that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mcptui.actions.found import installed
from mcptui.actions.planning import missing, real_path
from mcptui.entry import VOLUME
from mcptui.entry_read import choices_from_dict, choices_to_dict
from mcptui.errors import UsageError
from mcptui.runtime.masks import Bounds, look_through, words
from mcptui.visible import visible
from mcptui.words import plural

if TYPE_CHECKING:
    from mcptui.entry import Choices
    from mcptui.home import Home

UNDO = "folders"
_QUICK = Bounds(seconds=0.5)
_SHOWN = 3
"""Covered files that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder or file of this machine that a server has.

    Args:
        name: what the entry calls it.
        path: where it is.
        writable: the server may change it.
        credentials: it is given for the credentials in it.
        covered: files, folders and sockets in it that the server does not see.
        unseen: folders in it that were not looked through for secrets.
        shown: files with secrets that it sees because the user said so.
    """

    name: str
    path: str
    writable: bool
    credentials: bool
    covered: tuple[str, ...]
    unseen: tuple[str, ...]
    shown: tuple[str, ...]

    @property
    def text(self) -> str:
        """The folder for a person, in one line."""
        if self.path == VOLUME:
            return f"a volume of its own for {self.name}"
        how = "your credentials, read only" if self.credentials else (
            "read and write" if self.writable else "read only")  # fmt: skip
        if self.covered:
            names = [str(PurePosixPath(one).relative_to(self.path)) for one in self.covered]
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            how += f"; covered: {', '.join(map(visible, names[:_SHOWN]))}{more}"
        return f"{visible(self.path)} ({how})"


def folders_in(choices: Choices) -> list[Folder]:
    """The folders of some choices, looked through for half a second each at most."""
    found: list[Folder] = []
    for name, picked in choices.mounts.items():
        for path, writable in picked:
            if path == VOLUME:
                found.append(Folder(name, path, True, False, (), (), ()))
                continue
            exposed = path in choices.exposed
            look = look_through(path, choices.unmasked, _QUICK, sockets_only=exposed)
            covered, unseen = words([look])
            shown = tuple(
                sorted(one for one in choices.unmasked if PurePosixPath(one).is_relative_to(path))
            )
            found.append(
                Folder(name, path, writable, exposed, tuple(covered), tuple(unseen), shown)
            )
    return found


def unseen_words(folders: Iterable[Folder]) -> list[str]:
    """What was not looked through, as warnings."""
    return [
        f"not looked through for secrets, {visible(one.path)} is too large: "
        f"{', '.join(map(visible, one.unseen))}"
        for one in folders
        if one.unseen
    ]


def folders_of(home: Home, name: str) -> list[Folder]:
    """The folders of an installed server.

    Raises:
        UsageError: no such server.
    """
    return folders_in(installed(home, name).choices)


def set_folders(
    home: Home,
    name: str,
    *,
    mounts: Mapping[str, tuple[tuple[str, bool], ...]] | None = None,
    credentials: Iterable[str] = (),
    unmask: Iterable[str] = (),
    mask: Iterable[str] = (),
) -> str:
    """Give a server other folders; what runs is ended, and the next start has them.

    Args:
        home: where.
        name: an installed server.
        mounts: mount name → picked paths and whether they may be written, in place of the old.
        credentials: paths of credentials that it may read.
        unmask: files with secrets that it may see.
        mask: files that are covered again.

    Raises:
        UsageError: no such server, or it may not have that.
    """
    row = installed(home, name)
    before = row.choices
    unmasked = before.unmasked | set(map(real_path, unmask))
    after = replace(
        before,
        mounts={**before.mounts, **(mounts or {})},
        exposed=before.exposed | set(map(real_path, credentials)),
        unmasked=unmasked - set(map(real_path, mask)),
    )
    if lacking := [one for one in missing(home, row.entry, after) if one.kind != "network"]:
        raise UsageError(
            f"{name} cannot have that",
            "; ".join(one.text for one in lacking),
            " ".join(one.option for one in lacking if one.option),
        )
    paths = [path for picked in after.mounts.values() for path, _ in picked]
    for one in unmask:
        if not any(PurePosixPath(real_path(one)).is_relative_to(path) for path in paths):
            raise UsageError(f"{visible(one, limit=200)} is in no folder of {name}")
    if after == before:
        return f"{name}: its folders are these already"
    home.store.put_install(replace(row, choices=after))
    home.store.wish("reload", name)
    home.store.push_undo(
        f"folders of {name}", UNDO, {"server": name, "choices": choices_to_dict(before)}
    )
    return f"{name}: {plural(len(paths), 'folder')}, from its next start"


def take_back(home: Home, payload: dict[str, Any]) -> None:
    """Undo a change of folders.

    Raises:
        UsageError: the server is gone.
    """
    row = installed(home, payload["server"])
    before = choices_from_dict(payload["choices"], "folders before")
    choices = replace(
        row.choices,
        mounts=before.mounts,
        exposed=before.exposed,
        unmasked=before.unmasked,
    )
    home.store.put_install(replace(row, choices=choices))
    home.store.wish("reload", row.name)
