"""A real GNOME Keyring on a session bus of its own, for tests: locked, unlocked and restarted.

`make test` installs it. Its folders are scratch ones, so that nobody's own keyring is touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from pathlib import Path

PASSWORD = "open sesame"
_CONFIG = """<busconfig><type>session</type><listen>unix:dir={folder}</listen>
<auth>EXTERNAL</auth><policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""
_LOCK = """
import secretstorage
bus = secretstorage.dbus_init()
collection = secretstorage.get_default_collection(bus)
collection.lock()
assert collection.is_locked()
"""
_READY = """
import secretstorage
bus = secretstorage.dbus_init()
assert secretstorage.check_service_availability(bus)
"""


class RealKeyring:
    """A running keyring.

    Args:
        folder: short, for sockets and the keyring's files; survives `restart`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs to find it."""
        return {
            "DBUS_SESSION_BUS_ADDRESS": self.address,
            "XDG_DATA_HOME": str(self.folder / "data"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "HOME": str(self.folder),
        }

    def start(self, password: str = PASSWORD) -> None:
        """Begin a session: a bus, and a keyring opened with this password."""
        for name in ("data", "run"):
            (self.folder / name).mkdir(exist_ok=True, mode=0o700)
        config = self.folder / "bus.conf"
        config.write_text(_CONFIG.format(folder=self.folder))
        command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"]
        bus = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._running.append(bus)
        assert bus.stdout is not None
        self.address = bus.stdout.readline().decode().strip()
        environ = {**os.environ, **self.environ}
        daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--unlock", "--foreground", "--components=secrets"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environ,
        )
        self._running.append(daemon)
        assert daemon.stdin is not None
        daemon.stdin.write(password.encode())
        daemon.stdin.close()
        ends = time.monotonic() + 60
        while self._python(_READY) != 0:
            assert time.monotonic() < ends, "the keyring does not come"
            time.sleep(0.1)

    def lock(self) -> None:
        """Lock it, as a person does who leaves the desk."""
        assert self._python(_LOCK) == 0

    def stop(self) -> None:
        """End the session."""
        for one in reversed(self._running):
            one.terminate()
        for one in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(10)
            one.kill()
            one.wait()
            if one.stdout is not None:
                one.stdout.close()
        self._running.clear()

    def restart(self, password: str = PASSWORD) -> None:
        """A new session over the same files."""
        self.stop()
        self.start(password)

    def files(self) -> bytes:
        """Everything the keyring has on disk."""
        return b"".join(
            path.read_bytes() for path in (self.folder / "data").rglob("*") if path.is_file()
        )

    def _python(self, code: str) -> int:
        import sys

        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **self.environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        ).returncode


@contextlib.contextmanager
def real_keyring() -> Generator[RealKeyring]:
    """A keyring session, ended with all its files afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mcptui-kr-"))
    keyring = RealKeyring(folder)
    try:
        keyring.start()
        yield keyring
    finally:
        keyring.stop()
        shutil.rmtree(folder, ignore_errors=True)


def with_keyring(environ: Mapping[str, str], keyring: RealKeyring) -> dict[str, str]:
    """An environment in which programs find the keyring and nothing else of its folders."""
    return {**environ, "DBUS_SESSION_BUS_ADDRESS": keyring.address}


def without_keyring(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """An environment in which no program finds any session bus, also none of the machine's user."""
    left = {name: value for name, value in environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"}
    return {**left, "XDG_RUNTIME_DIR": str(folder / "no-session")}
