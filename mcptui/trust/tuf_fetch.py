"""Where a refresh reads from: an https address or a folder, behind python-tuf's one seam.

Each fetcher bounds what it gives: python-tuf counts the bytes of every file, here the clock runs
as well, so a source that trickles for ever is left. Only https, and no redirects: the address a
person named is the one that is asked.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from mcptui.errors import UsageError
from mcptui.fields import https_url

if TYPE_CHECKING:
    import httpx

_CHUNK = 64 * 1024


class Source(Protocol):
    """A published repository, somewhere.

    `name` is what a person named it by, `base` the address below which `metadata/` and
    `targets/` lie, as `fetcher` understands it.
    """

    @property
    def name(self) -> str: ...
    @property
    def base(self) -> str: ...
    @property
    def fetcher(self) -> FetcherInterface: ...


class FolderFetcher(FetcherInterface):
    """Reads a repository that lies in a folder: a mirror, a stick, a checkout."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self.base = "folder:"
        self._folder = folder

    @property
    def fetcher(self) -> FetcherInterface:
        """Itself."""
        return self

    def _fetch(self, url: str) -> Iterator[bytes]:
        parts = url.removeprefix(self.base).strip("/").split("/")
        path = self._folder.joinpath(*parts)
        if ".." in parts or not path.is_file():
            raise DownloadHTTPError(f"{path.name} is not there", 404)
        return self._chunks(path)

    def _chunks(self, path: Path) -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise DownloadError(f"{path.name} cannot be read: {error}") from error


class HttpsFetcher(FetcherInterface):
    """Reads a repository over https.

    Args:
        address: the https address below which the repository lies.
        seconds: how long all of it may take.
        pause: how long the server may stay silent.
        trusted: certificates to accept instead of the system's (tests, company networks).

    Raises:
        UsageError: the address is not a plain https one.
    """

    def __init__(
        self,
        address: str,
        *,
        seconds: float = 300.0,
        pause: float = 15.0,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        if problem := https_url(address):
            raise UsageError(f"The catalog's address {problem}", address[:200])
        self.name = address
        self.base = address.rstrip("/")
        self._until = time.monotonic() + seconds
        self._pause = pause
        self._trusted = trusted
        self._client: httpx.Client | None = None

    @property
    def fetcher(self) -> FetcherInterface:
        """Itself."""
        return self

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> httpx.Client:
        if self._client is None:
            import httpx

            self._client = httpx.Client(
                verify=self._trusted if self._trusted is not None else True,
                follow_redirects=False,
                timeout=self._pause,
                headers={"User-Agent": "mcptui", "Accept-Encoding": "identity"},
            )
        return self._client

    def _fetch(self, url: str) -> Iterator[bytes]:
        import httpx

        try:
            client = self._open()
            answer = client.send(client.build_request("GET", url), stream=True)
        except httpx.HTTPError as error:
            raise DownloadError(f"no answer: {error}") from error
        if answer.status_code != 200:
            answer.close()
            moved = " (it points elsewhere, which is not followed)" if answer.is_redirect else ""
            raise DownloadHTTPError(f"it answers {answer.status_code}{moved}", answer.status_code)
        return self._chunks(answer)

    def _chunks(self, answer: httpx.Response) -> Iterator[bytes]:
        import httpx

        try:
            # Chunks as they come: gathered into larger ones, a trickle would not be noticed.
            for chunk in answer.iter_raw():
                if time.monotonic() > self._until:
                    raise DownloadError("it takes too long")
                yield chunk
        except httpx.HTTPError as error:
            raise DownloadError(f"the answer breaks off: {error}") from error
        finally:
            answer.close()
