import numpy as np
import pytest

from tlstudio.errors import PictureError
from tlstudio.events import Epoch
from tlstudio.training.state import Outcome, State, epochs_since_best, is_better


def epoch(val_loss: float, val_accuracy: float = 0.5) -> Epoch:
    return Epoch(1, 9, 1.0, 0.5, val_loss, val_accuracy, 0.1, best=False)


def outcome(val_loss: float, val_accuracy: float) -> Outcome:
    return Outcome(
        epoch(val_loss, val_accuracy), 3, np.zeros(1, np.int64), np.ones((1, 2), np.float32)
    )


def after(*losses: float, reduce_after: int = 0) -> State:
    state = State(np.random.default_rng(1))
    for loss in losses:
        state.take(epoch(loss), None, reduce_after)
    return state


def test_the_first_epoch_is_better_than_none() -> None:
    assert is_better(epoch(9.0, 0.0), None)


@pytest.mark.parametrize(
    ("loss", "accuracy", "better"),
    [
        (2.0, 0.9, True),
        (0.1, 0.7, False),
        (0.9, 0.8, True),
        (1.1, 0.8, False),
        (1.0, 0.8, False),
    ],
    ids=["more accurate", "less accurate", "a tie with less loss", "a tie with more", "the same"],
)
def test_accuracy_decides_and_loss_where_it_ties(
    loss: float, accuracy: float, better: bool
) -> None:
    assert is_better(epoch(loss, accuracy), outcome(1.0, 0.8)) is better


@pytest.mark.parametrize(
    ("figures", "since"),
    [
        ([], 0),
        ([(3, 0.5)], 0),
        ([(3, 0.5), (2, 0.6)], 0),
        ([(1, 0.6), (0.5, 0.5), (0.4, 0.5)], 2),
        ([(1, 0.6), (1, 0.6)], 1),
        ([(1, 0.6), (2, 0.5), (0.9, 0.6)], 0),
    ],
    ids=["none", "one", "better", "less loss alone", "the same", "a tie with less loss"],
)
def test_epochs_since_the_best_are_counted(figures: list[tuple[float, float]], since: int) -> None:
    assert epochs_since_best([epoch(*each) for each in figures]) == since


@pytest.mark.parametrize(
    ("losses", "factor"),
    [
        ((3, 2, 1), 1.0),
        ((1, 2), 1.0),
        ((1, 2, 2), 0.5),
        ((1, 2, 2, 2), 0.5),
        ((1, 2, 2, 2, 2), 0.25),
        ((1, 2, 0.9, 2), 1.0),
        ((1, 2, 2, 0.9, 2), 0.5),
    ],
    ids=["falling", "one", "two", "three", "four", "one and one", "the rate does not go back"],
)
def test_each_two_epochs_on_a_plateau_halve_the_rate(
    losses: tuple[float, ...], factor: float
) -> None:
    assert after(*losses, reduce_after=2).factor == factor


def test_without_a_limit_the_rate_stays() -> None:
    assert after(1, *[2] * 50).factor == 1.0


def test_the_next_phase_is_patient_anew_and_keeps_what_was_reached() -> None:
    state = after(1, 2, 2, reduce_after=1)
    state.outcome = best = outcome(1.0, 0.8)
    state.lost = {3: PictureError("missing", "It is gone.", "Put it back.")}
    state.micro = 2
    assert state.factor == 0.25
    state.enter(0)
    assert (state.factor, state.micro) == (0.25, 2)
    state.enter(1)
    assert (state.factor, state.micro) == (1.0, 0)
    assert len(state.epochs) == 3
    assert (state.outcome, list(state.lost)) == (best, [3])
    # A new phase may begin with a higher loss than the last one had, which is its lowest then.
    state.take(epoch(5.0), None, 2)
    state.take(epoch(4.0), None, 1)
    assert state.factor == 1.0
