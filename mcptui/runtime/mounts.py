"""One folder or file of the host inside a container."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedMount:
    """One folder or file of the host inside the container.

    Args:
        source: absolute path on the host.
        target: absolute path inside.
        writable: the server may change it.
    """

    source: str
    target: str
    writable: bool = False

    def argument(self) -> str:
        """The value of docker's `--mount`."""
        only = "" if self.writable else ",readonly"
        return f"type=bind,source={self.source},target={self.target}{only}"

    def body(self) -> dict[str, object]:
        """The Engine API's form; unlike Binds, it never creates a missing source."""
        return {
            "Type": "bind",
            "Source": self.source,
            "Target": self.target,
            "ReadOnly": not self.writable,
            "BindOptions": {"Propagation": "rprivate"},
        }
