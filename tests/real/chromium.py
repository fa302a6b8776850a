"""A real Chromium without a screen, driven over its debugging pipe (Chrome DevTools Protocol).

Enough to open a page, fill a form as a person would, and read what is shown.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECONDS = 60.0
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-extensions", "--disable-background-networking", "--no-default-browser-check",
    "--remote-debugging-pipe",
)  # fmt: skip


class Chromium:
    """One browser with one tab.

    Args:
        read: descriptor of what it says.
        write: descriptor of what it is told.
    """

    def __init__(self, read: int, write: int) -> None:
        self._write = write
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._listen, args=(read,), daemon=True)
        self._reader.start()
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        said = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = str(said["sessionId"])

    def _listen(self, read: int) -> None:
        with os.fdopen(read, "rb", buffering=0) as pipe:
            rest = b""
            while chunk := pipe.read(1 << 16):
                *whole, rest = (rest + chunk).split(b"\0")
                with self._news:
                    for text in whole:
                        message = json.loads(text)
                        if "id" in message:
                            self._answers[message["id"]] = message
                    self._news.notify_all()

    def _ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        with self._news:
            assert self._news.wait_for(lambda: number in self._answers, SECONDS), method
            answer = self._answers.pop(number)
        assert "error" not in answer, answer
        found: dict[str, Any] = answer["result"]
        return found

    def go(self, url: str) -> None:
        """Open a page."""
        self._ask("Page.navigate", self._session, url=url)

    def run(self, script: str) -> Any:
        """The value of an expression on the page; None while one page gives way to the next."""
        try:
            said = self._ask(
                "Runtime.evaluate", self._session, expression=script, returnByValue=True
            )
        except AssertionError:
            return None
        return said.get("result", {}).get("value")

    def wait(self, script: str) -> Any:
        """Wait until an expression on the page is true."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            if value := self.run(script):
                return value
            time.sleep(0.1)
        raise AssertionError(f"{script} never came true on {self.text()[:500]}")

    def text(self) -> str:
        """What the page shows."""
        return str(self.run("document.body && document.body.innerText") or "")


@contextmanager
def chromium(folder: Path) -> Generator[Chromium]:
    """A browser for the time of the block.

    Args:
        folder: for its profile.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program is not None, "`python -m tests.tools` installs Chromium"
    told, tell = os.pipe()
    heard, hear = os.pipe()
    # Copies above what the browser is given: else the first dup2 could close the other's source.
    told, hear = (_raised(one) for one in (told, hear))
    environ = {**os.environ, "HOME": str(folder)}
    pid = os.posix_spawn(
        program,
        [program, *_FLAGS, f"--user-data-dir={folder}"],
        environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, told, 3),
            (os.POSIX_SPAWN_DUP2, hear, 4),
            (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
        ],
        setpgroup=0,
    )
    os.close(told)
    os.close(hear)
    try:
        yield Chromium(heard, tell)
    finally:
        os.close(tell)
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _raised(descriptor: int) -> int:
    import fcntl

    higher = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 50)
    os.close(descriptor)
    return higher


def sign_in(browser: Chromium, user: str) -> None:
    """Go through the pages of oidc-provider as a person does: log in, then consent."""
    browser.wait("document.querySelector('input[name=login]') !== null")
    browser.run(f"document.querySelector('input[name=login]').value = {json.dumps(user)}")
    browser.run("document.querySelector('input[name=password]').value = 'any'")
    browser.run("document.querySelector('button[type=submit]').click()")
    browser.wait("document.querySelector('input[name=login]') === null && "
                 "document.querySelector('button[type=submit]') !== null")  # fmt: skip
    browser.run("document.querySelector('button[type=submit]').click()")
