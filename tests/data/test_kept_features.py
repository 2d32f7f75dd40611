import os
from pathlib import Path

import pytest

from tlstudio.data import kept_features
from tlstudio.data.kept_features import DEFAULT_LIMIT, GB, kept, limit, set_limit, shrink
from tlstudio.errors import JobError
from tlstudio.paths import feature_limit_file

SIZE = 60


def shard(folder: Path, name: str = "a") -> Path:
    """A shard of SIZE bytes; the index."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.rows").write_bytes(bytes(SIZE))
    index = folder / f"{name}.json"
    index.write_text("{}")
    return index


def test_the_least_recently_used_go_first_and_those_in_use_stay(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "old", "older", "mine"]):
        os.utime(shard(tmp_path / name), (1e9 - age, 1e9 - age))
    assert [found.index.parent.name for found in kept(tmp_path)] == ["mine", "older", "old", "new"]
    assert {found.size for found in kept(tmp_path)} == {SIZE}
    assert shrink(tmp_path, 2 * SIZE, spare={tmp_path / "mine" / "a.json"}) == 2 * SIZE
    assert [found.index.parent.name for found in kept(tmp_path)] == ["mine", "new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "new"]
    assert shrink(tmp_path, 0) == 0
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_in_use_goes_also_where_other_shards_of_its_network_are(
    tmp_path: Path,
) -> None:
    made = [shard(tmp_path / "net", name) for name in ("first", "second", "third")]
    for age, index in enumerate(made):
        os.utime(index, (1e9 + age, 1e9 + age))
    assert shrink(tmp_path, SIZE, spare={made[0]}) == SIZE
    assert [found.index for found in kept(tmp_path)] == [made[0]]


def test_what_a_killed_training_left_goes_after_a_day(tmp_path: Path) -> None:
    shard(tmp_path / "net")
    old, new = tmp_path / "net" / "old.rows", tmp_path / "net" / "new.rows"
    for path in (old, new):
        path.write_bytes(b"1")
    os.utime(old, (1e9, 1e9))
    assert shrink(tmp_path, 1 << 20) == SIZE
    assert not old.exists()
    assert new.exists()


def test_a_file_in_use_stays_and_still_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where what is mapped cannot be deleted."""
    used, unused = shard(tmp_path / "net", "used"), shard(tmp_path / "net", "unused")
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "used.rows":
            raise PermissionError(13, "in use")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert shrink(tmp_path, 0) == SIZE
    assert [found.index for found in kept(tmp_path)] == [used]
    assert not unused.exists()


def test_nothing_is_kept_where_nothing_ever_was(tmp_path: Path) -> None:
    assert kept(tmp_path / "nowhere") == []
    assert shrink(tmp_path / "nowhere", 0) == 0


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def test_a_limit_that_was_set_holds(settings: Path) -> None:
    assert limit() == DEFAULT_LIMIT == 10 * GB
    set_limit(2.5)
    assert limit() == 2_500_000_000


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"gigabytes": "ten"}', '{"gigabytes": -1}', "\xff"]
)
def test_a_damaged_limit_is_the_usual_one(settings: Path, content: str) -> None:
    set_limit(1)
    feature_limit_file().write_text(content, encoding="latin-1")
    assert limit() == DEFAULT_LIMIT


def test_a_limit_that_cannot_be_saved_is_said(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings / "tlstudio").write_text("not a folder")
    with pytest.raises(JobError, match="could not be written"):
        kept_features.set_limit(3)
