"""A download is watched and stopped, goes on where it broke off, and is whole or not there."""

import base64
import errno
import hashlib
import os
import threading
import time
from http.client import HTTPMessage
from io import BytesIO
from urllib.error import HTTPError, URLError

import pytest
from served import serving

from tlstudio.control import Cancelled, Control
from tlstudio.model import download as module
from tlstudio.model.download import NETWORK_ERRORS, Fetched, download, is_partly_here, proxy_of
from tlstudio.project import lock

CONTENT = os.urandom(1 << 20)
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Without long pauses, and without the proxies of the machine."""
    monkeypatch.setattr(module, "PAUSES", (0.01,) * 4)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server():
    with serving() as server:
        server.content = CONTENT
        server.version = '"one"'
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "net.h5"


def fetch(server, target, control=None):
    fetched = Fetched()
    download(f"{server.address}/net.h5", target, fetched, control or Control())
    return fetched


def broken(server, target, after):
    """A download that does not get further, whatever it tries."""
    server.breaks_after = after
    with pytest.raises(NETWORK_ERRORS):
        fetch(server, target)
    server.breaks_after = 0
    server.asked.clear()


def here(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_arrives_whole_and_alone(server, target):
    fetched = fetch(server, target)

    assert target.read_bytes() == CONTENT
    assert (fetched.done, fetched.total) == (len(CONTENT), len(CONTENT))
    assert here(target) == ["net.h5"]


def test_a_connection_that_breaks_is_tried_again_from_there(server, target):
    server.breaks_after = 300_000
    fetch(server, target)

    assert target.read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [
        None,
        "bytes=300000-",
        "bytes=600000-",
        "bytes=900000-",
    ]


def test_a_server_that_is_overloaded_is_tried_again(server, target):
    server.failures = 3
    fetch(server, target)

    assert target.read_bytes() == CONTENT
    server.failures = 5
    with pytest.raises(HTTPError, match="503"):
        fetch(server, target.with_name("other"))


def test_the_next_download_goes_on_with_what_is_here(server, target):
    broken(server, target, 10_000)
    assert here(target) == ["net.h5.part", "net.h5.part.version"]
    assert is_partly_here(target)

    fetched = fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert server.asked == [("/net.h5", "bytes=50000-")]
    assert (fetched.done, fetched.total, fetched.arrived) == (
        len(CONTENT),
        len(CONTENT),
        len(CONTENT) - 50_000,
    )
    assert here(target) == ["net.h5"]


def test_so_it_does_by_the_date_of_the_file(server, target):
    server.version, server.dated = 'W/"weak"', "Thu, 26 Nov 2026 10:00:00 GMT"
    broken(server, target, 10_000)

    fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert server.asked == [("/net.h5", "bytes=50000-")]


@pytest.mark.parametrize("ignores", [False, True])
def test_another_file_by_now_is_fetched_from_its_beginning(server, target, ignores):
    broken(server, target, 10_000)
    server.version, server.content = '"two"', CONTENT[::-1]
    server.ignores_if_range = ignores

    fetch(server, target)
    assert target.read_bytes() == CONTENT[::-1]


def test_a_shorter_file_by_now_is_fetched_from_its_beginning(server, target):
    broken(server, target, 10_000)
    server.content = b"short"

    fetch(server, target)
    assert target.read_bytes() == b"short"


def test_without_a_version_nothing_is_kept(server, target):
    server.version = ""
    broken(server, target, 10_000)

    assert here(target) == []
    assert not is_partly_here(target)


def test_a_stop_keeps_what_arrived(server, target):
    server.pause = 0.01
    control, fetched = Control(), Fetched()
    thread = threading.Timer(0.06, control.stop)
    thread.start()
    with pytest.raises(Cancelled):
        download(f"{server.address}/net.h5", target, fetched, control)
    thread.join()

    assert 0 < fetched.done < len(CONTENT)
    assert target.with_name("net.h5.part").stat().st_size == fetched.done
    assert not target.exists()


def test_a_stop_ends_a_pause_at_once(server, target, monkeypatch):
    monkeypatch.setattr(module, "PAUSES", (60.0,))
    server.failures = 1
    control = Control()
    thread = threading.Timer(0.1, control.stop)
    thread.start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        fetch(server, target, control)
    thread.join()

    assert time.monotonic() - start < 5


@pytest.mark.parametrize(("sound", "tries"), [(True, 1), (False, 5)])
def test_the_digest_that_the_store_sends_along_is_looked_at(server, target, sound, tries):
    digest = hashlib.md5(CONTENT if sound else b"other").digest()
    server.headers = (
        ("x-goog-hash", "crc32c=AAAAAA=="),
        ("x-goog-hash", f"md5={base64.b64encode(digest).decode()}"),
    )
    if sound:
        fetch(server, target)
    else:
        with pytest.raises(ConnectionError, match="damaged on its way"):
            fetch(server, target)

    assert here(target) == (["net.h5"] if sound else [])
    assert len(server.asked) == tries


def test_two_downloads_do_not_write_into_one_another(server, target):
    server.pause = 0.01
    thread = threading.Thread(target=fetch, args=(server, target))
    thread.start()
    while not target.with_name("net.h5.part").exists():
        time.sleep(0.001)
    fetch(server, target)
    thread.join()

    assert target.read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert here(target) == ["net.h5"]


def test_a_stop_ends_the_wait_for_another_one(server, target):
    taken = target.with_name("net.h5.lock")
    stream = lock.take(taken)
    control = Control()
    control.stop()
    with pytest.raises(Cancelled):
        fetch(server, target, control)
    lock.release(stream, taken)

    assert server.asked == []


def test_nobody_there_is_said_at_once(target):
    start = time.monotonic()
    with pytest.raises(URLError, match="refused"):
        download("http://127.0.0.1:9/net.h5", target, Fetched(), Control())

    assert time.monotonic() - start < 5
    assert here(target) == []


def test_a_silent_server_is_given_up(server, target, monkeypatch):
    server.pause = 2.0
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.1)

    with pytest.raises(URLError, match="timed out"):
        fetch(server, target)


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EIO])
def test_a_network_that_goes_away_is_not_blamed_on_the_disk(target, monkeypatch, number):
    class Gone(BytesIO):
        status, headers = 200, HTTPMessage()

        def read(self, _size):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr("urllib.request.OpenerDirector.open", lambda *_, **__: Gone())
    with pytest.raises(URLError, match=os.strerror(number)):
        download("http://127.0.0.1:9/net.h5", target, Fetched(), Control())


def test_the_disk_is_not_blamed_on_the_network(server, target):
    target.with_name("net.h5.part").mkdir()

    with pytest.raises(OSError) as error:  # noqa: PT011 - its kind is the point
        fetch(server, target)
    assert not isinstance(error.value, NETWORK_ERRORS)


def test_goes_through_the_proxy_of_the_environment(server, target, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{server.server_port}/")
    address = "http://weights.invalid/net.h5"
    download(address, target, Fetched(), Control())

    assert server.asked == [(address, None)]
    assert target.read_bytes() == CONTENT
    assert proxy_of(address) == f"127.0.0.1:{server.server_port}"


def test_a_secure_address_is_asked_of_the_proxy_as_a_tunnel(server, target, monkeypatch):
    monkeypatch.setenv("https_proxy", server.address)
    server.status = 407

    with pytest.raises(URLError, match="407"):
        download("https://weights.invalid/net.h5", target, Fetched(), Control())
    assert server.asked == [("weights.invalid:443", None)]


def test_goes_past_the_proxy_where_it_is_told_to(server, target, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    fetch(server, target)

    assert target.read_bytes() == CONTENT
    assert proxy_of(server.address) == ""
