"""Install the tools of the tests: `python -m tests.tools`."""

from __future__ import annotations

from tests.tools import programs, tools

if __name__ == "__main__":
    programs()
    tools()
