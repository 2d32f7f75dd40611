import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from tlstudio.control import Cancelled, Control
from tlstudio.data import hygiene, scan_cache
from tlstudio.data.scan_cache import Found, check_all
from tlstudio.errors import PictureError

LONG_AGO = 1_000_000_000


def aged(path: Path, seconds: float = LONG_AGO) -> Path:
    """A file that was last written then, as pictures mostly were when they are scanned."""
    os.utime(path, (seconds, seconds))
    return path


def picture(path: Path, colour: int) -> Path:
    Image.new("RGB", (8, 8), (colour, 255 - colour, 9)).save(path, "PNG")
    return aged(path)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    return [picture(tmp_path / f"{i}.png", i) for i in range(6)]


@pytest.fixture(autouse=True)
def cache_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cache" / "scans.sqlite"
    monkeypatch.setattr(scan_cache, "scans_file", lambda: path)
    return path


@pytest.fixture(autouse=True)
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read, in any order."""
    paths: list[Path] = []

    def check(path: Path) -> Found:
        paths.append(path)
        return hygiene.check(path)

    monkeypatch.setattr(scan_cache, "check", check)
    return paths


def found(paths: list[Path]) -> list[Found]:
    return list(check_all(paths, Control()))


def described(results: list[Found]) -> list[object]:
    return [result if isinstance(result, str) else result.args for result in results]


def expected(paths: list[Path]) -> list[object]:
    return described([hygiene.check(path) for path in paths])


def test_the_second_time_nothing_is_read(pictures: list[Path], read: list[Path]) -> None:
    assert described(found(pictures)) == expected(pictures)
    assert sorted(read) == pictures
    read.clear()
    assert described(found(pictures)) == expected(pictures)
    assert read == []


def test_only_what_is_new_is_read_and_all_comes_in_order(
    pictures: list[Path], read: list[Path]
) -> None:
    found(pictures[1:4])
    read.clear()
    assert described(found(pictures)) == expected(pictures)
    assert sorted(read) == [pictures[0], *pictures[4:]]


def test_many_files_are_looked_up(
    pictures: list[Path], read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_cache, "AT_ONCE", 2)
    monkeypatch.setattr(scan_cache, "WRITE_AFTER", 2)
    found(pictures)
    read.clear()
    assert described(found(pictures)) == expected(pictures)
    assert read == []


def test_a_changed_file_is_read_again(pictures: list[Path], read: list[Path]) -> None:
    found(pictures)
    read.clear()
    aged(pictures[0], LONG_AGO + 1)
    pictures[1].write_bytes(pictures[1].read_bytes() + b"more")
    aged(pictures[1])
    other = picture(pictures[2].with_name("other.png"), 200)
    other.replace(pictures[2])  # of the same size and time
    pictures[3].unlink()
    assert described(found(pictures)) == expected(pictures)
    assert sorted(read) == pictures[:4]


def test_a_file_rewritten_in_place_with_its_old_time_is_read_again(
    pictures: list[Path], read: list[Path]
) -> None:
    found(pictures)
    read.clear()
    before = pictures[0].stat().st_ctime_ns
    while pictures[0].stat().st_ctime_ns == before:  # some disks count in steps
        pictures[0].write_bytes(pictures[0].read_bytes())
        aged(pictures[0])
    found(pictures)
    assert read == [pictures[0]]


def test_a_file_that_was_just_written_is_not_relied_upon(
    pictures: list[Path], read: list[Path]
) -> None:
    aged(pictures[0], time.time())
    aged(pictures[1], time.time() + 3600)  # of a disk with another clock
    found(pictures)
    read.clear()
    assert described(found(pictures)) == expected(pictures)
    assert sorted(read) == pictures[:2]


def test_what_is_wrong_with_a_file_is_kept_too(tmp_path: Path, read: list[Path]) -> None:
    text = tmp_path / "text “é”.jpg"
    text.write_text("no picture")
    cut = picture(tmp_path / "cut.png", 3)
    cut.write_bytes(cut.read_bytes()[:-40])
    paths = [aged(text), aged(cut)]
    first = found(paths)
    read.clear()
    second = found(paths)
    assert read == []
    assert all(isinstance(result, PictureError) for result in second)
    assert described(second) == described(first) == expected(paths)


def test_what_is_not_the_files_fault_is_not_kept(
    pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    no_memory = PictureError("too_large", "Too many pixels.", "Save a smaller copy.")
    no_memory.__cause__ = MemoryError()
    faults = {
        pictures[0]: PictureError("unreadable", "It could not be read.", "Check."),
        pictures[1]: no_memory,
    }
    with monkeypatch.context() as patch:
        patch.setattr(scan_cache, "check", lambda path: faults.get(path) or hygiene.check(path))
        assert found(pictures)[:2] == list(faults.values())
    assert described(found(pictures)) == expected(pictures)


def test_a_pipe_is_looked_at_each_time(pictures: list[Path], read: list[Path]) -> None:
    pipe = aged_pipe(pictures[0].with_name("pipe.png"))
    for _ in range(2):
        read.clear()
        (result,) = found([pipe])
        assert isinstance(result, PictureError)
        assert read == [pipe]


def aged_pipe(path: Path) -> Path:
    os.mkfifo(path)
    return aged(path)


def test_other_checks_forget_what_these_found(
    pictures: list[Path], read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    found(pictures)
    read.clear()
    other = scan_cache.VERSION + 1
    monkeypatch.setattr(
        scan_cache, "SCHEMA", scan_cache.SCHEMA.replace(str(scan_cache.VERSION), str(other))
    )
    monkeypatch.setattr(scan_cache, "VERSION", other)
    found(pictures)
    assert sorted(read) == pictures
    read.clear()
    found(pictures)
    assert read == []


def stop_after(count: int, pictures: list[Path], control: Control) -> None:
    results = check_all(pictures, control)
    for _ in range(count):
        next(results)
    control.stop()
    with pytest.raises(Cancelled):
        list(results)


def test_a_scan_that_is_stopped_keeps_what_it_has(pictures: list[Path], read: list[Path]) -> None:
    stop_after(3, pictures, Control())
    read.clear()
    found(pictures)
    assert set(read).isdisjoint(pictures[:3])
    with closing(check_all(pictures, Control())) as results:
        next(results)
    control = Control()
    control.stop()
    with pytest.raises(Cancelled):
        list(check_all(pictures, control))


@pytest.mark.parametrize(
    "damage", ["no database", "cut off", "overwritten", "emptied", "no table", "garbage"]
)
def test_a_damaged_cache_is_begun_anew(
    damage: str, pictures: list[Path], read: list[Path], cache_file: Path
) -> None:
    found(pictures)
    whole = cache_file.read_bytes()
    match damage:
        case "no database":
            cache_file.write_bytes(b"x" * 5000)
        case "cut off":
            cache_file.write_bytes(whole[:5000])
        case "overwritten":
            cache_file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
        case "emptied":
            cache_file.write_bytes(b"")
        case "no table":
            with closing(sqlite3.connect(cache_file)) as database, database:
                database.execute("DROP TABLE checked")
        case "garbage":
            with closing(sqlite3.connect(cache_file)) as database, database:
                database.execute("UPDATE checked SET found = 'garbage'")
    cache_file.with_name("scans.sqlite-journal").write_bytes(b"left over")
    for _ in range(2):
        read.clear()
        assert described(found(pictures)) == expected(pictures)
    assert read == []


@pytest.mark.parametrize("text", ["[]", '["a", "b"]', "[1, 2, 3]", '{"a": 1, "b": 2, "c": 3}', "7"])
def test_what_is_no_answer_in_the_cache_is_none(
    text: str, pictures: list[Path], cache_file: Path
) -> None:
    found(pictures)
    with closing(sqlite3.connect(cache_file)) as database, database:
        database.execute("UPDATE checked SET found = ?", [text])
    assert described(found(pictures)) == expected(pictures)


def test_a_cache_that_another_process_holds_is_not_waited_for(
    pictures: list[Path], cache_file: Path
) -> None:
    found(pictures)
    with closing(sqlite3.connect(cache_file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        started = time.perf_counter()
        assert described(found(pictures)) == expected(pictures)
        assert time.perf_counter() - started < 2


def test_a_cache_that_another_process_writes_can_be_read(
    pictures: list[Path], read: list[Path], cache_file: Path
) -> None:
    found(pictures[:3])
    read.clear()
    with closing(sqlite3.connect(cache_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert described(found(pictures)) == expected(pictures)
    assert sorted(read) == pictures[3:]


def test_scans_at_once_share_it(pictures: list[Path], read: list[Path]) -> None:
    results: list[list[object]] = []
    threads = [
        threading.Thread(target=lambda: results.append(described(found(pictures))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected(pictures)] * 4
    read.clear()
    found(pictures)
    assert read == []


def test_a_full_disk_stops_nothing(pictures: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found([])
    connect = sqlite3.connect

    def full(*arguments: object, **options: object) -> sqlite3.Connection:
        database = connect(*arguments, **options)  # type: ignore[call-overload]
        database.execute("PRAGMA max_page_count = 1")  # which means: what there is now
        database.execute("PRAGMA cache_size = 1")
        assert isinstance(database, sqlite3.Connection)
        return database

    monkeypatch.setattr(sqlite3, "connect", full)
    many = pictures * 100
    for i, path in enumerate(many):
        if i >= len(pictures):
            many[i] = path.with_name(f"{i}.png")
            os.link(path, many[i])
    assert described(found(many)) == expected(many)


@pytest.mark.parametrize("kind", ["a folder", "below a file", "read-only"])
def test_a_cache_that_cannot_be_written_stops_nothing(
    kind: str, pictures: list[Path], cache_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    match kind:
        case "a folder":
            cache_file.mkdir(parents=True)
        case "below a file":
            cache_file.parent.write_text("a file")
        case "read-only":
            found(pictures[:1])
            connect = sqlite3.connect
            monkeypatch.setattr(
                sqlite3,
                "connect",
                lambda path, **options: connect(f"{path.as_uri()}?mode=ro", uri=True, **options),
            )
    for _ in range(2):
        assert described(found(pictures)) == expected(pictures)


def test_the_cache_does_not_grow_forever_and_keeps_what_is_used(
    pictures: list[Path], read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_cache, "MOST", 3)
    found(pictures[:3])
    tomorrow = time.time() + 86_400
    with monkeypatch.context() as patch:
        patch.setattr(scan_cache.time, "time", lambda: tomorrow)
        found(pictures[:1])  # used again
    found(pictures[4:])
    read.clear()
    found([pictures[0], *pictures[4:]])
    assert read == []
    found(pictures[1:3])
    assert sorted(read) == pictures[1:3]


def test_an_unchanged_folder_writes_nothing(pictures: list[Path], cache_file: Path) -> None:
    found(pictures)
    before = cache_file.stat().st_mtime_ns, cache_file.read_bytes()
    found(pictures)
    assert (cache_file.stat().st_mtime_ns, cache_file.read_bytes()) == before
