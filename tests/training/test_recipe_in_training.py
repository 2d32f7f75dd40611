"""What each decision of the recipe does in a whole training."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any, TypeVar

import keras
import numpy as np
import pytest
from small_training import train, watch

from tlstudio.control import Control
from tlstudio.events import CacheUse, Epoch, Event, Finished, Progress, Started, Warned
from tlstudio.model.backbone import load
from tlstudio.project import runs
from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.spec import Augmentation, FreezePlan, Head, Pictures, Project, Training
from tlstudio.training.steps import Steps

MakeProject = Callable[..., Project]
Kind = TypeVar("Kind", bound=Event)

BLOCK7 = FreezePlan(strategy="top", unfreeze_from="block7a_expand_conv")


def of(kind: type[Kind], events: list[Event]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def training(**how: object) -> Training:
    return Training.model_validate({"epochs": 2, "batch_size": 8, "device": "cpu"} | how)


def finished(events: list[Event]) -> Finished:
    last = events[-1]
    assert isinstance(last, Finished), last
    return last


def saved(run: Path) -> keras.Model:
    return keras.saving.load_model(run / runs.MODEL)


def trained_backbone(run: Path) -> keras.Model:
    return next(layer for layer in saved(run).layers if isinstance(layer, keras.Model))


def pretrained(project: Project) -> keras.Model:
    """The backbone as it was before the training."""
    loading = load(project.backbone, Control())
    while True:
        try:
            next(loading)
        except StopIteration as end:
            return end.value


@pytest.fixture
def nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No features from other trainings."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def scarce(shapes: Path, tmp_path: Path) -> Path:
    """Nine files of one class and three of another, all with the same picture."""
    (picture, *_) = shapes.glob("disc/*.png")
    for label, number in (("many", 9), ("few", 3)):
        (tmp_path / "scarce" / label).mkdir(parents=True)
        for i in range(number):
            (tmp_path / "scarce" / label / f"{i}.png").write_bytes(picture.read_bytes())
    return tmp_path / "scarce"


def test_class_weights_make_rare_classes_count_as_much(
    project: MakeProject, scarce: Path, tmp_path: Path
) -> None:
    """Where pictures cannot be told apart, a model says how much its classes count."""
    losses = {}
    for weigh in (False, True):
        made = project(
            pictures=Pictures(source=scarce),
            head=Head(dropout=0.0),
            training=training(epochs=60, batch_size=32, learning_rate=0.005, class_weights=weigh),
        )
        events = train(made, tmp_path / f"{weigh}")
        counts = finished(events).pictures
        losses[weigh] = of(Epoch, events)[-1].loss
    assert counts.train == 9
    # The least that can be reached is the entropy of the classes' shares.
    shares = np.array([2, 7]) / 9
    assert losses[False] == pytest.approx(-(shares * np.log(shares)).sum(), abs=0.01)
    assert losses[True] == pytest.approx(np.log(2), abs=0.01)


def test_smoothed_labels_leave_a_loss_where_all_is_learned(
    project: MakeProject, tmp_path: Path
) -> None:
    losses = {}
    for smoothing in (0.0, 0.3):
        made = project(
            head=Head(dropout=0.0),
            training=training(epochs=30, learning_rate=0.02, label_smoothing=smoothing),
        )
        epochs = of(Epoch, train(made, tmp_path / f"{smoothing}"))
        losses[smoothing] = epochs[-1]
    assert losses[0.0].loss < 0.2
    # The entropy of labels of 0.8, 0.1 and 0.1 is the least there is.
    assert 0.639 <= losses[0.3].loss < 0.75
    # Validation is on the labels as they are.
    assert losses[0.3].val_loss < 0.6


def test_clipped_gradients_move_plain_descent_no_further_than_the_rate_allows(
    project: MakeProject, tmp_path: Path
) -> None:
    moved = {}
    for clip in (0.0, 1e-3):
        made = project(
            head=Head(dropout=0.0),
            training=training(
                epochs=1, batch_size=24, optimizer="sgd", learning_rate=1.0, clip_norm=clip
            ),
        )
        finished(train(made, tmp_path / f"{clip}"))
        model = saved(tmp_path / f"{clip}")
        moved[clip] = model.layers[-1].bias.numpy()
    assert np.linalg.norm(moved[0.0]) > 1e-2
    assert 0 < np.linalg.norm(moved[1e-3]) <= 1e-3 * 1.0001


def test_the_rate_of_each_epoch_follows_warm_up_and_cosine(
    project: MakeProject, tmp_path: Path
) -> None:
    made = project(
        training=training(epochs=5, learning_rate=0.01, warmup=2, schedule="cosine"),
    )
    events = train(made, tmp_path / "run")
    found = [epoch.learning_rate / 0.01 for epoch in of(Epoch, events)]
    # Of the last of three steps, the cosine's being 2, 5 and 8 of 9 steps on its way.
    expected = [0.5, 1.0, *(0.5 + 0.5 * np.cos(np.pi * np.array([2, 5, 8]) / 9))]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert of(Started, events)[0].learning_rate == 0.01
    assert runs.read_history(tmp_path / "run") == of(Epoch, events)


@pytest.fixture
def losses_said(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Losses that validations say, one after another; 9 when they are used up."""
    losses: list[float] = []

    def judged(*_: object) -> tuple[float, float]:
        return (losses.pop(0) if losses else 9.0), 0.5

    monkeypatch.setattr("tlstudio.training.loop._judged", judged)
    return losses


