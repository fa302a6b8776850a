"""What servers wrote: kept by run, the last ones, and forgotten with the server."""

from __future__ import annotations

from mcptui.store import Store
from mcptui.store.written import RUNS_KEPT, WrittenRow


def test_the_last_runs_are_kept(store: Store) -> None:
    for number in range(RUNS_KEPT + 5):
        store.put_written(
            WrittenRow("a", number, number + 0.5, (("/x\x1b", number, "folder"),), number == 1)
        )
    store.put_written(WrittenRow("b", 1.0, 2.0, (), True))
    rows = store.written("a")
    assert [row.began for row in rows] == list(range(RUNS_KEPT + 4, 4, -1))
    assert rows[0].files == (("/x\x1b", RUNS_KEPT + 4, "folder"),)
    assert store.written("b") == [WrittenRow("b", 1.0, 2.0, (), True)]
    store.remove_install("a")
    assert store.written("a") == []
    assert store.written("b") != []
