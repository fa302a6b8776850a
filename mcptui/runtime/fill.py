"""What an entry's templates become once the user has chosen: variables and arguments.

Placeholders are `{parameter}` and `{mount}`; in an option `{value}` is its own parameter. A text
in braces that names neither stays as it is, so values may be JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcptui.entry import Option, Variable

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")


def texts(value: Any) -> tuple[str, ...]:
    """A chosen value as a command line's words; a list gives one word an item."""
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, float) and value.is_integer():
        return (str(int(value)),)
    if isinstance(value, (list, tuple)):
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return tuple(str(item) for item in items)
    return (str(value),)


@dataclass(frozen=True, slots=True)
class Filling:
    """Values for placeholders.

    Args:
        values: parameter or mount name → chosen value; mounts give their paths inside.
        known: every name that is a placeholder, chosen or not.
    """

    values: Mapping[str, Any]
    known: frozenset[str]

    def variables(self, templates: tuple[Variable, ...]) -> dict[str, str]:
        """The environment; a variable that needs what was not chosen is left out."""
        filled: dict[str, str] = {}
        for template in templates:
            wanted = set(_PLACEHOLDER.findall(template.value)) & self.known
            if wanted <= self.values.keys():
                joined = {name: ",".join(texts(self.values[name])) for name in wanted}
                filled[template.name] = _fill(template.value, joined)
        return filled

    def arguments(self, options: tuple[Option, ...]) -> list[str]:
        """The arguments of every option whose parameter has a value.

        A list repeats them for each item. True adds them and false does not, unless they say
        the value themselves.
        """
        words: list[str] = []
        for option in options:
            value = self.values.get(option.parameter)
            if value is None or value == "":
                continue
            names = {found for text in option.arguments for found in _PLACEHOLDER.findall(text)}
            if value is False and not names & {option.parameter, "value"}:
                continue
            fixed = {
                name: ",".join(texts(self.values[name]))
                for name in names & self.known
                if name in self.values
            }
            for one in texts(value):
                own = {**fixed, "value": one, option.parameter: one}
                words.extend(_fill(text, own) for text in option.arguments)
        return words


def _fill(template: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
