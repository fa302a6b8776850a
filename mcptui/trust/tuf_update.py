"""Refreshing the catalog: python-tuf's client fetches a newer copy beside the one in use.

The copy in use, shipped or refreshed, is what was seen last: its versions are the floor below
which nothing is accepted. The new copy is fetched into a folder of its own, verified as every
copy is on each load, and put in use by replacing one small file. Whatever goes wrong before that
(a refusal, a full disk, kill -9) leaves the old copy in use; leftovers go with the next refresh.
One refresh at a time, by a lock that the system drops when its process dies.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from tuf.api.exceptions import DownloadError, DownloadLengthMismatchError, RepositoryError
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from mcptui.errors import McptuiError, NotTrusted, TryAgain
from mcptui.trust.tuf_copy import (
    POINTER,
    Copy,
    Place,
    best,
    check_copy,
    pointer,
    refreshed_parts,
    repository_parts,
)
from mcptui.trust.tuf_fetch import Source
from mcptui.trust.tuf_rules import DATABASE, KEPT, Parts, refused, verify

_NEW = ".new"
_MOST_DATABASE = 1024 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def refresh(
    place: Place,
    source: Source,
    clock: Callable[[], float],
    accept: Callable[[Copy], None] = lambda copy: None,
) -> Copy:
    """Fetch the newest copy from `source` and put it in use.

    Args:
        place: where copies lie and which root they descend from.
        source: where to ask.
        clock: unix seconds.
        accept: looks at the new copy before it is put in use; raises to refuse it.

    Returns:
        The copy in use now.

    Raises:
        NotTrusted: what the source offers does not hold.
        TryAgain: the source cannot be reached, or another refresh is running.
        McptuiError: there is no room, or `accept` refused. The old copy stays in use always.
    """
    try:
        place.refreshed.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(place.refreshed / "lock"):
            _sweep(place)
            return _refresh(place, source, clock, accept)
    except DownloadLengthMismatchError as error:
        raise refused(error) from error
    except DownloadError as error:
        raise TryAgain("The catalog's source cannot be reached", str(error)[:200], KEPT) from error
    except (RepositoryError, ValueError) as error:
        raise refused(error) from error
    except OSError as error:
        what = "The catalog was not refreshed"
        if error.errno in _FULL:
            raise McptuiError(what, "there is no room on the disk", "Make room") from error
        raise McptuiError(what, str(error), KEPT) from error


@contextlib.contextmanager
def _alone(path: Path) -> Generator[None]:
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TryAgain(
                "The catalog is being refreshed by another mcptui", fix="Wait for it to end"
            ) from error
        yield


def _sweep(place: Place) -> None:
    shutil.rmtree(place.refreshed / _NEW, ignore_errors=True)


def _refresh(
    place: Place, source: Source, clock: Callable[[], float], accept: Callable[[Copy], None]
) -> Copy:
    before = best(place)
    folder = place.refreshed / _NEW
    folder.mkdir(mode=0o700)
    try:
        _seed(folder, _parts_of(place, before))
        _fetch(place, source, folder, before)
        signature = verify(place.anchor, refreshed_parts(folder))
        copy = check_copy(signature, folder / DATABASE, "refreshed", clock())
        accept(copy)
        return _use(place, folder, copy, source.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parts_of(place: Place, copy: Copy) -> Parts:
    if copy.source == "shipped":
        return repository_parts(place.shipped)
    return refreshed_parts(copy.database.parent)


def _seed(folder: Path, parts: Parts) -> None:
    """Lay down what was seen last, so that nothing older is accepted."""
    history = folder / "root_history"
    history.mkdir()
    for version, root in enumerate(parts.roots, 2):
        (history / f"{version}.root.json").write_bytes(root)
    (folder / "timestamp.json").write_bytes(parts.timestamp)
    (folder / "snapshot.json").write_bytes(parts.snapshot)
    (folder / "targets.json").write_bytes(parts.targets)


def _fetch(place: Place, source: Source, folder: Path, before: Copy) -> None:
    updater = Updater(
        metadata_dir=str(folder),
        metadata_base_url=f"{source.base}/metadata/",
        target_base_url=f"{source.base}/targets/",
        fetcher=source.fetcher,
        config=UpdaterConfig(app_user_agent="mcptui"),
        bootstrap=place.anchor,
    )
    updater.refresh()
    target = updater.get_targetinfo(DATABASE)
    if target is None:
        raise NotTrusted("The catalog offered holds no database", KEPT)
    if target.length > _MOST_DATABASE:
        raise NotTrusted("The catalog offered is too large", f"{target.length} bytes", KEPT)
    database = folder / DATABASE
    if updater.find_cached_target(target, str(before.database)) is not None:
        shutil.copyfile(before.database, database)
    else:
        updater.download_target(target, str(database))


def _use(place: Place, folder: Path, copy: Copy, source: str) -> Copy:
    """Put a verified folder in use: name it, and replace the pointer as a whole."""
    # A new name each time: the folder in use is never touched, not even by the same version.
    name = f"{copy.version}-{copy.timestamp_version}-{secrets.token_hex(4)}"
    before = _in_use(place)
    for file in folder.rglob("*"):
        if file.is_file():
            _sync(file)
    final = folder.rename(place.refreshed / name)
    text = {"folder": name, "checked_at": copy.checked_at, "source": source}
    beside = place.refreshed / f"{POINTER}.new"
    beside.write_text(json.dumps(text), "utf-8")
    _sync(beside)
    beside.replace(place.refreshed / POINTER)
    _sync(place.refreshed)
    for other in place.refreshed.iterdir():
        if other.is_dir() and other.name not in (name, before):
            shutil.rmtree(other, ignore_errors=True)
    return replace(copy, database=final / DATABASE)


def _in_use(place: Place) -> str:
    try:
        found = pointer(place)
    except NotTrusted:
        return ""
    return "" if found is None else found.folder


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
