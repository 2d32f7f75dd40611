import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tlstudio.errors import JobError
from tlstudio.paths import legible, write_whole, written_whole


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_is_written_with_its_folder_and_replaces_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "한 a.txt"
    write_whole(path, "고양이\n")
    assert path.read_bytes() == "고양이\n".encode()
    write_whole(path, b"\0")
    assert path.read_bytes() == b"\0"
    assert list(path.parent.iterdir()) == [path]


def test_the_temporary_name_is_a_new_one_beside_the_file_and_ends_like_it(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    names = []
    for _ in range(2):
        with written_whole(path) as temporary:
            temporary.write_text("x")
            names.append(temporary)
    assert names[0] != names[1]
    assert all((name.parent, name.suffix) == (tmp_path, ".keras") for name in names)


def test_it_is_on_the_disk_before_it_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_size, path.exists()))
        fsync(descriptor)

    path = tmp_path / "a.txt"
    monkeypatch.setattr(os, "fsync", watched)
    write_whole(path, "whole")
    assert synced == [(5, False)]


@pytest.mark.parametrize("failing", ["write_bytes", "replace"])
def test_a_full_disk_leaves_the_older_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(Path, failing, full)
    with pytest.raises(JobError, match="disk is full") as caught:
        write_whole(path, "new")
    assert str(path) in caught.value.message
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_whatever_ends_the_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted() -> None:
        with written_whole(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("고양이 🐈‍⬛ é", "고양이 🐈‍⬛ é"),
        ("caf\udce9", r"caf\udce9"),
        ("a\nb\x85\x1b[31m", r"a\nb\x85\x1b[31m"),
    ],
)
def test_legible_text_can_be_shown_on_one_line(text: str, shown: str) -> None:
    assert legible(text) == shown


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JobError, match="could not be written"):
        write_whole(tmp_path / "file" / "a.txt", "x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_or_a_device_takes_what_is_written_and_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        heard = reader.submit(pipe.read_bytes)
        write_whole(pipe, "path,class\n")
        assert heard.result(timeout=10) == b"path,class\n"
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]
