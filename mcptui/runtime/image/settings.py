"""The user's settings for images: which bases to pull where none can be built.

[images]
python_base = "registry.example/base-python@sha256:…"
node_base = "registry.example/base-node@sha256:…"
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, cast

from mcptui.errors import UsageError
from mcptui.runtime.image.pulled import check_reference


def read_bases(settings: Path) -> dict[str, str]:
    """Return "python" and "node" → reference, as far as they are set.

    Args:
        settings: the user's settings file; it need not exist.

    Raises:
        UsageError: the file is not TOML, or a base is not named by its digest.
    """
    try:
        data = tomllib.loads(settings.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{settings} cannot be read", str(error)) from error
    images: Any = data.get("images", {})
    if not isinstance(images, dict):
        raise UsageError(f"{settings}: images must be a table")
    found: dict[str, str] = {}
    for flavour in ("python", "node"):
        reference = cast("dict[str, Any]", images).get(f"{flavour}_base", "")
        if reference:
            check_reference(str(reference), flavour)
            found[flavour] = str(reference)
    return found
