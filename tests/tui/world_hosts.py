"""The network of the made-up servers: who talked to what, and what was refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mcptui.actions.network import HostRow, Reach
from mcptui.store.written import WrittenRow
from mcptui.tui.feed import Feed


def row(place: str, port: int = 443, **facts: Any) -> HostRow:
    """A place; `place` is the rule, which may tell the port again."""
    return HostRow(place, place.partition(":")[0].partition("/")[0], port, **facts)


class FakeHosts(Feed):
    """Answers at once; what was allowed stays allowed."""

    did: list[tuple[Any, ...]]

    def written(self, name: str) -> list[WrittenRow]:
        files = (("/home/demo/notes/today.md", 1234, "folder"), ("/tmp/index", 20_480, "memory"))
        run = WrittenRow(name, 1_763_128_000.0, 1_763_128_300.0, files)
        return [run] if name == "git-local" else []

    def keep_hosts(self, now: float) -> None:
        """Begin with one server that talks, one that learns and others without a network."""
        listed = (
            row("telemetry.example.net", refused=3, at=now - 4, new=True,
                reason="it is not on the list"),
            row("api.github.com", allowed=True, declared=True, times=212, bytes_out=48_200,
                bytes_in=9_120_000, at=now - 8, reason="issues and pull requests"),
            row("db.example.org:5432/tcp", 5432, allowed=True, times=1, bytes_out=310,
                bytes_in=2_048, at=now - 3_600),
            row("169.254.169.254/http private", 80, refused=1, at=now - 7_200,
                reason="it is an address, not a name"),
            row("gist.github.com", declared=True),
            row("uploads.github.com", allowed=True, declared=True, reason="release files"),
        )  # fmt: skip
        learned = (row("time.example.org", allowed=True, times=2),)
        self.reaches = {"git-local": Reach("listed", listed), "time": Reach("learn", learned)}

    def reach(self, server: str) -> Reach:
        return self.reaches.get(server, Reach("none"))

    def allow_host(self, server: str, place: str, on: bool) -> str:
        self.did.append(("host", server, place, str(on)))
        found = self.reaches[server]
        rows = [replace(one, new=False) for one in found.rows]
        rows = [replace(one, allowed=on) if one.place == place else one for one in rows]
        self.reaches[server] = replace(found, rows=tuple(rows))
        return f"{server}: {place} is {'allowed' if on else 'taken away'}"

    def learn_hosts(self, server: str) -> str:
        self.did.append(("learn", server))
        self.reaches[server] = replace(self.reach(server), mode="learn")
        return f"{server} learns"

    def lock_hosts(self, server: str) -> str:
        self.did.append(("lock", server))
        self.reaches[server] = replace(self.reach(server), mode="listed")
        return f"{server}: its list is locked"

    def saw_hosts(self, server: str) -> None:
        self.did.append(("saw", server))
        found = self.reach(server)
        self.reaches[server] = replace(found, rows=tuple(replace(r, new=False) for r in found.rows))
