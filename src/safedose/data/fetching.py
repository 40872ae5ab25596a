"""Fetching the catalogue's files: they go on after a stop, are bounded, and are checked before they count.

A file grows under its name with `.part` behind it and gets its name when its hash is right. Only `safedose data fetch`
comes here: studies download no data.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import httpx2

import safedose
from safedose.data import places
from safedose.data.releases import File, Source
from safedose.errors import InputError, RunError
from safedose.progress import Watch
from safedose.store.durable import explaining, flush, place, read_json, set_aside, write_text

HUB = "huggingface.co"
"""The only host that is shown HF_TOKEN."""

MAX_SIZE = 4 * 2**30
"""Bytes of a file whose size the catalogue does not know."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_TRIES = 6  # in a row without a new byte
_TRIES_UNHEARD = 2  # while no server has answered at all: most likely there is no network
_LONGEST_PAUSE = 60.0
_MOST_HOPS = 10


def fetch(
    source: Source,
    watch: Watch,
    *,
    data_dir: Path | None = None,
    transport: httpx2.BaseTransport | None = None,
    pause: float = 1.0,
) -> tuple[places.Found, ...]:
    """Fetch the files of a source that are not here yet.

    Args:
        source: Of the catalogue.
        watch: Shows the progress, with the remaining time.
        data_dir: Folder that must hold the files in the end; None: they go to the user's cache, unless they lie in any
            place where the catalogue looks.
        transport: What carries the requests; None: the network, certificates checked, by the environment's proxies.
        pause: Seconds before the first repetition after a failure; each further one waits twice as long.

    Returns:
        Where the files are, and what is known of their bytes.

    Raises:
        InputError: When a file is there and holds other bytes, or is being fetched by another process.
        RunError: When the server refuses, the network stays cut, or other bytes come than should.
    """
    dirs = (data_dir,) if data_dir else places.data_dirs()
    with httpx2.Client(timeout=httpx2.Timeout(60.0, connect=20.0), transport=transport) as client:
        for file in source.files:
            found = places.look_for(file, dirs)
            if found.state == "differs":
                raise places.differing(source, found)
            if found.state == "absent":
                _fetch_file(source, file, (data_dir or places.cache_dir()) / file.path, client, watch, pause)
    return tuple(places.look_for(file, dirs) for file in source.files)


def _fetch_file(source: Source, file: File, path: Path, client: httpx2.Client, watch: Watch, pause: float) -> None:
    part = path.with_name(f"{path.name}.part")
    with explaining(part):
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as stream, _alone(stream, part):
            _receive(source, file, stream, client, watch, pause)
        sha256, expected = places.hash_of(part), file.sha256 or places.recorded(path)
        if expected not in (None, sha256):
            raise _other_bytes(source, file, part, f"sha256 {sha256[:12]}... instead of {str(expected)[:12]}...")
        if file.sha256 is None:
            places.record(file, part, path, sha256)
        flush(part)
        place(part, path)
        _note(part).unlink(missing_ok=True)


@contextmanager
def _alone(stream: BinaryIO, part: Path) -> Iterator[None]:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"another process is fetching {part.name.removesuffix('.part')}", where=str(part),
            cause="two commands were started", fix="wait for the other one",
        ) from None  # fmt: skip
    except OSError:  # some network disks know no locks; a wrong mixture of bytes has the wrong hash
        pass
    yield


def _receive(source: Source, file: File, stream: BinaryIO, client: httpx2.Client, watch: Watch, pause: float) -> None:
    """Ask until the file is whole; what was received stays and is asked for no more."""
    tries, before, waiting, most = 0, -1, pause, _TRIES_UNHEARD
    while True:
        had = _size(stream)
        tries, before, waiting = (tries + 1, before, waiting) if had <= before else (0, had, pause)
        try:
            if _ask(source, file, stream, client, watch):
                return
            most, told = _TRIES, "it said no with a code that may pass"
        except httpx2.TransportError as error:
            most = most if isinstance(error, httpx2.ConnectError) else _TRIES
            told = str(error) or type(error).__name__
        if tries >= most:
            raise _not_come(source, file, _size(stream), told)
        seconds = min(waiting, _LONGEST_PAUSE)
        watch.say(f"fetch: {file.path}: {told}; asked again in {seconds:.0f} s")
        time.sleep(seconds)
        waiting *= 2


def _not_come(source: Source, file: File, size: int, told: str) -> RunError:
    goes_on = f"goes on after the {size:,} bytes that are here" if size else "begins again"
    return RunError(
        f"{source.id!r} could not be fetched: {told}", where=file.address,
        cause="there is no network, or it or the server failed several times in a row",
        fix=f"`safedose data fetch {source.id}` {goes_on}; or put the file as {file.path} in a folder that "
        "SAFEDOSE_DATA names",
    )  # fmt: skip


