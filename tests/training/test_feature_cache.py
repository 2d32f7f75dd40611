import json
import os
from pathlib import Path

import numpy as np
import pytest

from tlstudio.errors import JobError
from tlstudio.training import feature_cache
from tlstudio.training.feature_cache import FeatureCache, kept, shrink

VALUES = 6


def rows(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, VALUES)).astype(np.float16)


def filled(folder: Path, count: int = 5, first: int = 0) -> FeatureCache:
    cache = FeatureCache(folder, VALUES, "float16")
    with cache.writer() as writer:
        for number, row in enumerate(rows(first + count)[first:], start=first):
            writer.add(str(number), row)
    return cache


def test_what_was_written_is_read_at_once_and_by_the_next_process(tmp_path: Path) -> None:
    written = filled(tmp_path / "net")
    for cache in (written, FeatureCache(tmp_path / "net", VALUES, "float16")):
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
    one = FeatureCache(tmp_path / "net", VALUES, "float16")
    other = FeatureCache(tmp_path / "net", VALUES, "float16")
    with one.writer() as first, other.writer() as second:
        for number, row in enumerate(rows(4)):
            (first if number % 2 else second).add(str(number), row)
            second.add("same", rows(1)[0])
            first.add("same", rows(1)[0])
    both = FeatureCache(tmp_path / "net", VALUES, "float16")
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
    cache = FeatureCache(tmp_path / "net", VALUES, "float16")
    assert [name for name in "0123456" if name in cache] == ["5", "6"]
    assert not index.exists()
    assert not path.exists()


def test_a_shard_that_was_never_finished_does_not_count(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "net", VALUES, "float16")
    writer = cache.writer()
    writer.add("0", rows(1)[0])
    assert "0" not in FeatureCache(tmp_path / "net", VALUES, "float16")
    with pytest.raises(KeyError), writer:
        raise KeyError  # a job that is stopped
    assert "0" in FeatureCache(tmp_path / "net", VALUES, "float16")


def test_a_full_disk_is_said_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path / "net", 2)
    cache = FeatureCache(tmp_path / "net", VALUES, "float16")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    writer = cache.writer()
    writer.add("2", rows(3)[2])
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JobError, match="disk is full"), writer:
        pass
    assert [n for n in "012" if n in FeatureCache(tmp_path / "net", VALUES, "float16")] == [
        "0",
        "1",
    ]
    assert len(list(tmp_path.glob("net/*.rows"))) == 1


def test_the_least_recently_used_go_first_and_those_in_use_stay(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "old", "older", "mine"]):
        filled(tmp_path / name)
        (index,) = tmp_path.glob(f"{name}/*.json")
        os.utime(index, (1e9 - age, 1e9 - age))
    size = 5 * VALUES * 2
    assert [shard.index.parent.name for shard in kept(tmp_path)] == ["mine", "older", "old", "new"]
    assert shrink(tmp_path, 2 * size, spare=tmp_path / "mine") == 2 * size
    assert [shard.index.parent.name for shard in kept(tmp_path)] == ["mine", "new"]
    FeatureCache(tmp_path / "mine", VALUES, "float16")
    assert kept(tmp_path)[-1].index.parent.name == "mine"


def test_what_a_killed_training_left_goes_after_a_day(tmp_path: Path) -> None:
    filled(tmp_path / "net")
    writers = [FeatureCache(tmp_path / "net", VALUES, "float16").writer() for _ in range(2)]
    for writer in writers:
        writer.add("9", rows(1)[0])
    finished = {index.with_suffix(".rows") for index in tmp_path.glob("net/*.json")}
    old, new = set(tmp_path.glob("net/*.rows")) - finished
    os.utime(old, (1e9, 1e9))
    shrink(tmp_path, 1 << 20, spare=tmp_path / "mine")
    assert not old.exists()
    assert new.exists()
    assert "0" in FeatureCache(tmp_path / "net", VALUES, "float16")
    for writer in writers:
        writer._stream.close()


def test_memory_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = filled(tmp_path / "net")
    monkeypatch.setattr(feature_cache, "RESIDENT_BYTES", VALUES * 2)
    given_back = []
    monkeypatch.setattr(FeatureCache, "_give_back", lambda cache: given_back.append(cache))  # noqa: PLW0108
    cache.read(["0"])
    assert given_back == []
    cache.read(["1"])
    assert given_back == [cache]


def test_the_index_names_its_pictures(tmp_path: Path) -> None:
    filled(tmp_path / "net", 2)
    (index,) = tmp_path.glob("net/*.json")
    assert json.loads(index.read_text())["pictures"] == ["0", "1"]
