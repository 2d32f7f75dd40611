"""One file from the network: watched, stopped, and gone on with where an earlier try broke off."""

import base64
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener, getproxies, proxy_bypass

from tlstudio.control import Cancelled, Control
from tlstudio.project import lock

BLOCK_BYTES = 1 << 17
TIMEOUT_SECONDS = 30.0

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try after a connection that broke."""

LOOK_SECONDS = 0.05
"""Between two looks at whether the job is stopped."""

_MAY_PASS = (408, 429, 500, 502, 503, 504)
"""Answers of a server that is overloaded or being restarted."""

NETWORK_ERRORS = (URLError, HTTPException, ConnectionError)
"""What `download` raises where the file cannot be had; any other OSError is the disk's."""


class Fetched:
    """How far a download is, in bytes; written by its thread alone. `total` 0 if not known."""

    def __init__(self) -> None:
        self.name = ""
        self.done = 0
        self.total = 0
        self.arrived = 0
        """In all tries together."""
        self.changed = Event()


def download(address: str, target: Path, fetched: Fetched, control: Control) -> None:
    """Fetch a file, which appears under its name only when it is whole.

    What arrives is kept beside it as NAME.part, also when the job is stopped or killed, and the
    next download goes on with it where the server says that the file is the same (RFC 9110,
    If-Range). One process writes it at a time; another waits, and has the file then too. A proxy is
    used where the system or the environment (HTTPS_PROXY, NO_PROXY) names one. Raises Cancelled,
    NETWORK_ERRORS, and OSError where it cannot be written.
    """
    before = _stamp(target)
    part = _Part(target)
    with _taken(target.with_name(f"{target.name}.lock"), part, fetched, control):
        if _stamp(target) != before:
            return
        try:
            _with_patience(address, part, fetched, control)
            part.path.replace(target)
            part.discard()
        finally:
            if not part.version():
                part.discard()


@contextmanager
def _taken(path: Path, part: "_Part", fetched: Fetched, control: Control) -> Iterator[None]:
    """Within, nobody else writes the part. Waits until that is so; `fetched` tells how far the
    other one is.
    """
    while (stream := lock.take(path)) is None:
        fetched.done, fetched.total = part.size(), 0
        fetched.changed.set()
        _wait(LOOK_SECONDS, control)
    try:
        yield
    finally:
        lock.release(stream, path)


def is_partly_here(target: Path) -> bool:
    """Whether a download of it broke off, which the next one goes on with."""
    part = _Part(target)
    return bool(part.size() and part.version())


def proxy_of(address: str) -> str:
    """The host and port of the proxy that it is fetched through, without a password in it; empty
    where there is none.
    """
    parts = urlsplit(address)
    if proxy_bypass(parts.netloc):
        return ""
    proxy = getproxies().get(parts.scheme, "")
    return proxy.rpartition("@")[2].rpartition("//")[2].rstrip("/")


class _Part:
    """What has arrived of a file, and which version of it that is."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._version = target.with_name(f"{target.name}.part.version")

    def size(self) -> int:
        """In bytes; 0 where there is none."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def version(self) -> str:
        """As the server calls it, in an ETag or a date; empty where it does not, or all is new."""
        with suppress(OSError, ValueError):
            return self._version.read_text(encoding="latin-1")
        return ""

    def begin(self, version: str) -> None:
        self.discard()
        if version:
            self._version.write_text(version, encoding="latin-1")

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._version.unlink(missing_ok=True)


def _with_patience(address: str, part: _Part, fetched: Fetched, control: Control) -> None:
    """Try again where the connection broke; at once give up one that never was."""
    for pause in PAUSES:
        before = fetched.arrived
        try:
            _try(address, part, fetched, control)
        except HTTPError as error:
            if error.code not in _MAY_PASS:
                raise
        except NETWORK_ERRORS:
            if fetched.arrived == before:
                raise
        else:
            return
        _wait(pause, control)
    _try(address, part, fetched, control)


def _try(address: str, part: _Part, fetched: Fetched, control: Control) -> None:
    response, done = _response(address, part)
    with response:
        if not done:
            part.begin(_version(response.headers))
        length = response.headers.get("Content-Length")
        fetched.done, fetched.total = done, done + int(length) if length else 0
        with part.path.open("ab") as stream:
            while block := _from_network(lambda: response.read(BLOCK_BYTES)):
                if control.stopping:
                    raise Cancelled
                stream.write(block)
                fetched.done += len(block)
                fetched.arrived += len(block)
                fetched.changed.set()
            stream.flush()
            os.fsync(stream.fileno())
    if fetched.done < fetched.total:
        raise ConnectionError(f"the connection closed after {fetched.done} bytes")
    if not _is_whole(part.path, response.headers):
        part.discard()
        raise ConnectionError("what arrived was damaged on its way")


def _response(address: str, part: _Part) -> tuple[Any, int]:
    """An answer with the file, and from which byte on."""
    done, version = part.size(), part.version()
    if done and version:
        try:
            response = _opened(address, {"Range": f"bytes={done}-", "If-Range": version})
        except HTTPError as error:
            if error.code != 416:  # there are no such bytes, so it is another file by now
                raise
        else:
            if response.status == 200:
                return response, 0
            # Not every server looks at If-Range.
            same = _version(response.headers) in ("", version)
            if same and response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                return response, done
            response.close()
    return _opened(address, {}), 0


def _opened(address: str, headers: dict[str, str]) -> Any:
    # An opener of its own, since the shared one keeps to the proxies that it began with.
    opener, request = build_opener(), Request(address, headers=headers)
    return _from_network(lambda: opener.open(request, timeout=TIMEOUT_SECONDS))


def _version(headers: Message) -> str:
    """What If-Range takes: a strong ETag, or else the date of the last change."""
    tag = headers.get("ETag", "")
    return str(tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", ""))


def _is_whole(path: Path, headers: Message) -> bool:
    """Whether it has the MD5 that Google's storage sends along; True where the server sends none
    (https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash).
    """
    hashes = ",".join(headers.get_all("x-goog-hash", [])).split(",")
    said = [value.strip().removeprefix("md5=") for value in hashes if "md5=" in value]
    if not said:
        return True
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
    return base64.b64encode(digest.digest()).decode() == said[0]


def _from_network(call: Callable[[], Any]) -> Any:
    """Tell an error of the network from one of the disk: both are plain OSErrors."""
    try:
        return call()
    except URLError:
        raise
    except OSError as error:
        raise URLError(error) from error


def _wait(seconds: float, control: Control) -> None:
    """Raises Cancelled as soon as the job is stopped."""
    end = time.monotonic() + seconds
    while True:
        if control.stopping:
            raise Cancelled
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, LOOK_SECONDS))


def _stamp(path: Path) -> tuple[int, int] | None:
    """Tells one file under a name from the next; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
