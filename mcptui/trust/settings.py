"""The user's settings for trust.

[trust]
require = "signed"   # nothing is installed that nobody signed, whoever agrees to it
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from mcptui.errors import UsageError
from mcptui.fields import Table


def signed_only(settings: Path) -> bool:
    """Whether only what is signed may be installed.

    Args:
        settings: the user's settings file; it need not exist.

    Raises:
        UsageError: the file or the setting is wrong; a rule that is silently off is worse.
    """
    try:
        data: dict[str, Any] = tomllib.loads(settings.read_text("utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{settings} cannot be read", str(error)) from error
    table = Table(data, settings.name).table("trust")
    if table is None:
        return False
    require = table.one_of("require", ("signed", "any"), "any")
    table.done()
    return require == "signed"
