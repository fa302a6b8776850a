"""What apt is asked for, on this very host."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from mcptui.errors import McptuiError, NotTrusted, TryAgain
from mcptui.runtime.image.apt import Apt
from mcptui.runtime.image.base import ROOTS
from mcptui.runtime.image.tools import explain


def _names(tmp_path: Path, *roots: str) -> set[str]:
    apt = Apt(tmp_path, dict(os.environ))
    return {deb.name for deb in asyncio.run(apt.closure(roots, "amd64"))}


@pytest.mark.parametrize("flavour", ["python", "node"])
def test_no_shell_and_no_package_manager_is_ever_fetched(tmp_path: Path, flavour: str) -> None:
    names = _names(tmp_path, *ROOTS[flavour], "git")
    assert "libc6" in names
    assert "git" in names
    assert not names & {"dash", "bash", "dpkg", "apt", "perl", "perl-base", "tar", "debconf"}


def test_a_package_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(self: Apt) -> None:
        """The lists are as new as they get."""

    monkeypatch.setattr(Apt, "update", nothing)
    with pytest.raises(McptuiError, match="does not have no-such-package-here"):
        _names(tmp_path, "no-such-package-here")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("E: The following signatures were invalid: BADSIG 1234", NotTrusted),
        ("E: Failed to fetch x  Hash Sum mismatch", NotTrusted),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", NotTrusted),
        ("npm error code EINTEGRITY", NotTrusted),
        ("E: Temporary failure resolving 'x'", TryAgain),
        ("npm error code EAI_AGAIN", TryAgain),
        ("ReadTimeoutError: Read timed out.", TryAgain),
        ("OSError: [Errno 28] No space left on device", McptuiError),
        ("E: something else\nnoise", McptuiError),
    ],
)
def test_what_tools_print_becomes_an_error_to_act_on(
    tmp_path: Path, said: str, kind: type[McptuiError]
) -> None:
    error = explain("Doing it", said, tmp_path)
    assert isinstance(error, kind)
    assert isinstance(error, TryAgain | NotTrusted) == (kind is not McptuiError)
    assert str(error)


def test_a_tools_output_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    error = explain("Doing it", "error: \x1b]52;c;ZXZpbA==\x07 \x9b2J \u202eevil", tmp_path)
    assert not set("\x1b\x07\x9b\u202e") & set(str(error))
