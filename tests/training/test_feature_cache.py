import json
import os
import zlib
from io import FileIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tlstudio.control import Cancelled, Control
from tlstudio.data import kept_features
from tlstudio.errors import JobError
from tlstudio.events import Progress
from tlstudio.training import feature_cache
from tlstudio.training.feature_cache import FeatureCache

VALUES = 6
KEYS = (*"0123456789x", "same")


def rows(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, VALUES)).astype(np.float16)


def filled(folder: Path, count: int = 5, first: int = 0) -> FeatureCache:
    cache = FeatureCache(folder, VALUES, "float16", KEYS)
    with cache.writer() as writer:
        for number, row in enumerate(rows(first + count)[first:], start=first):
            writer.add(str(number), row)
    return cache


def opened(folder: Path) -> FeatureCache:
    """With all its rows checked."""
    cache = FeatureCache(folder, VALUES, "float16", KEYS)
    list(cache.check(Control()))
    return cache


def test_what_was_written_is_read_at_once_and_by_the_next_process(tmp_path: Path) -> None:
    written = filled(tmp_path / "net")
    for cache in (written, FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)):
        assert "4" in cache
        assert "5" not in cache
        np.testing.assert_array_equal(cache.read(["3", "0", "3"]), rows(5)[[3, 0, 3]])


def test_shards_end_at_their_size_and_are_one_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "SHARD_BYTES", 2 * VALUES * 2)
    cache = filled(tmp_path / "net")
    assert len(list(tmp_path.glob("net/*.rows"))) == 3
    np.testing.assert_array_equal(cache.read(list("01234")), rows(5))


def test_two_that_write_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    one = FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    other = FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    with one.writer() as first, other.writer() as second:
        for number, row in enumerate(rows(4)):
            (first if number % 2 else second).add(str(number), row)
            second.add("same", rows(1)[0])
            first.add("same", rows(1)[0])
    both = FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    np.testing.assert_array_equal(both.read(list("0123")), rows(4))
    np.testing.assert_array_equal(both.read(["same"]), rows(1))


@pytest.mark.parametrize("harm", ["flip", "cut", "grow", "index", "no rows"])
def test_a_damaged_shard_is_found_and_made_anew(tmp_path: Path, harm: str) -> None:
    filled(tmp_path / "net", 5)
    filled(tmp_path / "net", 2, first=5)
    index = next(i for i in tmp_path.glob("net/*.json") if '"0"' in i.read_text())
    path = index.with_suffix(".rows")
    content = bytearray(path.read_bytes())
    match harm:
        case "flip":
            content[7] ^= 1
            path.write_bytes(content)
        case "cut":
            path.write_bytes(content[:-1])
        case "grow":
            path.write_bytes(content + b"x")
        case "index":
            index.write_text(index.read_text()[:-3], encoding="utf-8")
        case "no rows":
            path.unlink()
    cache = opened(tmp_path / "net")
    assert [name for name in "0123456" if name in cache] == ["5", "6"]
    assert not index.exists()
    assert not path.exists()
    np.testing.assert_array_equal(cache.read(["6"]), rows(7)[6:])
    # What is computed anew stands beside what was sound.
    cache = filled(tmp_path / "net")
    assert all(name in cache for name in "0123456")


def checks(folder: Path, monkeypatch: pytest.MonkeyPatch, keys: str) -> int:
    """How many bytes are read to check these rows."""
    cache = FeatureCache(folder, VALUES, "float16", keys)
    read = []

    def crc32(piece: bytes, before: int) -> int:
        read.append(len(piece))
        return zlib.crc32(piece, before)

    with monkeypatch.context() as patched:
        patched.setattr(feature_cache, "zlib", SimpleNamespace(crc32=crc32))
        list(cache.check(Control()))
    return sum(read)


def test_what_is_wanted_is_checked_each_time_but_what_was_written_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_row, net = VALUES * 2, tmp_path / "net"
    assert list(filled(net, 5).check(Control())) == []
    filled(net, 2, first=5)
    assert checks(net, monkeypatch, "5x") == 2 * one_row
    for _ in range(2):
        assert checks(net, monkeypatch, "0123456") == 7 * one_row


def test_a_disk_that_fails_is_found_though_no_one_has_written(tmp_path: Path) -> None:
    net = tmp_path / "net"
    filled(net, 5)
    assert all(name in opened(net) for name in "01234")
    (path,) = net.glob("*.rows")
    was, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert not any(name in opened(net) for name in "01234")


def test_a_check_says_how_far_it_is(tmp_path: Path) -> None:
    filled(tmp_path / "net", 5)
    filled(tmp_path / "net", 2, first=5)
    cache = FeatureCache(tmp_path / "net", VALUES, "float16", "0123456789")
    said = list(cache.check(Control()))
    assert said[0] in (Progress("check", 2, 10), Progress("check", 5, 10))
    assert said[1:] == [Progress("check", 7, 10)]


