"""`python -m tests.bench [--quick] [calls|screen …]`: print ratios, one section after the other."""

from __future__ import annotations

import argparse


def main() -> int:
    """Run the sections that were asked for, all without a name."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=["calls", "screen", []])
    parser.add_argument("--quick", action="store_true", help="a short cut of each section")
    given = parser.parse_args()
    wanted = given.sections or ["calls", "screen"]
    if "calls" in wanted:
        from tests.bench import calls

        print("Calls over stdio, one server in one locked container, 100-byte texts")
        size = (1, 200, 2_000) if given.quick else (5, 2_000, 20_000)
        print("\n".join(calls.run(*size)), flush=True)
    if "screen" in wanted:
        from tests.bench import screen

        print("\nThe screen")
        print("\n".join(screen.run(quick=given.quick)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
