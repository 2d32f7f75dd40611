import json
from pathlib import Path

import pytest

from tlstudio.errors import TlstudioError
from tlstudio.project import store
from tlstudio.project.spec import (
    Backbone,
    DenseLayer,
    FreezePlan,
    Head,
    Pictures,
    Project,
    Training,
)


def full_project(folder: Path) -> Project:
    return Project(
        pictures=Pictures(source=folder / "사진 🐈", validation=0.2),
        backbone=Backbone(name="VGG16", weights=str(folder / "w" / "vgg.weights.h5")),
        freeze=FreezePlan(strategy="custom", layers=("block5_conv3",), batchnorm=True),
        head=Head(pooling="flatten", dense=(DenseLayer(units=12, dropout=0.5),), dropout=0.1),
        training=Training(optimizer="sgd", learning_rate=0.01, epochs=3, seed=7, device="cpu"),
    )


def test_a_project_comes_back_as_it_was_also_when_its_folder_has_moved(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    store.save(full_project(before), before / "a.tlstudio")
    assert store.load(before / "a.tlstudio") == full_project(before)
    after = before.rename(tmp_path / "after")
    assert store.load(after / "a.tlstudio") == full_project(after)


def test_saving_leaves_no_other_file_behind(tmp_path: Path) -> None:
    store.save(full_project(tmp_path), tmp_path / "a.tlstudio")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tlstudio"]


def document(**changes: object) -> str:
    good = {
        "format": "tlstudio project",
        "version": 1,
        "project": {"pictures": {"source": "pictures"}},
    }
    return json.dumps(good | changes)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{ not json", "not valid JSON"),
        ("[]", "not a tlstudio project"),
        (document(version=99), "newer tlstudio"),
        (document(version="x"), "version"),
        (document(project={}), "pictures"),
        (document(project={"pictures": {"source": "p"}, "training": {"epochs": 0}}), "epochs"),
        (document(project={"pictures": {"source": "p"}, "surprise": 1}), "surprise"),
    ],
)
def test_a_damaged_or_newer_file_says_what_is_wrong(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "a.tlstudio"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TlstudioError) as caught:
        store.load(path)
    assert words in caught.value.message
    assert caught.value.hint.endswith(".")
    assert caught.value.exit_status == 2


def test_binary_rubbish_and_a_missing_file_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.tlstudio"
    path.write_bytes(b"\xff\xfe\x00rubbish")
    with pytest.raises(TlstudioError, match="damaged"):
        store.load(path)
    with pytest.raises(TlstudioError, match="does not exist"):
        store.load(tmp_path / "none.tlstudio")