def test_a_check_is_stopped_in_the_middle_of_a_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path / "net", 5)
    control = Control()
    pieces = []

    def crc32(piece: bytes, before: int) -> int:
        pieces.append(len(piece))
        control.stop()
        return before

    monkeypatch.setattr(feature_cache, "zlib", SimpleNamespace(crc32=crc32))
    monkeypatch.setattr(feature_cache, "PIECE_BYTES", VALUES)
    cache = FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    with pytest.raises(Cancelled):
        list(cache.check(control))
    assert pieces == [VALUES]
    assert "0" in cache


def test_opening_marks_what_is_used_and_nothing_else(tmp_path: Path) -> None:
    filled(tmp_path / "net")
    (index,) = tmp_path.glob("net/*.json")
    os.utime(index, (1e9, 1e9))
    other = FeatureCache(tmp_path / "net", VALUES, "float16", ["another"])
    assert index.stat().st_mtime == 1e9
    assert other.in_use() == set()
    cache = FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    assert index.stat().st_mtime > 1e9
    assert cache.in_use() == {index}


def test_a_shard_that_was_never_finished_does_not_count(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    writer = cache.writer()
    writer.add("0", rows(1)[0])
    assert "0" not in FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    with pytest.raises(KeyError), writer:
        raise KeyError  # a job that is stopped
    assert "0" in FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)


@pytest.mark.parametrize("where", ["write", "sync", "index", "open"])
def test_where_the_disk_is_full_no_row_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Rows are either kept on the disk or given back."""
    filled(tmp_path / "net", 2)
    cache = FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    class Full:
        """A file that takes a row and a half."""

        def __init__(self, stream: FileIO) -> None:
            self.stream = stream
            self.left = 3 * VALUES

        def write(self, content: bytes) -> int:
            taken = self.stream.write(content[: self.left])
            self.left -= taken
            return taken

        def __getattr__(self, name: str) -> object:
            return getattr(self.stream, name)

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self.stream.close()

    writer = cache.writer()
    writer.add("2", rows(4)[2])
    kept = ["0", "1"]
    match where:
        case "write":
            writer._stream = Full(writer._stream)
            writer._stream.left = VALUES
            kept.append("2")
        case "sync":
            monkeypatch.setattr(os, "fsync", full)
        case "index":
            monkeypatch.setattr(feature_cache, "write_whole", full)
        case "open":
            monkeypatch.setattr(np, "memmap", full)
    with writer, pytest.raises(JobError, match="disk is full"):
        writer.add("3", rows(4)[3]) if where == "write" else writer.finish()
    monkeypatch.undo()
    later = FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    assert [n for n in "0123" if n in later] == kept
    assert [n for n in "0123" if n in cache] == kept
    assert list(writer.unkept) == ([] if where == "write" else ["2"])
    for row in writer.unkept.values():
        np.testing.assert_array_equal(row, rows(4)[2])
    assert len(list(tmp_path.glob("net/*.rows"))) == len(list(tmp_path.glob("net/*.json")))


def test_some_of_the_disk_is_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=feature_cache.SPARED_BYTES + feature_cache.SHARD_BYTES - 1)
    monkeypatch.setattr(feature_cache.shutil, "disk_usage", lambda _: usage)
    cache = FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    with cache.writer() as writer, pytest.raises(JobError, match="disk is full"):
        writer.add("0", rows(1)[0])
    assert list(tmp_path.glob("net/*")) == []


def test_a_shard_is_finished_after_a_while_however_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "SHARD_SECONDS", 0.0)
    cache = FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    with cache.writer() as writer:
        writer.add("0", rows(1)[0])
        assert "0" in FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)


def test_a_sound_shard_stays_where_it_cannot_be_opened_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path / "net")

    def too_many(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(np, "memmap", too_many)
        assert "0" not in FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    assert "0" in FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)


def test_an_index_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    filled(tmp_path / "net")
    half = tmp_path / "net" / ".5b2c.json"
    half.write_text('{"keys": [')
    assert "0" in FeatureCache(tmp_path / "net", VALUES, "float16", KEYS)
    assert half.exists()
    assert len(kept_features.kept(tmp_path)) == 1


def test_memory_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = filled(tmp_path / "net")
    monkeypatch.setattr(feature_cache, "RESIDENT_BYTES", VALUES * 2)
    given_back = []
    monkeypatch.setattr(FeatureCache, "_give_back", lambda cache: given_back.append(cache))  # noqa: PLW0108
    cache.read(["0"])
    assert given_back == []
    cache.read(["1"])
    assert given_back == [cache]


def test_the_index_names_its_rows(tmp_path: Path) -> None:
    filled(tmp_path / "net", 2)
    (index,) = tmp_path.glob("net/*.json")
    assert json.loads(index.read_text())["keys"] == ["0", "1"]
