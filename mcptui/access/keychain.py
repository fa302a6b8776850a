"""The vault's key in the operating system's keyring, and in nothing that only looks like one.

Only keyrings that keep a value from other users and from the disk are used, each named here by
its class: the Secret Service (GNOME Keyring, KWallet since 5.97, KeePassXC), KWallet's own
interface, macOS, Windows. What PYTHON_KEYRING_BACKEND, a configuration file or an installed
plug-in proposes is never asked: such backends keep plain text, or ask a terminal that is not ours.
A keyring that is locked, absent or silent is told as that, with what to do.
"""

from __future__ import annotations

import binascii
import os
import queue
import sys
import threading
import traceback
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

from mcptui.errors import McptuiError, TryAgain
from mcptui.visible import visible

SERVICE = "mcptui"
"""Under which name the keyring lists what is ours; the user name is "vault " and the vault's id."""
KEY_BYTES = 32
SECONDS = 60.0
"""A keyring may show a window that asks for its password; longer than this nobody is there."""
ALLOWED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "darwin": (("keyring.backends.macOS", "Keyring"),),
    "win32": (("keyring.backends.Windows", "WinVaultKeyring"),),
    "": (
        ("keyring.backends.SecretService", "Keyring"),
        ("keyring.backends.kwallet", "DBusKeyring"),
    ),
}
"""Per platform ("" for all others), best first: module and class of every keyring that is used."""
_BUS = "DBUS_SESSION_BUS_ADDRESS"
_LOCKED = frozenset(("KeyringLocked", "LockedException", "PromptDismissedException"))
_GUARD = threading.Lock()
T = TypeVar("T")


class NoKeyring(McptuiError):
    """There is no keyring on this machine that may be used."""


class KeyringShut(TryAgain):
    """There is a keyring, but it is locked or does not answer."""


class Keychain:
    """Keys in the operating system's keyring.

    Args:
        environ: tells where the session's bus is.
        platform: as `sys.platform`.
        seconds: how long a keyring may take to answer.
    """

    def __init__(
        self, environ: Mapping[str, str], platform: str = sys.platform, seconds: float = SECONDS
    ) -> None:
        self._environ = environ
        self._platform = platform
        self._seconds = seconds

    def name(self) -> str:
        """The keyring that would be used, in words; nothing is opened.

        Raises:
            NoKeyring: there is none.
            KeyringShut: it does not answer.
        """
        return self._bounded(lambda: str(self._backends()[0].name))

    def read(self, user: str) -> bytes | None:
        """A key, None when no keyring here has it.

        Raises:
            NoKeyring: there is no keyring.
            KeyringShut: it is locked or does not answer.
            McptuiError: what it holds is no key.
        """

        def look() -> str | None:
            for backend in self._backends():
                if (found := backend.get_password(SERVICE, user)) is not None:
                    return str(found)
            return None

        text = self._bounded(look)
        if text is None:
            return None
        try:
            key = b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise McptuiError(
                "The keyring holds no key of a vault where mcptui keeps one",
                f"{SERVICE!r}, {user!r} was changed by something else",
                "Restore that entry of the keyring",
            )
        return key

    def write(self, user: str, key: bytes) -> None:
        """Keep a key, and see that it is really there.

        Raises:
            NoKeyring: there is no keyring.
            KeyringShut: it is locked, does not answer, or did not keep the key.
        """
        text = b64encode(key).decode("ascii")

        def keep() -> bool:
            backend = self._backends()[0]
            backend.set_password(SERVICE, user, text)
            return bool(backend.get_password(SERVICE, user) == text)

        if not self._bounded(keep):
            raise KeyringShut(
                "The keyring did not keep the vault's key",
                "what was written could not be read back",
                "Look at the keyring with its own program; nothing was stored",
            )

    def forget(self, user: str) -> None:
        """Take a key out; one that is not there is no error.

        Raises:
            NoKeyring: there is no keyring.
            KeyringShut: it is locked or does not answer.
        """

        def drop() -> None:
            for backend in self._backends():
                if backend.get_password(SERVICE, user) is not None:
                    backend.delete_password(SERVICE, user)

        self._bounded(drop)

    def _backends(self) -> list[Any]:
        """Every keyring that can be used here, best first; the library is loaded here."""
        self._find_bus()
        found: list[Any] = []
        reasons: list[str] = []
        for module, name in ALLOWED.get(self._platform, ALLOWED[""]):
            try:
                kind: Any = getattr(import_module(module), name)
                _ = kind.priority  # raises where the keyring cannot be used
                backend: Any = kind()
            except Exception as error:
                reasons.append(f"{module.rpartition('.')[2]}: {visible(error, limit=160)}")
                continue
            _plain(backend)
            found.append(backend)
        if not found:
            raise NoKeyring(
                "There is no keyring that keeps secrets safe",
                "; ".join(reasons),
                "Start GNOME Keyring, KWallet or KeePassXC in this session, or give the vault a "
                "passphrase: in a terminal, by --passphrase-fd N, or as the systemd credential "
                "mcptui-passphrase",
            )
        return found

    def _find_bus(self) -> None:
        """Let the library see the session's bus.

        MCP clients often start servers with a few variables only, and this one is not among them;
        sd-bus and libdbus look in the same place then.
        """
        if self._platform in ("darwin", "win32"):
            return
        address = self._environ.get(_BUS, "")
        if not address and hasattr(os, "getuid"):
            folder = self._environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
            bus = Path(folder) / "bus"
            if bus.is_socket() and bus.stat().st_uid == os.getuid():
                address = f"unix:path={bus}"
        if address:
            os.environ[_BUS] = address
        else:
            os.environ.pop(_BUS, None)

    def _bounded(self, work: Callable[[], T]) -> T:
        """Do it on a thread: a keyring that asks a person whom nobody sees must not hang us."""
        answers: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

        def run() -> None:
            if not _GUARD.acquire(timeout=self._seconds):
                return  # another waits for the keyring still, and nobody for us any more
            try:
                answers.put((work(), None))
            except Exception as error:
                _close(error)
                answers.put((None, error))
            finally:
                _GUARD.release()

        threading.Thread(target=run, name="keyring", daemon=True).start()
        try:
            value, error = answers.get(timeout=self._seconds)
        except queue.Empty:
            raise KeyringShut(
                "The keyring does not answer",
                f"it was asked {self._seconds:.0f} s ago; it may wait for its password in a window",
                "Unlock the keyring, then do this again",
            ) from None
        if error is not None:
            raise _told(error)
        return value  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


def _close(error: Exception) -> None:
    """Close the connection that the library leaves open when a collection stays locked."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        bus: Any = frame.f_locals.get("bus")
        if "jeepney" in type(bus).__module__:
            bus.close()


def _plain(backend: Any) -> None:
    """Undo what KEYRING_PROPERTY_… variables changed, and name us the same in every process."""
    for variable in os.environ:
        name = variable.removeprefix("KEYRING_PROPERTY_")
        if name != variable:
            cast("dict[str, Any]", vars(backend)).pop(name.lower(), None)
    if "kwallet" in type(backend).__module__:
        backend.appid = SERVICE  # its default is the path of the program


def _told(error: Exception) -> McptuiError:
    if isinstance(error, McptuiError):
        return error
    why = visible(error, limit=200) or type(error).__name__
    if type(error).__name__ in _LOCKED:
        return KeyringShut(
            "The keyring is locked",
            why,
            "Unlock it (log in to the desktop, or open its own program), then do this again",
        )
    return KeyringShut(
        "The keyring refuses", f"{type(error).__name__}: {why}", "Look at it with its own program"
    )
