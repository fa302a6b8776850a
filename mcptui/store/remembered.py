"""A small mapping of texts that survives the process, for facts that only spare work.

Losing one costs a moment and nothing else, so a database that cannot be used is no error here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, MutableMapping
from typing import cast

from mcptui.errors import McptuiError
from mcptui.store.memory import MemoryStore


class Remembered(MutableMapping[str, str]):
    """Texts by name, read from the store once and written when one differs.

    Args:
        store: gives the store, when first asked for.
        key: under which name the store keeps them.
    """

    def __init__(self, store: Callable[[], MemoryStore], key: str) -> None:
        self._store = store
        self._key = key
        self._texts: dict[str, str] | None = None

    def _read(self) -> dict[str, str]:
        if self._texts is None:
            self._texts = {}
            with contextlib.suppress(McptuiError):
                kept = self._store().recall(self._key, {})
                if isinstance(kept, dict):
                    items = cast("dict[object, object]", kept).items()
                    self._texts = {str(name): str(text) for name, text in items}
        return self._texts

    def _write(self) -> None:
        with contextlib.suppress(McptuiError):
            self._store().remember(self._key, self._read())

    def __getitem__(self, name: str) -> str:
        return self._read()[name]

    def __setitem__(self, name: str, text: str) -> None:
        if self._read().get(name) != text:
            self._read()[name] = text
            self._write()

    def __delitem__(self, name: str) -> None:
        del self._read()[name]
        self._write()

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())
