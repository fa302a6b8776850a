"""What we wrote into a client's file, kept so that it can be taken out again exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from mcptui.clients.splice import Patch

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """One write of ours.

    Args:
        sha_before: of the bytes a disconnect gives back, "" when there was no file.
        sha_after: of the bytes we wrote.
        patch: what became what.
        entry: our entry, as written.
        made: objects we made on the way to it, as paths of keys.
        folders: folders we made, outermost first.
        replaced: whether somebody else's entry of our name had to give way.
        previous: the write this one took the place of; should we die between noting this write
            and doing it, that one still holds.
    """

    sha_before: str
    sha_after: str
    patch: Patch
    entry: Entry
    made: tuple[tuple[str, ...], ...] = ()
    folders: tuple[str, ...] = ()
    replaced: bool = False
    previous: Written | None = None

    @property
    def created(self) -> bool:
        """Whether the file was not there before."""
        return not self.sha_before

    def at(self, sha: str) -> Written:
        """The write that a file with this hash shows: this one, or the one before it."""
        if self.previous is not None and self.previous.sha_after == sha:
            return self.previous
        return self

    def to_payload(self) -> dict[str, Any]:
        """As the store keeps it."""
        return {
            "sha_before": self.sha_before,
            "sha_after": self.sha_after,
            "patch": [self.patch.at, self.patch.old, self.patch.new],
            "entry": self.entry,
            "made": [list(path) for path in self.made],
            "folders": list(self.folders),
            "replaced": self.replaced,
            "previous": None if self.previous is None else self.previous.to_payload(),
        }

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Written:
        """The inverse of `to_payload`."""
        at, old, new = payload["patch"]
        previous = payload["previous"]
        return cls(
            payload["sha_before"],
            payload["sha_after"],
            Patch(at, old, new),
            payload["entry"],
            tuple(tuple(path) for path in payload["made"]),
            tuple(payload["folders"]),
            payload["replaced"],
            None if previous is None else cls.from_payload(previous),
        )

    def after(self, previous: Written | None) -> Written:
        """This write, noted over another one."""
        return replace(
            self, previous=None if previous is None else replace(previous, previous=None)
        )


def alike(value: Any, entry: Entry) -> bool:
    """Whether an entry in a file is the one we wrote.

    Clients that rewrite their file add fields and drop a needless `type`; what is started, and
    with what, tells whose it is.
    """
    if not isinstance(value, dict):
        return False
    found = cast("dict[str, Any]", value)
    return all(
        found.get(name) == wanted or (name == "type" and name not in found)
        for name, wanted in entry.items()
    )