def test_early_stopping_ends_a_phase_and_the_next_is_patient_anew(
    project: MakeProject, tmp_path: Path, losses_said: list[float]
) -> None:
    #              head: 2 is lowest, two epochs above | plan: 8 is its lowest
    losses_said += [3.0, 2.0, 2.5, 2.0, 8.5, 8.0, 8.1, 8.2, 7.0]
    made = project(freeze=BLOCK7, training=training(epochs=30, head_epochs=20, early_stopping=2))
    events = train(made, tmp_path / "run")
    epochs = of(Epoch, events)
    assert [e.phase for e in epochs] == ["head"] * 4 + ["plan"] * 4
    assert [e.epoch for e in epochs] == list(range(1, 9))
    assert {e.epochs for e in epochs} == {50}
    last = finished(events)
    assert (last.epochs, last.best_epoch, last.stopped) == (8, 2, False)
    assert not (tmp_path / "run" / runs.CHECKPOINT).exists()


def test_a_plateau_halves_the_rate_and_does_not_end_the_training(
    project: MakeProject, tmp_path: Path, losses_said: list[float]
) -> None:
    losses_said += [3.0, 2.0, 2.5, 2.5, 1.0, 1.5, 1.5]
    made = project(training=training(epochs=8, learning_rate=0.04, reduce_on_plateau=2))
    epochs = of(Epoch, train(made, tmp_path / "run"))
    assert [epoch.learning_rate for epoch in epochs] == [0.04] * 4 + [0.02] * 3 + [0.01]


