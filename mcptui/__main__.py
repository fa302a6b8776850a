"""`python -m mcptui` is the same as `mcptui`."""

from __future__ import annotations

import sys

from mcptui.cli import main

if __name__ == "__main__":
    sys.exit(main())
