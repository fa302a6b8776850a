"""`clients`, `connect` and `disconnect`: the exact change is shown before it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcptui.cli.ask import agreed
from mcptui.cli.output import Out
from mcptui.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from mcptui.home import Home
