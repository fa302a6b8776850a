"""What an engine is, read from what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcptui.runtime.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine says of itself.

    Args:
        version: its own version.
        api: the API version we speak with it.
        cgroup: "1" or "2", "" when it limits nothing.
        storage: its storage driver.
        rootless: it runs without root's rights.
        os: the system it runs on.
        kind: "Docker", "Podman", "Docker Desktop", "Colima", "OrbStack" or "Rancher Desktop".
        endpoint: its address.
        source: how it was found.
        arch: its processor.
        far: its containers cannot see this machine's sockets.
    """

    version: str
    api: str
    cgroup: str
    storage: str
    rootless: bool
    os: str
    kind: str
    endpoint: str
    source: str
    arch: str
    far: bool


def read_facts(
    endpoint: Endpoint, api: str, version: Mapping[str, Any], info: Mapping[str, Any]
) -> EngineFacts:
    """Put an engine's answers to /version and /info together."""
    platform: dict[str, Any] = version.get("Platform") or {}
    components: list[dict[str, Any]] = version.get("Components") or []
    names = [platform.get("Name", ""), *(one.get("Name", "") for one in components)]
    names += [info.get("OperatingSystem", ""), info.get("Name", ""), endpoint.path]
    words = " ".join(str(name) for name in names).lower()
    kind = "Docker"
    for name in ("Docker Desktop", "OrbStack", "Colima", "Rancher Desktop", "Podman"):
        if name.lower() in words or (name == "Rancher Desktop" and ".rd/" in words):
            kind = name
            break
    limits = info.get("MemoryLimit", True) and str(info.get("CgroupDriver", "")) != "none"
    return EngineFacts(
        version=str(version.get("Version", "")),
        api=api,
        cgroup=str(info.get("CgroupVersion") or "1") if limits else "",
        storage=str(info.get("Driver", "")),
        rootless=any("rootless" in str(one) for one in info.get("SecurityOptions") or ()),
        os=str(info.get("OperatingSystem", "")),
        kind=kind,
        endpoint=endpoint.url,
        source=endpoint.source,
        arch=str(version.get("Arch") or info.get("Architecture", "")),
        far=endpoint.far or kind not in ("Docker", "Podman"),
    )
