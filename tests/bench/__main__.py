"""`python -m tests.bench [--quick] [--json FILE] [SECTION …]`: ratios in one run."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

SECTIONS = ("calls", "starts", "egress", "screen")


def main() -> int:
    """Run the sections that were asked for, all without a name."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []])
    parser.add_argument("--quick", action="store_true", help="a short cut of each section")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    given = parser.parse_args()
    wanted = given.sections or SECTIONS
    found: dict[str, Any] = {}
    if "calls" in wanted:
        found["calls"] = run_calls(quick=given.quick)
    if "starts" in wanted:
        from tests.bench import starts

        print("\nStarts and memory", flush=True)
        found["starts"] = starts.run(
            1 if given.quick else 5, (0, 10) if given.quick else (0, 10, 50)
        )
        print("\n".join(f"{what:44}{value:9.3f}" for what, value in found["starts"].items()))
    if "egress" in wanted:
        from tests.bench import egress

        print("\nThe way out of a container", flush=True)
        found["egress"] = egress.run(quick=given.quick)
        print("\n".join(egress.table(found["egress"])), flush=True)
    if "screen" in wanted:
        from tests.bench import screen

        print("\nThe screen", flush=True)
        found["screen"] = screen.run(quick=given.quick)
        print("\n".join(found["screen"]), flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def run_calls(*, quick: bool) -> dict[str, Any]:
    """Measure calls over both transports and print the tables."""
    from tests.bench import calls
    from tests.bench.echo_image import build, write_entry
    from tests.world import install_server, make_home

    with tempfile.TemporaryDirectory(prefix="mcptui-bench-") as folder:
        scratch = Path(folder)
        home = make_home(scratch)
        try:
            install_server(home, write_entry(scratch, "echo0", build(home)))
            found = calls.run(home, scratch, *((1, 50, 0.1) if quick else (3, 1_000, 1.5)))
        finally:
            home.close()
    for transport, report in found.items():
        print(f"\nCalls over {transport}, one server in one locked container")
        print("\n".join(calls.table(report)), flush=True)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
