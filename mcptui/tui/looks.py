"""Themes: one dark and one light of our own, and two that use nothing but the terminal's colours.

The environment chooses at start: MCPTUI_THEME names one, MCPTUI_ASCII=1 draws with plain
characters, NO_COLOR is Textual's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.geometry import Size
from textual.screen import Screen
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


_STYLES: dict[str, tuple[str, str]] = {
    "dim": ("dim", ""), "good": ("success", ""), "warn": ("warning", ""), "bad": ("error", ""),
    "accent": ("accent", ""), "strong": ("", "bold"), "add": ("success", ""),
    "cut": ("error", ""), "key": ("accent", "bold"), "head": ("dim", "bold"), "off": ("off", ""),
    "room": ("primary", "bold"), "cursor": (">chosen", "bold"), "cursor-off": (">unchosen", ""),
}  # fmt: skip
"""Style name → a variable of the theme (">" for the background) and an attribute."""
_ANSI = {
    "dim": Style(dim=True), "off": Style(dim=True), "head": Style(dim=True, bold=True),
    "cursor": Style(reverse=True), "cursor-off": Style(bold=True),
}  # fmt: skip
"""In the terminal's own colours nothing is mixed; the cursor is told by turning it round."""
_palettes: dict[str, dict[str, Style]] = {}


def palette(app: App[Any]) -> dict[str, Style]:
    """The styles by name in the theme of a program.

    Made once per theme. Component classes of the style sheet would do the same, but are worked
    out anew for every widget at every change of its state: half of the time to the first frame.
    """
    found = _palettes.get(app.theme)
    if found is None:
        found = _palettes[app.theme] = _palette(app)
    return found


def _palette(app: App[Any]) -> dict[str, Style]:
    variables = {**DEFAULTS, **app.theme_variables}
    made: dict[str, Style] = {"": Style()}
    for name, (variable, attribute) in _STYLES.items():
        style = Style(bold=True) if attribute == "bold" else Style()
        if variable:
            colour = Color.parse(variables[variable.removeprefix(">")]).rich_color
            back = variable.startswith(">")
            style += Style(bgcolor=colour) if back else Style(color=colour)
        made[name] = style
    if app.current_theme.ansi:
        made.update(_ANSI)
    return made


def fold(screen: Screen[Any], size: Size) -> None:
    """Tell the style sheet how much room there is: all classes at once, and only when they change.

    Textual's breakpoints do it one direction after the other, each with a whole restyling.
    """
    classes = {
        "-tiny": size.width < 60,
        "-narrow": 60 <= size.width < 100,
        "-short": size.height < 16,
        "-short24": 16 <= size.height < 24,
    }
    if any(screen.has_class(name) != wanted for name, wanted in classes.items()):
        screen.update_classes(classes)


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
