"""What the user picked for an entry's folders, as mounts."""

from __future__ import annotations

from collections.abc import Callable

from mcptui.entry import VOLUME, Choices, Entry
from mcptui.runtime.deny import Deny
from mcptui.runtime.mounts import PlannedMount


def picked(
    entry: Entry, choices: Choices, deny: Deny, name_of: Callable[[str], str]
) -> tuple[tuple[PlannedMount, ...], dict[str, list[str]], list[str]]:
    """The mounts, the paths inside by the mount's name, and what is wrong.

    Args:
        entry: what the catalog says.
        choices: what the user chose.
        deny: what no server may have.
        name_of: the engine's name for a volume, by what the entry calls it.
    """
    mounts: list[PlannedMount] = []
    inside: dict[str, list[str]] = {}
    needs: list[str] = []
    for kept in entry.volumes:
        mounts.append(PlannedMount(name_of(kept.name), kept.target, True, True))
        inside[kept.name] = [kept.target]
    for wanted in entry.mounts:
        chosen = choices.mounts.get(wanted.name, ())
        if wanted.required and not chosen:
            needs.append(f"a folder for {wanted.name}: {wanted.description}")
        if len(chosen) > 1 and not wanted.many:
            needs.append(f"only one folder for {wanted.name}")
        for path, writable in chosen:
            taken = {mount.target for mount in mounts}
            if path == VOLUME:
                target = _free(wanted.target.replace("{name}", wanted.name), taken)
                mounts.append(PlannedMount(name_of(wanted.name), target, True, True))
                inside.setdefault(wanted.name, []).append(target)
                continue
            if problem := deny.problem(path, choices.exposed, writable=writable):
                needs.append(f"another folder for {wanted.name}: {path} {problem}")
                continue
            target = _free(wanted.target.replace("{name}", _last_part(path)), taken)
            mounts.append(PlannedMount(path, target, writable))
            inside.setdefault(wanted.name, []).append(target)
    names = {wanted.name for wanted in entry.mounts}
    needs += [
        f"no folder {name}: it has none of that name" for name in choices.mounts.keys() - names
    ]
    return tuple(mounts), inside, needs


def _last_part(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _free(target: str, taken: set[str]) -> str:
    """`target`, numbered when another picked folder of the same name has it already."""
    free, number = target, 1
    while free in taken:
        number += 1
        free = f"{target}-{number}"
    return free
