"""Themes: one dark and one light of our own, and two that use nothing but the terminal's colours.

The environment chooses at start: MCPTUI_THEME names one, MCPTUI_ASCII=1 draws with plain
characters, NO_COLOR is Textual's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import App
from textual.theme import Theme

DEFAULT = "mcptui-dark"
THEMES = ("mcptui-dark", "mcptui-light", "ansi-dark", "ansi-light")

_DARK = Theme(
    name="mcptui-dark",
    primary="#5fafff",
    secondary="#87afaf",
    accent="#5fd7d7",
    foreground="#d8dee4",
    background="#14181d",
    surface="#1a1f26",
    panel="#1d232b",
    success="#87d787",
    warning="#ffbf5f",
    error="#ff7f7f",
    boost="#232b35",
    dark=True,
    variables={"dim": "#8b97a3", "off": "#5f6a75", "chosen": "#2b4a6b", "unchosen": "#262f3a"},
)
_LIGHT = Theme(
    name="mcptui-light",
    primary="#005faf",
    secondary="#336666",
    accent="#00707a",
    foreground="#20262d",
    background="#fbfbf8",
    surface="#f2f2ee",
    panel="#e9eae6",
    success="#2f7d32",
    warning="#9a5b00",
    error="#b3261e",
    boost="#e4e8ea",
    dark=False,
    variables={"dim": "#66707a", "off": "#9aa2a9", "chosen": "#cfe3f7", "unchosen": "#e4e8ea"},
)


DEFAULTS = {"dim": "ansi_default", "off": "ansi_default", "chosen": "ansi_blue",
            "unchosen": "ansi_default"}  # fmt: skip
"""Our variables in themes that do not set them."""


def register(app: App[Any]) -> None:
    """Make our themes known to a program."""
    app.register_theme(_DARK)
    app.register_theme(_LIGHT)


def chosen(environ: Mapping[str, str]) -> dict[str, Any]:
    """Settings of the program that the environment asks for; unknown themes are ignored."""
    theme = environ.get("MCPTUI_THEME", "")
    return {
        "theme": theme if theme in THEMES else DEFAULT,
        "ascii_only": environ.get("MCPTUI_ASCII", "") not in ("", "0"),
    }
