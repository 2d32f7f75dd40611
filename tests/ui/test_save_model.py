import errno
from pathlib import Path

import pytest

from tlstudio.errors import JobError
from tlstudio.ui.save_model import ModelCopy, copy_whole


def test_the_copy_is_whole_and_replaces_an_older_one(tmp_path: Path) -> None:
    source, target = tmp_path / "a.keras", tmp_path / "한 b.keras"
    source.write_bytes(b"new" * 1000)
    target.write_bytes(b"old")
    copy_whole(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.keras", "한 b.keras"]


def test_a_full_disk_leaves_the_older_one_and_says_so(tmp_path: Path, monkeypatch, qtbot) -> None:
    source, target = tmp_path / "a.keras", tmp_path / "b.keras"
    source.write_bytes(b"new")
    target.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tlstudio.ui.save_model.shutil.copyfileobj", full)
    copy = ModelCopy(source, target)
    with qtbot.waitSignal(copy.finished):
        copy.start()
    copy.wait()
    assert copy.problem is not None
    assert "disk is full" in copy.problem.message
    assert target.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_run_that_was_removed_is_named(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"gone\.keras"):
        copy_whole(tmp_path / "gone.keras", tmp_path / "b.keras")


def test_what_is_wrong_with_the_source_is_not_blamed_on_the_target(tmp_path: Path) -> None:
    (tmp_path / "folder.keras").mkdir()
    for source in ("gone.keras", "folder.keras"):
        with pytest.raises(JobError) as caught:
            copy_whole(tmp_path / source, tmp_path / "b.keras")
        assert source in caught.value.message
        assert "could not be read" in caught.value.message
        assert "run" in caught.value.hint
