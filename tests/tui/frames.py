"""Golden text frames: what is on the screen, as text, beside what it was when somebody looked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from textual.app import App

from mcptui.tui.widgets.strip_guard import clean

GOLDEN = Path(__file__).parent.parent / "frames"


def frame(app: App[Any]) -> str:
    """The screen as lines of text."""
    strips = app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage]
    return "\n".join(clean(strip.text).rstrip() for strip in strips) + "\n"


def check(app: App[Any], name: str) -> None:
    """Compare the screen with its golden frame; MCPTUI_FRAMES=write makes it anew."""
    seen, path = frame(app), GOLDEN / f"{name}.txt"
    if os.environ.get("MCPTUI_FRAMES") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(seen)
    assert path.exists(), f"no golden frame {path.name}; MCPTUI_FRAMES=write makes it"
    assert seen == path.read_text(), f"the screen is not as in {path.name}:\n{seen}"