def _ask(source: Source, file: File, stream: BinaryIO, client: httpx2.Client, watch: Watch) -> bool:
    """Ask for what is missing; says whether the file is whole now, or to be asked for again."""
    had = _usable(file, stream)
    if had and had == file.size:
        return True
    with _answer(client, file.address, _headers(had, read_json(_note(Path(stream.name))).get("etag"))) as response:
        if response.status_code in _PASSING:
            return False
        if response.status_code == 416:  # nothing behind what is here: it is whole, or was another file
            whole = response.headers.get("content-range") == f"bytes */{had}"
            return whole or bool(_cut(stream, 0))
        if response.status_code not in (200, 206):
            raise _refused(source, file, response.status_code)
        if response.status_code == 206 and not response.headers.get("content-range", "").startswith(f"bytes {had}-"):
            return bool(_cut(stream, 0))
        if response.status_code == 200:
            had = _cut(stream, 0)
            _remember(stream, response)
        _copy(source, file, stream, response, had, watch)
    return True


def _copy(source: Source, file: File, stream: BinaryIO, response: httpx2.Response, had: int, watch: Watch) -> None:
    length = response.headers.get("content-length", "")
    total = had + int(length) if length.isdecimal() else None
    limit, part = file.size or MAX_SIZE, Path(stream.name)
    if (file.size and total not in (None, file.size)) or (total or 0) > limit:
        raise _other_bytes(source, file, part, f"{total:,} bytes instead of {limit:,}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise _refused(source, file, response.status_code, why="it packs the file, which was not asked for")
    received = told = 0
    with watch.stage("fetch", total=((total or limit) - had) // 1000, unit="kB") as advance:
        for chunk in response.iter_raw():  # as they come: a cut loses none
            received += len(chunk)
            if had + received > limit:
                raise _other_bytes(source, file, part, f"more than {limit:,} bytes")
            stream.write(chunk)
            stream.flush()
            advance(received // 1000 - told, part.name.removesuffix(".part"))
            told = received // 1000


@contextmanager
def _answer(client: httpx2.Client, address: str, headers: Mapping[str, str]) -> Iterator[httpx2.Response]:
    """Ask, and follow redirects: never from https to less, and with the token for the Hub's own host only."""
    url = httpx2.URL(address)
    secure = url.scheme == "https"
    for _ in range(_MOST_HOPS):
        if url.scheme != "https" and (secure or url.scheme != "http" or url.host not in _LOOPBACK):
            raise RunError(
                f"{url.scheme}://{url.host} is not asked", where=address,
                cause="the server sends on to an address without encryption", fix="report it; fetch nothing from there",
            )  # fmt: skip
        with client.stream("GET", url, headers={**headers, **_token(url)}, follow_redirects=False) as response:
            if not response.has_redirect_location:
                yield response
                return
            url = url.join(response.headers["location"])
    raise RunError(
        f"more than {_MOST_HOPS} redirects", where=address, cause="the server sends in circles", fix="try again later",
    )  # fmt: skip


def _token(url: httpx2.URL) -> dict[str, str]:
    token = os.environ.get("HF_TOKEN", "")
    return {"Authorization": f"Bearer {token}"} if token and url.scheme == "https" and url.host == HUB else {}


def _headers(had: int, etag: object) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity", "User-Agent": f"safedose/{safedose.__version__}"}
    if had:
        headers["Range"] = f"bytes={had}-"
    if had and isinstance(etag, str):
        headers["If-Range"] = etag
    return headers


def _usable(file: File, stream: BinaryIO) -> int:
    """Say how many of the bytes here may stay: none where nobody could tell whether the rest belongs to them."""
    had = _size(stream)
    sure = file.sha256 or read_json(_note(Path(stream.name))).get("etag")
    return had if sure and had <= (file.size or MAX_SIZE) else _cut(stream, 0)


def _remember(stream: BinaryIO, response: httpx2.Response) -> None:
    """Note which version is being received, where the server names it exactly."""
    note, etag = _note(Path(stream.name)), response.headers.get("etag", "")
    note.unlink(missing_ok=True)
    if etag.startswith('"'):
        write_text(note, json.dumps({"etag": etag}) + "\n")


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(stream: BinaryIO) -> int:
    return os.fstat(stream.fileno()).st_size


def _cut(stream: BinaryIO, size: int) -> int:
    stream.truncate(size)
    return size


def _other_bytes(source: Source, file: File, part: Path, found: str) -> RunError:
    with suppress(OSError):
        _note(part).unlink(missing_ok=True)
    aside = set_aside(part)
    return RunError(
        f"other bytes came for {source.id!r} than should: {found}", where=file.address,
        cause="its publisher changed the file, or something between here and there did",
        fix=f"nothing uses them: they lie in {aside}; fetch again, and if it stays so, look for a newer safedose",
    )  # fmt: skip


def _refused(source: Source, file: File, code: int, *, why: str = "") -> RunError:
    causes = {
        401: f"its publisher wants to know who asks: accept its terms at {source.page} and set HF_TOKEN",
        403: f"its publisher wants to know who asks: accept its terms at {source.page} and set HF_TOKEN",
        404: "its publisher moved or removed it",
    }
    return RunError(
        f"{source.id!r} cannot be fetched: the server answers {code}", where=file.address,
        cause=why or causes.get(code, "the server or a proxy does not give it"),
        fix=f"look at {source.page}, or put the file under its path of `safedose data list --json` in a data folder",
    )  # fmt: skip
