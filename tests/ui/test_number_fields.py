"""What is typed beyond the bounds of a field becomes the nearest number, with the reason."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolTip

from tlstudio.ui.backbone_arguments import Width
from tlstudio.ui.fields import Whole


@pytest.fixture
def field(qtbot) -> Whole:
    field = Whole("Pixels", 32, 2048, 32)
    qtbot.addWidget(field)
    field.show()
    field.setValue(224)
    return field


@pytest.mark.parametrize(
    ("typed", "value"), [("96", 96), ("5000", 2048), ("12345678", 2048), ("7", 32), ("", 224)]
)
def test_the_nearest_is_taken(field: Whole, typed: str, value: int) -> None:
    field.selectAll()
    QTest.keyClick(field, Qt.Key.Key_Delete)
    QTest.keyClicks(field, typed)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.value() == value
    assert field.text() == str(value)


@pytest.mark.parametrize(("typed", "value"), [("50", 50), ("500", 99), ("0", 1)])
def test_the_nearest_is_taken_also_with_words_around_the_number(
    qtbot, typed: str, value: int
) -> None:
    field = Whole("Share", 1, 99)
    field.setPrefix("about ")
    field.setSuffix(" %")
    qtbot.addWidget(field)
    field.show()
    field.selectAll()
    QTest.keyClicks(field, typed)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.value() == value
    assert field.text() == f"about {value} %"


def test_the_reason_is_shown(field: Whole) -> None:
    field.selectAll()
    QTest.keyClicks(field, "5000")
    assert not QToolTip.text()
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert QToolTip.text() == "From 32 to 2048"
    QToolTip.hideText()


def test_a_width_without_weights_becomes_one_with_and_says_why(qtbot) -> None:
    width = Width()
    qtbot.addWidget(width)
    width.show()
    width.setToolTip("Published at 0.5 or 1.")
    width.allow((0.5, 1.0))
    for typed, reason in (("0.5", ""), ("0.6", "Published at 0.5 or 1.")):
        QToolTip.hideText()
        width.selectAll()
        QTest.keyClicks(width, typed)
        QTest.keyClick(width, Qt.Key.Key_Return)
        assert width.value() == 0.5
        assert (QToolTip.text() if QToolTip.isVisible() else "") == reason
    QToolTip.hideText()


def test_a_width_goes_in_quarters_from_whatever_was_typed(qtbot) -> None:
    width = Width()
    qtbot.addWidget(width)
    width.setValue(0.6)
    seen = []
    for steps in (1, 1, -1, -1, -1, -1, 1):
        width.stepBy(steps)
        seen.append(width.value())
    assert seen == [0.75, 1.0, 0.75, 0.5, 0.25, 0.05, 0.25]
