"""An own server as a person would bring one: a TOML file and an image of the local engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mcptui.home import Home
from tests.fixtures.images import fixture_image

Toml = Callable[..., Path]


def peer_image_id() -> str:
    """The image with `tests/fixtures/peer.py` in it; a person's own as far as mcptui knows."""
    home = Home.real()
    try:
        return fixture_image(home.engine(), "python")
    finally:
        home.close()


def toml_writer(folder: Path, image: str) -> Toml:
    """Write server.toml files of the peer; options go to its command line."""

    def write(name: str = "peer", *options: str, more: str = "") -> Path:
        file = folder / f"{name}.toml"
        command = json.dumps(["/srv/peer.py", *options])
        file.write_text(
            f'id = "{name}"\ntitle = "The {name}"\ndescription = "A test."\ncommand = {command}\n'
            f'{more}\n[image]\nlocal = true\ndigest = "{image}"\n'
        )
        return file

    return write
