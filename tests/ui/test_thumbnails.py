import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from tlstudio.ui import thumbnails
from tlstudio.ui.theme import DARK
from tlstudio.ui.thumbnails import Thumbnails


@pytest.fixture
def loader(qapp):
    loader = Thumbnails(capacity=3)
    yield loader
    loader.close()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "그림 🙂.png"
    Image.new("RGB", (100, 50), (200, 10, 20)).save(path)
    return path


def load(qtbot, loader, path, side=40, ratio=1.0):
    with qtbot.waitSignal(loader.loaded, timeout=5000):
        assert loader.get(path, side, ratio) is None
    return loader.get(path, side, ratio)


def test_a_picture_comes_later_and_is_kept(qtbot, loader, picture):
    pixmap = load(qtbot, loader, picture)
    assert (pixmap.width(), pixmap.height()) == (40, 20)
    assert loader.get(picture, 40) is pixmap
    red = pixmap.toImage().pixelColor(20, 10)
    assert (red.red(), red.green(), red.blue()) == pytest.approx((200, 10, 20), abs=1)


def test_a_dense_screen_gets_more_pixels_for_the_same_place(qtbot, loader, picture):
    pixmap = load(qtbot, loader, picture, side=40, ratio=2.0)
    assert pixmap.width() == 80
    assert pixmap.deviceIndependentSize().width() == 40


def test_what_is_no_picture_gives_a_null_pixmap(qtbot, loader, tmp_path):
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    assert load(qtbot, loader, text).isNull()
    assert load(qtbot, loader, tmp_path / "missing.png").isNull()


def test_the_cache_is_bounded(qtbot, loader, picture):
    for side in (10, 11, 12, 13):
        load(qtbot, loader, picture, side)
    assert loader.get(picture, 13) is not None
    assert loader.get(picture, 10) is None


def test_after_close_nothing_is_decoded_any_more(qtbot, loader, picture):
    loader.close()
    with qtbot.assertNotEmitted(loader.loaded, wait=50):
        assert loader.get(picture, 40) is None


def test_close_waits_for_what_is_being_decoded(qapp, tmp_path):
    loader = Thumbnails()
    for number in range(20):
        path = tmp_path / f"{number}.png"
        Image.fromarray(np.zeros((400, 400, 3), np.uint8)).save(path)
        loader.get(path, 64)
    loader.close()
    assert loader._pool.activeThreadCount() == 0


def painted(pixmap):
    image = QImage(40, 40, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    thumbnails.paint(painter, QRectF(0, 0, 40, 40), pixmap, DARK)
    painter.end()
    return image


def test_waiting_broken_and_loaded_look_different(qtbot, loader, picture, tmp_path):
    waiting = painted(None)
    assert waiting.pixelColor(20, 20) == QColor(DARK.track)
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    broken = painted(load(qtbot, loader, text))
    assert broken != waiting
    loaded = painted(load(qtbot, loader, picture))
    assert loaded.pixelColor(20, 20).red() == pytest.approx(200, abs=1)
    assert loaded.pixelColor(20, 2) == QColor("white")
