"""Large files from the web, fetched in pieces that survive an interruption, and checked."""

import hashlib
import http.client
import os
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from toktts.errors import DownloadError

_PIECE_BYTES = 2**20


@dataclass(frozen=True)
class Archive:
    """A file on the web whose content is known.

    Args:
        url: http or https.
        sha256: 64 hex digits.
        n_bytes: size.
        root: the one folder that everything in it lies in.
    """

    url: str
    sha256: str
    n_bytes: int
    root: str

    @property
    def name(self) -> str:
        """Last part of the address."""
        return PurePosixPath(urllib.parse.urlsplit(self.url).path).name

    @property
    def host(self) -> str:
        """Who is asked: the host, and the proxy if there is one."""
        parts = urllib.parse.urlsplit(self.url)
        proxy = None if urllib.request.proxy_bypass(parts.netloc) else urllib.request.getproxies().get(parts.scheme)
        # Only host and port: the address of a proxy may hold a password.
        return f"{parts.netloc} through {urllib.parse.urlsplit(proxy).netloc.split('@')[-1]}" if proxy else parts.netloc


@dataclass(frozen=True)
class Patience:
    """How long to try; every byte that comes starts the clock again.

    Args:
        attempts: in a row without a byte.
        first_wait_s: pause after the first attempt, doubled after each.
        timeout_s: for one connection until a byte has come; many addresses of one host each get it.
        stalled_s: the same once bytes have come.
        total_s: no new attempt after that long, if not one byte has come.
    """

    attempts: int = 3
    first_wait_s: float = 0.5
    timeout_s: float = 2.5
    stalled_s: float = 15.0
    total_s: float = 6.0


class _Refused(Exception):
    """The server answers, but not with this file: trying again is of no use."""


def fetch(archive: Archive, folder: Path, *, patience: Patience | None = None) -> Path:
    """Download a file into `folder`, going on with `<name>.part` where an earlier attempt ended.

    Args:
        archive: what to fetch.
        folder: made if it is missing.
        patience: how long to try.
    Returns:
        The file, only ever seen under its name with the expected hash.
    Raises:
        DownloadError: no answer, another size or hash than expected (the part is kept), or no space.
    """
    target = folder / archive.name
    part = folder / f"{archive.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if target.exists():
            _check_hash(target, archive)
            return target
        _check_space(folder, archive.n_bytes - _size(part))
        _fetch_rest(archive, part, patience or Patience())
        _check_hash(part, archive)
        os.replace(part, target)
    except OSError as error:
        raise DownloadError(f"cannot be written ({error.strerror}); choose another place", file=part) from error
    return target


def _fetch_rest(archive: Archive, part: Path, patience: Patience) -> None:
    """Ask for what is missing until it is there; attempts count only as long as nothing comes."""
    began, failures, has_come = time.monotonic(), 0, False
    with tqdm(
        total=archive.n_bytes, initial=_size(part), unit="B", unit_scale=True, desc=archive.name, disable=None
    ) as bar:
        while (size := _size(part)) < archive.n_bytes:
            reason = _attempt(archive, part, patience.stalled_s if has_come else patience.timeout_s, bar)
            if _size(part) > size:
                began, failures, has_come = time.monotonic(), 0, True
                continue
            failures += 1
            gone_s = time.monotonic() - began
            if failures == patience.attempts or (not has_come and gone_s > patience.total_s):
                raise DownloadError(
                    f"no answer that helps after {failures} attempts ({reason}); try again later (what has come is "
                    f"kept), or download {archive.url} by hand to {part.with_suffix('')}",
                    file=archive.host,
                )
            time.sleep(patience.first_wait_s * 2 ** (failures - 1))


def _attempt(archive: Archive, part: Path, timeout_s: float, bar: "tqdm[None]") -> str:
    """Append what one connection gives, and say why it ended."""
    request = urllib.request.Request(archive.url, headers={"Range": f"bytes={_size(part)}-", "User-Agent": "toktts"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            start = _check_offer(response, archive, _size(part))
            with open(part, "r+b" if part.exists() else "wb") as file:
                file.truncate(file.seek(start))
                bar.update(file.tell() - bar.n)
                for piece in _pieces(response, archive.n_bytes - file.tell()):
                    file.write(piece)
                    bar.update(len(piece))
        return "the connection ended early"
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code} {error.reason}"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        return str(error) or type(error).__name__
    except _Refused as error:
        raise DownloadError(f"{error}; look at {archive.url} in a browser", file=archive.host) from error


def _check_offer(response: http.client.HTTPResponse, archive: Archive, asked: int) -> int:
    """Hold what is offered against what is expected, before a byte is written; return where it starts."""
    kind = response.headers.get_content_type()
    if kind == "text/html":
        raise _Refused("gives a web page instead of the file")
    start, total = 0, response.headers.get("Content-Length")
    if response.status == 206:
        span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        start = int(span.split("-")[0]) if span.split("-")[0].isdigit() else -1
        if start != asked:
            raise _Refused(f"gives byte {start} on, asked for {asked}")
    if total and total.isdigit() and int(total) != archive.n_bytes:
        raise _Refused(f"offers {total} bytes, expected {archive.n_bytes}")
    return start


def _pieces(response: http.client.HTTPResponse, n_bytes: int) -> Iterator[bytes]:
    while n_bytes > 0 and (piece := response.read1(min(_PIECE_BYTES, n_bytes))):
        n_bytes -= len(piece)
        yield piece


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_space(folder: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise DownloadError(
            f"disk full: need {n_bytes / 1e6:.0f} MB, {free / 1e6:.0f} MB free; choose another place", file=folder
        )


def _check_hash(path: Path, archive: Archive) -> None:
    if _size(path) != archive.n_bytes:
        raise DownloadError(f"has {_size(path)} bytes, expected {archive.n_bytes}; delete it and try again", file=path)
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != archive.sha256:
        raise DownloadError(f"sha256 is {found}, expected {archive.sha256}; delete it and try again", file=path)
