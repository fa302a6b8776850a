"""A registry read with suspicion: what OCI distribution 1.1 needs for digests and signatures.

Every answer is bounded in size and time and has the digest it was asked by. Only blobs follow a
redirect; it and the place that gives tokens must be https, and at public addresses unless they
are the registry's own host. The address that was looked at is the one that is connected to. A
registry on this machine may speak plain http. The user's sign-in goes nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import socket
import time
from collections.abc import Mapping
from urllib.parse import urlencode, urljoin, urlsplit

import httpx

from mcptui.addresses import public
from mcptui.errors import McptuiError, NotTrusted, TryAgain
from mcptui.runtime.image.docker_login import Login, login_for
from mcptui.runtime.image.reference import Reference, is_loopback
from mcptui.visible import visible

MANIFEST = 4 << 20
"""Bytes of a manifest or index, at most; as the specification has it."""
SECONDS = 60.0
"""How long one look at a registry may take altogether."""
_TOKEN = 1 << 16
_REDIRECTS = 3
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_INDEX = "application/vnd.oci.image.index.v1+json"
_FIELD = re.compile(r'([a-z]+)="([^"\\]{0,1000})"')
_TOKENS = "tokens"


class Registry:
    """One registry; methods block. Use it as a context manager.

    Args:
        reference: an image in it.
        environ: where docker's config is, and proxies.
        login: the sign-in, instead of what docker's config has.
        seconds: how long everything together may take.
    """

    def __init__(
        self,
        reference: Reference,
        environ: Mapping[str, str],
        *,
        login: Login | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._host, self._base = reference.host, reference.base
        self._environ = environ
        self._login = login
        self._until = time.monotonic() + seconds
        self._tokens: dict[str, str] = {}
        timeout = httpx.Timeout(min(10.0, seconds))
        self._client = httpx.Client(
            timeout=timeout, follow_redirects=False, trust_env=not is_loopback(self._host)
        )

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def login(self) -> Login | None:
        """The user's sign-in for this registry, None when there is none.

        Raises:
            McptuiError: docker's config or its helper is broken.
        """
        if self._login is None:
            self._login = login_for(self._host, self._environ)
        return self._login

    def digest(self, repository: str, tag: str) -> str:
        """The digest a tag points to now, of the very bytes the registry gives.

        Raises:
            McptuiError: there is no such tag.
            TryAgain: the registry does not answer.
        """
        found = self.manifest(repository, tag)
        if found is None:
            raise McptuiError(f"{visible(repository, limit=160)} has no tag {visible(tag)[:80]}")
        return "sha256:" + hashlib.sha256(found).hexdigest()

    def manifest(self, repository: str, reference: str) -> bytes | None:
        """A manifest or index by tag or digest, None when there is none.

        Raises:
            NotTrusted: its bytes do not have the digest.
            McptuiError: the registry refuses, or says too much.
            TryAgain: it does not answer.
        """
        path = self._path(repository)
        url = f"{self._base}{path}/manifests/{reference}"
        body = self._get(path, url, MANIFEST, _ACCEPT)
        if body is not None and _DIGEST.fullmatch(reference):
            _same(body, reference)
        return body

    def blob(self, repository: str, digest: str, most: int) -> bytes:
        """A blob of at most `most` bytes.

        Raises:
            NotTrusted: it is larger, missing, or its bytes do not have the digest.
            McptuiError: the registry refuses.
            TryAgain: it does not answer.
        """
        if not _DIGEST.fullmatch(digest):
            raise NotTrusted("A signature is named by no digest")
        path = self._path(repository)
        url = f"{self._base}{path}/blobs/{digest}"
        body = self._get(path, url, most, "*/*", redirects=_REDIRECTS)
        if body is None:
            raise NotTrusted("The registry lists a signature that it does not have", digest[:19])
        _same(body, digest)
        return body

    def referrers(self, repository: str, digest: str) -> bytes | None:
        """The index of what refers to a digest, None where the registry does not list that."""
        path = self._path(repository)
        return self._get(path, f"{self._base}{path}/referrers/{digest}", MANIFEST, _INDEX)

    def _path(self, repository: str) -> str:
        host, _, path = repository.partition("/")
        if host != self._host or not path:
            raise NotTrusted(
                "Signatures are read from the image's own registry only",
                visible(repository, limit=160),
            )
        return path

    def _get(self, path: str, url: str, most: int, accept: str, redirects: int = 0) -> bytes | None:
        """Get from the registry; signs in once when asked to. None for 404."""
        headers = {"Accept": accept, **self._sign(path)}
        status, sent, body = self._fetch(url, headers, most)
        if status == 401 and path not in self._tokens:
            self._tokens[path] = self._token(sent.get("www-authenticate", ""), path)
            headers = {"Accept": accept, **self._sign(path)}
            status, sent, body = self._fetch(url, headers, most)
        while status in (301, 302, 303, 307, 308) and redirects:
            redirects -= 1
            there, headers, name, url = self._followed(url, sent.get("location", ""))
            status, sent, body = self._fetch(there, headers, most, name)
        if status == 200:
            return body
        if status == 404:
            return None
        if status in (429, 500, 502, 503, 504):
            raise TryAgain(f"The registry {self._host} is busy", f"it answers {status}")
        fix = f"`docker login {self._host}` signs in" if status in (401, 403) else ""
        raise McptuiError(f"The registry {self._host} refuses", f"it answers {status}", fix)

    def _sign(self, path: str) -> dict[str, str]:
        return {"Authorization": self._tokens[path]} if self._tokens.get(path) else {}

    def _fetch(
        self, url: str, headers: Mapping[str, str], most: int, name: str = ""
    ) -> tuple[int, httpx.Headers, bytes]:
        """One request; the body of a good answer is read up to `most` bytes, as it is sent."""
        extensions = {"sni_hostname": name} if name else {}
        sent = {"Accept-Encoding": "identity", **headers}
        body = bytearray()
        try:
            with self._client.stream("GET", url, headers=sent, extensions=extensions) as answer:
                if answer.status_code == 200:
                    for part in answer.iter_raw():
                        body += part
                        self._within(len(body), most)
                self._within(0, most)
                return answer.status_code, answer.headers, bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = visible(error, limit=200)
            raise TryAgain(f"The registry {self._host} does not answer", why) from error

    def _within(self, size: int, most: int) -> None:
        if size > most:
            raise NotTrusted(f"The registry {self._host} sends more than {most} bytes")
        if time.monotonic() > self._until:
            raise TryAgain(f"The registry {self._host} takes too long")

    def _followed(self, url: str, location: str) -> tuple[str, dict[str, str], str, str]:
        """Check a redirect; the last of the four is where it leads, by name."""
        try:
            url = urljoin(url, location)
        except ValueError:
            url = location
        return *self._elsewhere(url, "content"), url

    def _elsewhere(self, url: str, what: str) -> tuple[str, dict[str, str], str]:
        """Check an address that the registry named.

        Returns:
            What to connect to, the headers for that, and the name for TLS.
        """
        try:
            parts, own = urlsplit(url), urlsplit(self._base)
            host, port = parts.hostname or "", parts.port or 443
        except ValueError:
            parts, own, host, port = urlsplit(""), urlsplit(self._base), "", 0
        if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
            return url, {}, ""
        if what == _TOKENS and is_loopback(self._host) and is_loopback(host):
            return url, {}, ""
        if parts.scheme != "https" or not host or parts.username is not None:
            raise self._astray(url, what, "it must be https")
        found = addresses_of(host, port)
        if not all(public(one) or (self._inside() and _in_company(one)) for one in found):
            raise self._astray(url, what, "its address is not of the public internet")
        bracketed = f"[{found[0]}]" if ":" in found[0] else found[0]
        there = parts._replace(netloc=f"{bracketed}:{port}", fragment="").geturl()
        return there, {"Host": parts.netloc}, host

    def _inside(self) -> bool:
        """Whether the registry itself is one of a private network, as a company's is."""
        parts = urlsplit(self._base)
        return all(map(_in_company, addresses_of(parts.hostname or "", parts.port or 443)))

    def _astray(self, url: str, what: str, why: str) -> NotTrusted:
        return NotTrusted(
            f"The registry {self._host} names a wrong place for its {what}",
            f"{visible(url, limit=160)}: {why}",
        )

    def _token(self, challenge: str, path: str) -> str:
        """What to present for a repository, after the registry's challenge; "" for nothing."""
        kind, _, rest = challenge.partition(" ")
        login = self.login()
        basic = ""
        if login is not None:
            pair = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
            basic = f"Basic {pair}"
        if kind.lower() == "basic":
            return basic
        fields = dict(_FIELD.findall(rest))
        if kind.lower() != "bearer" or "realm" not in fields:
            raise McptuiError(f"The registry {self._host} asks for a sign-in of an unknown kind")
        url, headers, name = self._elsewhere(fields["realm"], _TOKENS)
        query = urlencode(
            {"service": fields.get("service", ""), "scope": f"repository:{path}:pull"}
        )
        url += ("&" if urlsplit(url).query else "?") + query
        headers = {**headers, "Authorization": basic} if basic else headers
        status, _, body = self._fetch(url, headers, _TOKEN, name)
        if status != 200:
            fix = f"`docker login {self._host}` signs in"
            raise McptuiError(f"The registry {self._host} gives no token", str(status), fix)
        try:
            said = json.loads(body)
            token = said.get("token") or said["access_token"]
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            raise McptuiError(f"The registry {self._host} gives no token") from error
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise McptuiError(f"The registry {self._host} gives no token")
        return f"Bearer {token}"


def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a name.

    Raises:
        TryAgain: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TryAgain(f"{visible(host, limit=120)} has no address", str(error)) from error
    return [str(one[4][0]) for one in found]


def _in_company(address: str) -> bool:
    one = ipaddress.ip_address(address.partition("%")[0])
    return one.is_private and not one.is_loopback and not one.is_link_local


def _same(body: bytes, digest: str) -> None:
    if "sha256:" + hashlib.sha256(body).hexdigest() != digest:
        raise NotTrusted("The registry's answer does not have the digest it was asked by", digest)
