"""`python -m tests.soak --gateways 10 --servers 20 --minutes 10`: the soak, and its account."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.soak.run import Plan, Soak
from tests.world import make_home


def main() -> int:
    """Run it; the exit code is 1 when there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--gateways", type=int, default=10)
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mcptui-soak-") as folder:
        home = make_home(Path(folder))
        soak = Soak(home, Plan(given.gateways, given.servers, given.minutes * 60, given.seed))
        try:
            soak.install()
            account = asyncio.run(soak.run())
        finally:
            home.close()
    for line in (*account.report(), *soak.figures()):
        print(line)
    return 1 if account.faults else 0


if __name__ == "__main__":
    sys.exit(main())
