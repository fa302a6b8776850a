"""The bottom row: the keys that work now, made from the live bindings, so it cannot lie."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from mcptui.tui.keys import shown
from mcptui.tui.widgets.draw import Line, between, size_of
from mcptui.tui.widgets.line_view import OneLine

LAST = ("palette", "keys", "quit")
"""Ids of the keys at the right edge, which stay when there is little room."""


def live_keys(screen: Screen[object]) -> list[tuple[str, str, bool, str]]:
    """The shown bindings of a screen: key, text, whether it works, id; each action once."""
    found: dict[str, tuple[str, str, bool, str]] = {}
    for key, (_, binding, enabled, _tip) in screen.active_bindings.items():
        if binding.show and binding.description:
            name, before = shown(key), found.get(binding.action)
            # Of the keys of one action the shortest is shown.
            if before is None or len(name) < len(before[0]):
                found[binding.action] = (name, binding.description, enabled, binding.id or "")
    return list(found.values())


class KeyBar(OneLine):
    """Keys of what has the focus at the left, of the program at the right."""

    def on_mount(self) -> None:
        """Follow the screen's bindings."""
        screen: Any = self.screen
        screen.bindings_updated_signal.subscribe(self, self.update_keys)
        self.update_keys(self.screen)

    def update_keys(self, _screen: Screen[object]) -> None:
        """Look at the bindings again."""
        self.call_next(self.refresh)

    def fitted(self, width: int) -> Line:
        """As many keys as there is room for, whole ones."""
        keys = live_keys(self.screen)
        right: Line = []
        for key, text, _, name in sorted(
            keys, key=lambda one: LAST.index(one[3]) if one[3] in LAST else 9
        ):
            if name in LAST:
                short = "" if width < 80 else text
                if text == "All actions" and width < 100 and short:
                    short = "Actions"
                right += [(f" {key}", "key"), (f" {short} " if short else " ", "dim")]
        left: Line = []
        room = width - size_of(right) - 1
        for key, text, enabled, name in keys:
            if name in LAST:
                continue
            part: Line = [
                (f" {key}", "key" if enabled else "off"),
                (f" {text} ", "" if enabled else "off"),
            ]
            if size_of(left) + size_of(part) > room:
                break
            left += part
        return between(left, right, width)
