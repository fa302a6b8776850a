"""What is left of a scratch world: nothing, when everything of it has ended."""

from __future__ import annotations

from pathlib import Path

from mcptui.home import Home
from mcptui.runtime import owner
from mcptui.runtime.engine import Engine


def left(engine: Engine, home: Home, but: int = 0) -> list[str]:
    """What there is of this home: containers, socket folders, processes, open rows.

    Args:
        engine, home: where to look.
        but: a gateway's process that may be there.
    """
    found = engine.containers({owner.HOME: str(home.paths.state)})
    if home.paths.runtime.exists():
        found += [path.name for path in home.paths.runtime.iterdir() if path.name[:1].isdecimal()]
    mark = f"MCPTUI_HOME={home.environ['MCPTUI_HOME']}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes() and int(folder.name) != but:
                found.append(f"process {(folder / 'cmdline').read_bytes()!r}")
        except OSError:
            continue
    found += [f"gateway {row.pid}" for row in home.store.gateways(live=True) if row.pid != but]
    found += [f"state of {row.server}" for row in home.store.states()]
    still = home.store.read("SELECT count(*) AS open FROM calls WHERE outcome = 'open'")
    return found + [f"{row['open']} open calls" for row in still if row["open"]]
