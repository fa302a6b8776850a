"""One folder, file or volume inside a container."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedMount:
    """One folder or file of the host, or a volume of the engine, inside the container.

    Args:
        source: absolute path on the host, or the volume's name.
        target: absolute path inside.
        writable: the server may change it.
        volume: it is a volume.
    """

    source: str
    target: str
    writable: bool = False
    volume: bool = False

    def argument(self) -> str:
        """The value of docker's `--mount`."""
        only = "" if self.writable else ",readonly"
        kind = "volume" if self.volume else "bind"
        return f"type={kind},source={self.source},target={self.target}{only}"

    def body(self) -> dict[str, object]:
        """The Engine API's form; unlike Binds, it never creates a missing source."""
        if self.volume:
            # The image's own files stay where they are: what is kept is the server's alone.
            return {"Type": "volume", "Source": self.source, "Target": self.target,
                    "ReadOnly": not self.writable, "VolumeOptions": {"NoCopy": True}}  # fmt: skip
        return {
            "Type": "bind",
            "Source": self.source,
            "Target": self.target,
            "ReadOnly": not self.writable,
            "BindOptions": {"Propagation": "rprivate"},
        }
