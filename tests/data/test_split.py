from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlstudio.data.split import split
from tlstudio.events import Picture, Scan

counts_by_class = st.dictionaries(
    st.text("abcdef가", min_size=1, max_size=6), st.integers(1, 60), min_size=1, max_size=6
)
fractions = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**31 - 1)


def scanned(counts: dict[str, int], source: str = "/pictures") -> Scan:
    pictures = tuple(
        Picture(str(Path(source, label, f"{i}.png")), label)
        for label, count in counts.items()
        for i in range(count)
    )
    return Scan(source, pictures, (), counts)


def names(pictures: tuple[Picture, ...]) -> set[str]:
    return {PurePosixPath(Path(p.path).as_posix()).name for p in pictures}


@given(counts_by_class, fractions, seeds)
def test_every_picture_is_in_one_part(counts: dict[str, int], fraction: float, seed: int) -> None:
    scan = scanned(counts)
    parts = split(scan, fraction, seed)
    assert not set(parts.train) & set(parts.val)
    assert sorted(p.path for p in parts.train + parts.val) == sorted(p.path for p in scan.pictures)


@given(counts_by_class, fractions, seeds)
def test_each_class_is_held_out_by_the_fraction(
    counts: dict[str, int], fraction: float, seed: int
) -> None:
    parts = split(scanned(counts), fraction, seed)
    for label, count in counts.items():
        held_out = sum(p.label == label for p in parts.val)
        trained = sum(p.label == label for p in parts.train)
        assert trained >= 1
        assert abs(held_out - fraction * count) <= 1
        assert held_out >= 1 or count == 1


@given(counts_by_class, fractions, seeds)
def test_the_draw_depends_on_nothing_but_seed_and_relative_names(
    counts: dict[str, int], fraction: float, seed: int
) -> None:
    scan = scanned(counts)
    parts = split(scan, fraction, seed)
    assert split(scan, fraction, seed) == parts
    copied = scanned(counts, "/else where/copy")
    shuffled = Scan(copied.source, copied.pictures[::-1], (), counts)
    moved = split(shuffled, fraction, seed)
    drawn = {(p.label, Path(p.path).name) for p in parts.val}
    assert {(p.label, Path(p.path).name) for p in moved.val} == drawn


def test_the_seed_matters() -> None:
    scan = scanned({"a": 40, "b": 40})
    drawn = {frozenset(split(scan, 0.25, seed).val) for seed in range(10)}
    assert len(drawn) == 10


def test_classes_are_drawn_apart() -> None:
    parts = split(scanned({"a": 40, "b": 40}), 0.25, 1)
    a, b = (names(tuple(p for p in parts.val if p.label == label)) for label in "ab")
    assert a != b


def test_a_new_class_leaves_the_others_as_they_were() -> None:
    few, more = (split(scanned(c), 0.3, 5) for c in ({"b": 30}, {"a": 9, "b": 30}))
    assert set(few.val) == {p for p in more.val if p.label == "b"}


def test_every_picture_is_held_out_about_as_often() -> None:
    scan = scanned({"a": 8, "b": 8})
    times = dict.fromkeys(scan.pictures, 0)
    for seed in range(400):
        for picture in split(scan, 0.25, seed).val:
            times[picture] += 1
    assert all(60 < count < 140 for count in times.values())


def test_a_single_picture_is_trained_on_and_named() -> None:
    parts = split(scanned({"lone": 1, "many": 8}), 0.25, 1)
    assert sum(p.label == "lone" for p in parts.train) == 1
    assert len(parts.notes) == 1
    assert "“lone”" in parts.notes[0]
    assert "add more pictures" in parts.notes[0]


def given_splits(*splits: tuple[str, str]) -> Scan:
    pictures = tuple(Picture(f"/p/{i}.png", label, part) for i, (label, part) in enumerate(splits))
    return Scan("/p", pictures, (), dict.fromkeys(sorted({p.label for p in pictures}), 1))


def test_a_given_split_is_kept_and_the_rest_is_trained_on() -> None:
    scan = given_splits(("a", "train"), ("a", "val"), ("b", "val"), ("b", ""), ("a", ""))
    parts = split(scan, 0.5, 1)
    assert {p.path for p in parts.val} == {"/p/1.png", "/p/2.png"}
    assert len(parts.train) == 3
    assert parts.notes == ()


def test_a_given_training_part_alone_is_split_as_usual() -> None:
    parts = split(given_splits(*[("a", "train"), ("b", "train")] * 4), 0.25, 1)
    assert len(parts.val) == 2


@pytest.mark.parametrize(("missing", "phrase"), [("train", "to train on"), ("val", "to check")])
def test_a_class_missing_from_a_given_part_is_named(missing: str, phrase: str) -> None:
    other = "val" if missing == "train" else "train"
    scan = given_splits(("a", "train"), ("a", "val"), ("b", other), ("b", other))
    (note,) = split(scan, 0.25, 1).notes
    assert "“b”" in note
    assert phrase in note
    assert "move some" in note


def test_pictures_on_another_drive_are_split_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def other_drive(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", other_drive)
    parts = split(scanned({"cats": 8}), 0.25, 1)
    assert (len(parts.train), len(parts.val)) == (6, 2)