def test_the_head_is_trained_first_on_the_whole_backbone_and_then_the_plan(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: list[int] = []
    trained: list[set[str]] = []

    class Watched(Steps):
        def __init__(self, model: keras.Model, *arguments: Any) -> None:
            super().__init__(model, *arguments)
            values.append(model.input_shape[1])
            trained.append({variable.path.split("/")[0] for variable in model.trainable_variables})

    monkeypatch.setattr("tlstudio.training.train.Steps", Watched)
    how = training(epochs=1, head_epochs=2, learning_rate=1e-4)
    events = train(project(freeze=BLOCK7, training=how), tmp_path / "run")
    epochs = of(Epoch, events)
    head_rate = suited_rate("adam", trains_backbone=False)
    assert [(epoch.phase, epoch.learning_rate) for epoch in epochs] == [
        ("head", head_rate),
        ("head", head_rate),
        ("plan", 1e-4),
    ]
    assert of(Started, events)[0].epochs == 3
    # Pooled features of the whole backbone, and those where the plan begins.
    assert values == [1280, 192]
    head = {variable.path.split("/")[0] for variable in saved(tmp_path / "run").layers[-1].weights}
    assert trained[0] == head
    assert trained[1] > head | {"block7a_expand_conv", "top_conv"}


@pytest.mark.usefixtures("nothing_kept")
def test_both_phases_cost_one_pass(project: MakeProject, tmp_path: Path) -> None:
    """The second finds there what the first has computed with its own."""
    how = training(epochs=1, head_epochs=1)
    events = train(project(freeze=BLOCK7, training=how), tmp_path / "run")
    extracting = [e.done for e in of(Progress, events) if e.stage == "extract"]
    assert extracting.count(0) == 1
    assert extracting[-2:] == [30, 30]
    assert finished(events).cache == CacheUse(0, 30)


def test_the_phase_of_the_head_changes_no_weight_of_the_backbone(
    project: MakeProject, tmp_path: Path, losses_said: list[float]
) -> None:
    """Its best epoch is what is saved here, although the plan trained layers afterwards."""
    losses_said += [1.0, 2.0, 3.0]
    made = project(freeze=BLOCK7, training=training(epochs=1, head_epochs=2, learning_rate=0.1))
    last = finished(train(made, tmp_path / "run"))
    assert (last.epochs, last.best_epoch) == (3, 1)
    before, after = pretrained(made), trained_backbone(tmp_path / "run")
    for a, b in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("nothing_kept")
def test_views_cost_their_passes_once(project: MakeProject, tmp_path: Path) -> None:
    """24 pictures to train on in 3 views each, and 6 for validation as they are."""
    how = Augmentation(mode="views", views=3)
    first = finished(train(project(training=training(augmentation=how)), tmp_path / "first"))
    assert first.cache == CacheUse(0, 78)
    other = project(training=training(epochs=4, learning_rate=0.1, augmentation=how))
    assert finished(train(other, tmp_path / "second")).cache == CacheUse(78, 0)
    more = how.model_copy(update={"views": 4})
    third = finished(train(project(training=training(augmentation=more)), tmp_path / "third"))
    assert third.cache == CacheUse(78, 24)


@pytest.mark.slow
def test_augmentation_changes_what_is_trained_on_and_is_not_in_the_model(
    project: MakeProject, tmp_path: Path
) -> None:
    losses, layers = [], []
    for mode in ("off", "views", "live"):
        how = Augmentation.model_validate({"mode": mode, "views": 2})
        made = project(head=Head(dropout=0.0), training=training(epochs=1, augmentation=how))
        (epoch,) = of(Epoch, train(made, tmp_path / mode))
        losses.append(epoch.loss)
        layers.append([type(layer) for layer in saved(tmp_path / mode)._flatten_layers()])
    assert len(set(losses)) == 3
    assert layers[0] == layers[1] == layers[2]


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(("features", "bytes_a_value"), [("float16", 2), ("float32", 4)])
def test_features_are_kept_as_they_are_asked_for(
    project: MakeProject, tmp_path: Path, features: str, bytes_a_value: int
) -> None:
    once = training(epochs=1, features=features)
    finished(train(project(freeze=BLOCK7, training=once), tmp_path / "run"))
    sizes = [path.stat().st_size for path in (tmp_path / "cache").rglob("*.rows")]
    # What crosses the boundary at block7a: one place of 192 channels.
    assert sum(sizes) == pytest.approx(30 * 192 * bytes_a_value, rel=0.05)


@pytest.mark.usefixtures("nothing_kept")
def test_a_picture_that_is_lost_before_both_phases_is_named_once(
    project: MakeProject, shapes: Path, tmp_path: Path
) -> None:
    copy = copytree(shapes, tmp_path / "copy")
    made = project(
        pictures=Pictures(source=copy),
        freeze=BLOCK7,
        training=training(epochs=1, head_epochs=1),
    )
    events: list[Event] = []
    for event in watch(made, tmp_path / "run", Control()):
        events.append(event)
        if isinstance(event, Started):
            Path(runs.read_pictures(tmp_path / "run", "train")[0].path).unlink()
    assert finished(events).pictures.train == 23
    assert len(of(Warned, events)) == 1
