"""The benchmark server as an image: one static program on nothing, built from C in seconds."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcptui.home import Home

TAG = "mcptui-bench-echo:2"
ENTRY = """\
id = "{id}"
title = "Echo {id}"
description = "Gives back the text it gets."
publisher = "mcptui"
category = "utilities"
licence = "Apache-2.0"
homepage = ""
source = ""
kind = "image"

[image]
repository = ""
digest = "{image}"
local = true

[resources]
cpus = 1.0

[checked]
on = "2026-11-23"
"""


def build(home: Home) -> str:
    """Compile the server and load it into the engine; returns the image ID."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "echo"
        subprocess.run(
            [
                sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-musl",
                "-O2", "-static", "-s", "-o", str(program),
                str(Path(__file__).with_name("echo.c")),
            ],
            check=True,
        )  # fmt: skip
        return load(home, program.read_bytes())


def load(home: Home, program: bytes) -> str:
    """Make an image of one program at /echo."""
    import docker

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("tmp", "run"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(folder)
        info = tarfile.TarInfo("echo")
        info.size, info.mode = len(program), 0o755
        tar.addfile(info, io.BytesIO(program))
    # The SDK has no types; this file uses it for the one thing our own engine never does.
    client: Any = docker.APIClient(base_url=home.engine().facts().endpoint)
    try:
        client.import_image_from_data(
            packed.getvalue(),
            repository=TAG.split(":")[0],
            tag=TAG.split(":")[1],
            changes=['ENTRYPOINT ["/echo"]'],
        )
        return str(client.inspect_image(TAG)["Id"])
    finally:
        client.close()


def write_entry(folder: Path, name: str, image: str) -> Path:
    """Write an own server's file for the image."""
    path = folder / f"{name}.toml"
    path.write_text(ENTRY.format(id=name, image=image))
    return path
