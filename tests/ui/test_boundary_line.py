import pytest
from window_fakes import convs, cut, layers

from tlstudio.events import BoundaryFound
from tlstudio.ui.boundary_line import boundary_line

LAYERS = layers()


@pytest.mark.parametrize(
    ("after", "share", "trained", "text"),
    [
        ("block3_relu", 1.0, (), "all done once — the head is trained"),
        ("block1_relu", 0.5, (2, 3), "50 % of the work done once — trained below"),
        ("block0_relu", 0.07, (1, 3), "7 % of the work done once — the rest each epoch"),
        ("block0_relu", 0.25, (2,), "25 % of the work done once — the rest each epoch"),
        ("block2_relu", 0.998, (), "over 99 % of the work done once — the rest each epoch"),
        (
            "block1_relu",
            0.004,
            (0, 2),
            "under 1 % of the work done once — trained below and beside",
        ),
        ("block2_relu", 0.75, (1,), "75 % of the work done once — the rest each epoch"),
    ],
)
def test_what_is_said_is_true_of_the_plan(
    after: str, share: float, trained: tuple[int, ...], text: str
) -> None:
    line = boundary_line(cut(after, share), LAYERS, convs(*trained), live=False)
    assert line is not None
    assert line.text == text
    assert line.after == after
    assert "Half is done once." in line.tooltip
    assert ("but for what is trained" in line.tooltip) == ("beside" in text or trained == (1,))


def test_frozen_batchnorm_between_the_line_and_what_is_trained_is_not_worth_a_word() -> None:
    after = "block1_conv"
    line = boundary_line(cut(after), LAYERS, convs(2, 3), live=False)
    assert line is not None
    assert line.text.endswith("trained below")
    assert line.text_in_block == "50 % done once, into {} — trained below"


def test_without_a_cut_there_is_no_line() -> None:
    assert boundary_line(BoundaryFound((), "", 0.0, "No."), LAYERS, convs(0), live=False) is None


def test_with_live_augmentation_nothing_is_said_to_be_done_once() -> None:
    line = boundary_line(cut("block1_relu"), LAYERS, convs(2, 3), live=True)
    assert line is not None
    assert line.text == "frozen above — trained below"
    assert "every layer runs in each" in line.tooltip
