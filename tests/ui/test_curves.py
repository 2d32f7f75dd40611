import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlstudio.events import Batch, Epoch, Progress
from tlstudio.ui.curves import Curves, RunningMean, nearest, span


def _epoch(number, best=True, val_accuracy=0.8):
    return Epoch(number, 3, 0.5, 0.75, 0.6, val_accuracy, 0.1, best)


def test_a_batch_stands_at_its_share_of_the_epoch():
    curves = Curves(3, 4)
    assert curves.add([Batch(1, 1, 4, 1.0, 0.5), Batch(2, 4, 4, 0.5, 0.75)])
    assert curves.batch_at.values.tolist() == [0.25, 2.0]
    assert curves.loss.batch.values.tolist() == [1.0, 0.5]
    assert curves.accuracy.batch.values.tolist() == [0.5, 0.75]


def test_other_events_are_nothing_new():
    curves = Curves(3, 4)
    assert not curves.add([Progress("train", 1, 2)])
    assert not curves.add([])


def test_the_best_epoch_is_the_last_one_marked_so():
    curves = Curves(3, 4)
    curves.add([_epoch(1), _epoch(2, val_accuracy=0.9), _epoch(3, best=False)])
    assert curves.best is not None
    assert (curves.best.epoch, curves.best.val_accuracy) == (2, 0.9)


def test_many_batches_are_all_kept():
    curves = Curves(100, 1000)
    curves.add(Batch(1 + k // 1000, 1 + k % 1000, 1000, float(k), 0.5) for k in range(5000))
    assert np.array_equal(curves.loss.batch.values, np.arange(5000.0))
    assert np.all(np.diff(curves.batch_at.values) > 0)


def test_the_csv_has_a_row_for_every_batch_and_epoch_in_order():
    curves = Curves(2, 2)
    curves.add(
        [
            Batch(1, 1, 2, 1.25, 0.5),
            Batch(1, 2, 2, 1.0, 0.5),
            _epoch(1),
            Batch(2, 1, 2, 0.75, 1.0),
            _epoch(2),
        ]
    )
    rows = list(csv.DictReader(io.StringIO(curves.csv())))
    assert list(rows[0]) == ["epoch", "step", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert [(row["epoch"], row["step"]) for row in rows] == [
        ("1", "1"),
        ("1", "2"),
        ("1", ""),
        ("2", "1"),
        ("2", ""),
    ]
    assert float(rows[0]["loss"]) == 1.25
    assert rows[0]["val_loss"] == ""
    assert float(rows[2]["val_accuracy"]) == 0.8


def test_an_epoch_without_batches_still_gets_its_row():
    curves = Curves(2, 2)
    curves.add([_epoch(1), _epoch(2)])
    assert len(curves.csv().splitlines()) == 3


def test_epochs_of_before_an_interruption_stand_for_their_batches():
    curves = Curves(4, 2)
    curves.add([replace(_epoch(1), loss=0.75), _epoch(2)])
    assert curves.loss.mean.values.tolist() == pytest.approx([0.75, 0.5])
    curves.add([Batch(3, 1, 2, 0.25, 0.5), Batch(3, 2, 2, 0.25, 0.5)])
    curves.add([_epoch(3)])
    assert curves.batch_at.values.tolist() == [1, 2, 2.5, 3]
    assert curves.loss.batch.values.tolist() == [0.75, 0.5, 0.25, 0.25]
    assert curves.epoch_at.values.tolist() == [1, 2, 3]
    rows = list(csv.DictReader(io.StringIO(curves.csv())))
    assert [(row["epoch"], row["step"]) for row in rows] == [
        ("1", ""),
        ("2", ""),
        ("3", "1"),
        ("3", "2"),
        ("3", ""),
    ]


def test_it_is_known_when_the_plan_follows_the_head():
    curves = Curves(4, 2)
    curves.add([replace(_epoch(number), phase="head") for number in (1, 2)])
    assert curves.head_until is None
    curves.add([_epoch(3), _epoch(4)])
    assert curves.head_until == 2


@given(st.lists(st.floats(-5, 5), min_size=1), st.floats(1, 50))
def test_a_running_mean_stays_among_its_values(values, over):
    mean = RunningMean(over)
    means = [mean(value) for value in values]
    assert means[0] == values[0] or math.isclose(means[0], values[0], abs_tol=1e-9)
    assert all(min(values) - 1e-9 <= each <= max(values) + 1e-9 for each in means)


def test_a_loss_that_is_not_a_number_does_not_poison_the_mean():
    mean = RunningMean(5)
    mean(1.0)
    mean(math.nan)
    assert math.isclose(mean(1.0), 1.0)


@given(st.lists(st.floats(0, 100), min_size=1, unique=True), st.floats(-10, 110))
def test_nearest_is_nearest(positions, at):
    positions = np.array(sorted(positions))
    assert abs(positions[nearest(positions, at)] - at) == np.abs(positions - at).min()


def test_nothing_is_nearest_in_nothing():
    assert nearest(np.empty(0), 1.0) == -1


def test_a_range_holds_all_values_and_its_limits():
    bottom, top = span([np.array([0.42, 0.97]), np.array([0.5])], 0.1, 0.0, 1.0)
    assert bottom <= 0.42
    assert top == 1.0
    assert span([np.array([np.nan])], 0.1, 0.0, 1.0) == (0.0, 1.0)


def test_one_exploding_batch_does_not_flatten_the_rest():
    losses = np.full(1000, 0.5)
    losses[500] = 1e6
    assert span([losses], 0.2, 0.0, math.inf)[1] < 2
