"""What the Keras script needs to know of a scan."""

from pathlib import Path

from PIL import Image

from tlstudio.control import Control
from tlstudio.data.scan import scan
from tlstudio.events import Scan
from tlstudio.model.keras_pictures import FoundPictures, found_pictures


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (len(path.name) * 9, 0, 0)).save(path)


def found(source: Path) -> FoundPictures:
    *_, last = scan(source, Control())
    assert isinstance(last, Scan)
    return found_pictures(last)


def test_classes_are_the_folders_in_the_order_of_the_outputs(tmp_path: Path) -> None:
    for name in ("class10/a.png", "class2/sub/b.png", " class3/c.png"):
        picture(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert found(tmp_path) == FoundPictures(("class2", " class3", "class10"))


def test_parts_are_named_as_the_folders_are(tmp_path: Path) -> None:
    for name in ("Train/a/1.png", "Train/b/2.png", "validation/a/3.png", "test/a/4.png"):
        picture(tmp_path / name)
    assert found(tmp_path) == FoundPictures(("a", "b"), "Train", "validation", True)


def test_a_training_part_alone_is_still_to_be_split(tmp_path: Path) -> None:
    for name in ("train/a/1.png", "train/b/2.png"):
        picture(tmp_path / name)
    assert found(tmp_path) == FoundPictures(("a", "b"), "train")


def test_a_csv_names_labels_and_may_name_parts(tmp_path: Path) -> None:
    for name in ("1.png", "22.png"):
        picture(tmp_path / name)
    source = tmp_path / "pets.csv"
    source.write_text("path,label,split\n1.png,a,train\n22.png,b,val\n", encoding="utf-8")
    assert found(source) == FoundPictures(("a", "b"), is_split=True)
    source.write_text("path,label\n1.png,a\n22.png,b\n", encoding="utf-8")
    assert found(source) == FoundPictures(("a", "b"))


def test_what_keras_would_stumble_over_is_counted(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/22.png", "b/333.webp", "b/4444.TIFF"):
        picture(tmp_path / name)
    (tmp_path / "a" / "cut.png").write_bytes(b"\x89PNG")
    assert found(tmp_path) == FoundPictures(("a", "b"), unusable=1, other_formats=2)
