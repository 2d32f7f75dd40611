import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from shutil import copytree
from threading import Event as Flag

import keras
import numpy as np
import pytest
from small_training import train, watch

from tlstudio.control import Control
from tlstudio.data.decode import decode
from tlstudio.data.kept_features import kept, set_limit
from tlstudio.errors import JobError
from tlstudio.events import (
    Batch as BatchDone,
)
from tlstudio.events import (
    CacheUse,
    Epoch,
    Evaluation,
    Event,
    Failed,
    Finished,
    Progress,
    Started,
    Warned,
)
from tlstudio.host import jobs
from tlstudio.model.backbone import load
from tlstudio.paths import features_folder
from tlstudio.project import runs
from tlstudio.project.spec import DenseLayer, FreezePlan, Head, Pictures, Project, Training
from tlstudio.training import features, save
from tlstudio.training.feature_cache import ShardWriter
from tlstudio.training.steps import Batch, Step, Steps

MakeProject = Callable[..., Project]


def of(kind: type[Event], events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def history(events: list[Event]) -> list[tuple[float, ...]]:
    return [(e.loss, e.accuracy, e.val_loss, e.val_accuracy) for e in of(Epoch, events)]  # type: ignore[attr-defined]


@pytest.fixture
def nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No features from other trainings, which would do without the pictures."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def head_run(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    out = tmp_path_factory.mktemp("runs") / "head"
    project = Project(
        pictures=Pictures(source=shapes),
        backbone={"input_shape": (32, 32)},
        head=Head(dense=(DenseLayer(units=16, dropout=0.1),)),
        training=Training(epochs=6, batch_size=8, learning_rate=0.01),
    )
    return out, train(project, out)


def test_events_tell_the_story_of_a_training(head_run: tuple[Path, list[Event]]) -> None:
    _, events = head_run
    started, finished = of(Started, events)[0], events[-1]
    assert isinstance(started, Started)
    assert isinstance(finished, Finished)
    assert started.strategy == finished.strategy == "head"
    assert started.boundary == "top_relu"
    assert started.trainable_params == 1280 * 16 + 16 + 16 * 3 + 3
    assert started.frozen_params == 3_413_024
    assert finished.classes == ("bars", "disc", "half")
    assert (finished.pictures.train, finished.pictures.val) == (24, 6)
    # Another test may have had the same pictures before.
    assert finished.cache.hits + finished.cache.misses == 30
    epochs = of(Epoch, events)
    assert [e.epoch for e in epochs] == [1, 2, 3, 4, 5, 6]  # type: ignore[attr-defined]
    assert len(of(BatchDone, events)) == 6 * started.steps == 18
    best = max(epochs, key=lambda e: (e.val_accuracy, -e.val_loss))  # type: ignore[attr-defined]
    assert finished.best_epoch == best.epoch  # type: ignore[attr-defined]
    assert finished.val_accuracy == best.val_accuracy >= 0.8  # type: ignore[attr-defined]
    assert finished.val_loss == pytest.approx(best.val_loss)  # type: ignore[attr-defined]


def test_the_run_folder_holds_all_that_the_contract_names(
    head_run: tuple[Path, list[Event]],
) -> None:
    out, events = head_run
    names = {path.name for path in out.iterdir()}
    assert names == {
        "run.json",
        "events.jsonl",
        "history.csv",
        "metrics.json",
        "labels.txt",
        "pictures.csv",
        "model.keras",
    }
    assert runs.read_history(out) == of(Epoch, events)
    evaluation = runs.read_evaluation(out)
    assert evaluation.accuracy == events[-1].val_accuracy  # type: ignore[attr-defined]
    assert np.sum(evaluation.confusion) == 6
    document = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert set(document["versions"]) >= {"tlstudio", "keras", "tensorflow"}


def test_the_model_reloads_in_plain_keras_and_says_the_same(
    head_run: tuple[Path, list[Event]], shapes: Path, tmp_path: Path
) -> None:
    out, _ = head_run
    paths = sorted(shapes.glob("*/*.png"))
    pictures = np.stack([decode(path, (32, 32)) for path in paths]).astype(np.float32)
    np.save(tmp_path / "pictures.npy", pictures)
    script = (
        "import sys, keras, numpy as np\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))\n"
        "assert 'tlstudio' not in sys.modules\n"
    )
    arguments = [out / "model.keras", tmp_path / "pictures.npy", tmp_path / "out.npy"]
    subprocess.run([sys.executable, "-c", script, *map(str, arguments)], check=True, cwd=tmp_path)
    plain = np.load(tmp_path / "out.npy")
    request = jobs.PredictRequest(out, tuple(paths), top=3)
    predictions = list(jobs.run(request, Control()))[:-1]
    classes = ["bars", "disc", "half"]
    for row, prediction in zip(plain, predictions, strict=True):
        said = {score.label: score.probability for score in prediction.top}  # type: ignore[attr-defined]
        np.testing.assert_allclose(row, [said[name] for name in classes], atol=1e-5)


def test_evaluating_a_run_gives_the_figures_it_was_saved_with(
    head_run: tuple[Path, list[Event]],
) -> None:
    out, _ = head_run
    evaluation = list(jobs.run(jobs.EvaluateRequest(out), Control()))[-1]
    saved = runs.read_evaluation(out)
    assert evaluation.confusion == saved.confusion  # type: ignore[attr-defined]
    assert evaluation.loss == pytest.approx(saved.loss, abs=1e-4)  # type: ignore[attr-defined]


@pytest.mark.parametrize("strategy", ["head", "top"])
def test_the_same_seed_gives_the_same_history_bit_for_bit(
    project: MakeProject, tmp_path: Path, strategy: str
) -> None:
    training = Training(epochs=2, batch_size=8, device="cpu", seed=5)
    plan = FreezePlan(strategy=strategy)
    first = train(project(freeze=plan, training=training), tmp_path / "1")
    second = train(project(freeze=plan, training=training), tmp_path / "2")
    other = training.model_copy(update={"seed": 6})
    third = train(project(freeze=plan, training=other), tmp_path / "3")
    assert history(first) == history(second) != history(third)
    assert len(history(first)) == 2
    batches = [(b.loss, b.accuracy) for b in of(Batch, first)]  # type: ignore[attr-defined]
    assert batches == [(b.loss, b.accuracy) for b in of(Batch, second)]  # type: ignore[attr-defined]


def weights_by_layer(model: keras.Model) -> dict[str, list[np.ndarray]]:
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


@pytest.mark.parametrize(
    ("plan", "trained"),
    [
        (FreezePlan(strategy="head"), lambda layer: False),
        (
            FreezePlan(strategy="top", unfreeze_from="block7a_expand_conv"),
            lambda layer: layer.startswith(("block7a", "top")) and not layer.endswith("_bn"),
        ),
        (
            FreezePlan(strategy="top", unfreeze_from="top_conv", batchnorm=True),
            lambda layer: layer.startswith("top"),
        ),
        (FreezePlan(strategy="custom", layers=("stem_conv",)), lambda layer: layer == "stem_conv"),
    ],
    ids=["head", "top", "top with BatchNorm", "only the stem"],
)
def test_frozen_layers_are_bit_identical_after_training_and_the_others_are_not(
    project: MakeProject, tmp_path: Path, plan: FreezePlan, trained: Callable[[str], bool]
) -> None:
    made = project(freeze=plan, training=Training(epochs=1, batch_size=8, learning_rate=0.001))
    events = train(made, tmp_path / "run")
    assert isinstance(events[-1], Finished), events[-1]
    after = keras.saving.load_model(tmp_path / "run" / "model.keras")
    backbone = next(layer for layer in after.layers if isinstance(layer, keras.Model))
    loading = load(made.backbone, Control())
    try:
        while True:
            next(loading)
    except StopIteration as end:
        before = weights_by_layer(end.value)
    for name, weights in weights_by_layer(backbone).items():
        same = [np.array_equal(a, b) for a, b in zip(before[name], weights, strict=True)]
        assert all(same) if not trained(name) else not any(same), name


def test_padding_of_the_last_batch_changes_nothing(project: MakeProject, tmp_path: Path) -> None:
    """24 pictures are one batch of 24, and of 64 with 40 rows of padding."""
    losses = []
    for size in (24, 64):
        training = Training(epochs=2, batch_size=size, device="cpu")
        events = train(project(training=training, head=Head(dropout=0.0)), tmp_path / f"{size}")
        losses.append(history(events))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_a_stop_keeps_the_best_epoch_so_far(project: MakeProject, tmp_path: Path) -> None:
    control = Control()
    made = project(training=Training(epochs=1000, batch_size=8))
    events = []
    for event in watch(made, tmp_path / "run", control):
        events.append(event)
        if isinstance(event, Epoch) and event.epoch == 4:
            control.stop()
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.stopped
    assert last.epochs == 4
    assert last.val_accuracy == max(e.val_accuracy for e in of(Epoch, events))  # type: ignore[attr-defined]
    assert [e.stage for e in of(Progress, events)].count("save") == 1  # type: ignore[attr-defined]
    assert runs.read_evaluation(tmp_path / "run").accuracy == last.val_accuracy


def test_a_stop_in_a_long_step_is_obeyed_at_once_and_the_best_epoch_is_kept(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control, go_on = Control(), Flag()
    done: list[Epoch] = []

    class Slow(Steps):
        def _at_once(self, batches: Sequence[Batch], given: Control) -> None:
            quick = self._many

            def slow(*arrays: object) -> None:
                control.stop()
                assert go_on.wait(60)
                quick(*arrays)

            if len(done) == 2:
                self._many = slow
            super()._at_once(batches, given)

    monkeypatch.setattr("tlstudio.training.train.Steps", Slow)
    made = project(training=Training(epochs=1000, batch_size=8))
    for event in watch(made, tmp_path / "run", control):
        last = event
        if isinstance(event, Epoch):
            done.append(event)
        if isinstance(event, Progress) and event.stage == "save":
            go_on.set()  # the step ends only when the stop has been obeyed
    assert isinstance(last, Finished)
    assert (last.stopped, last.epochs) == (True, 2)
    best = max(epoch.val_accuracy for epoch in done)
    assert last.val_accuracy == best
    evaluated = list(jobs.run(jobs.EvaluateRequest(tmp_path / "run"), Control()))[-1]
    assert isinstance(evaluated, Evaluation)
    assert evaluated.accuracy == pytest.approx(best)


@pytest.mark.parametrize("stage", ["build", "extract", "batch"])
def test_a_stop_before_the_first_epoch_is_done_says_so(
    project: MakeProject, tmp_path: Path, stage: str
) -> None:
    control = Control()
    events = []
    for event in watch(project(), tmp_path / "run", control):
        events.append(event)
        if stage in (event.event, getattr(event, "stage", "")):
            control.stop()
    assert isinstance(events[-1], Failed)
    assert events[-1].status == 130


def test_a_picture_deleted_during_training_is_named_and_left_out(
    project: MakeProject, shapes: Path, tmp_path: Path
) -> None:
    copy = copytree(shapes, tmp_path / "copy")
    made = project(pictures=Pictures(source=copy), freeze=FreezePlan(strategy="all"))
    events: list[Event] = []
    for event in watch(made, tmp_path / "run", Control()):
        events.append(event)
        if isinstance(event, Epoch) and event.epoch == 1:
            for name in runs.read_pictures(tmp_path / "run", "train")[:2]:
                Path(name.path).unlink()
    last = events[-1]
    assert isinstance(last, Finished), last
    assert len(of(Warned, events)) == 2
    # Those of the epoch that is kept.
    trained = 24 if last.best_epoch == 1 else 22
    assert (last.pictures.train, last.pictures.skipped) == (trained, 30 - 6 - trained)
    assert last.epochs == 3


@pytest.mark.usefixtures("nothing_kept")
def test_the_limit_that_was_set_is_obeyed_but_for_what_is_in_use(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    seen = []
    plans = ("head", "gap"), ("head", "flatten"), ("top", "gap")
    for gigabytes, (strategy, pooling) in zip((1.0, 1.0, 1e-6), plans, strict=True):
        set_limit(gigabytes)
        made = project(
            freeze=FreezePlan(strategy=strategy),
            head=Head(pooling=pooling),
            training=Training(epochs=1, batch_size=8, device="cpu"),
        )
        train(made, tmp_path / f"{strategy} {pooling}")
        seen.append(len(kept(features_folder())))
    assert seen == [1, 2, 1]


@pytest.mark.usefixtures("nothing_kept")
def test_pictures_that_all_vanish_end_the_training_with_a_remedy(
    project: MakeProject, shapes: Path, tmp_path: Path
) -> None:
    copy = copytree(shapes, tmp_path / "copy")
    for event in watch(project(pictures=Pictures(source=copy)), tmp_path / "run", Control()):
        last = event
        if isinstance(event, Started):
            for path in copy.glob("*/*.png"):
                path.unlink()
    assert isinstance(last, Failed)
    assert "can be read any more" in last.message
    assert "folder" in last.hint


def kept_after(events: list[Event], run: Path, words: str) -> Finished:
    """What a training says that could not go on after some good epochs."""
    last = events[-1]
    assert isinstance(last, Finished), last
    warning = next(w for w in of(Warned, events) if words in w.message)  # type: ignore[attr-defined]
    assert f"epoch so far, {last.best_epoch}, is kept" in warning.hint  # type: ignore[attr-defined]
    assert last.stopped
    assert last.epochs == len(of(Epoch, events))
    best = next(e for e in of(Epoch, events) if e.epoch == last.best_epoch)  # type: ignore[attr-defined]
    assert (last.val_accuracy, last.pictures.val) == (best.val_accuracy, 6)  # type: ignore[attr-defined]
    assert last.pictures.train + last.pictures.val + last.pictures.skipped == 30
    assert runs.read_evaluation(run).accuracy == last.val_accuracy
    weights = keras.saving.load_model(run / "model.keras").get_weights()
    assert all(np.isfinite(values).all() for values in weights)
    return last


@pytest.mark.parametrize("where", ["train", "predict"])
def test_a_loss_that_explodes_later_keeps_the_best_epoch(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    plain = getattr(Steps, where)
    calls = 0

    def exploding(self: Steps, *args: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 4:
            for variable in self.model.trainable_variables:
                variable.assign(variable * np.nan)
        return plain(self, *args)

    monkeypatch.setattr(Steps, where, exploding)
    made = project(training=Training(epochs=9, batch_size=8, device="cpu"))
    kept_after(train(made, tmp_path / "run"), tmp_path / "run", "The loss became nan")


@pytest.mark.parametrize("part", ["train", "val"])
def test_pictures_that_all_vanish_later_keep_the_best_epoch(
    project: MakeProject, shapes: Path, tmp_path: Path, part: str
) -> None:
    copy = copytree(shapes, tmp_path / "copy")
    made = project(
        pictures=Pictures(source=copy),
        freeze=FreezePlan(strategy="all"),
        training=Training(epochs=9, batch_size=8, device="cpu"),
    )
    events: list[Event] = []
    for event in watch(made, tmp_path / "run", Control()):
        events.append(event)
        if isinstance(event, Epoch) and event.epoch == 2:
            for picture in runs.read_pictures(tmp_path / "run", part):
                Path(picture.path).unlink()
    finished = kept_after(events, tmp_path / "run", "can be read any more")
    assert finished.epochs == 2
    assert finished.pictures.train == 24


def losing(number: int, project: MakeProject, shapes: Path, tmp_path: Path) -> list[Event]:
    """A training from which so many pictures go between the scan and the extraction."""
    copy = copytree(shapes, tmp_path / "copy")
    events: list[Event] = []
    for event in watch(project(pictures=Pictures(source=copy)), tmp_path / "run", Control()):
        events.append(event)
        if isinstance(event, Started):
            for picture in runs.read_pictures(tmp_path / "run", "train")[:number]:
                Path(picture.path).unlink()
    return events


@pytest.mark.usefixtures("nothing_kept")
def test_pictures_lost_before_the_extraction_are_named_once(
    project: MakeProject, shapes: Path, tmp_path: Path
) -> None:
    events = losing(2, project, shapes, tmp_path)
    last = events[-1]
    assert isinstance(last, Finished)
    assert len(of(Warned, events)) == 2
    assert (last.pictures.train, last.pictures.val, last.pictures.skipped) == (22, 6, 2)


@pytest.mark.usefixtures("nothing_kept")
def test_many_pictures_lost_at_once_are_one_warning(
    project: MakeProject, shapes: Path, tmp_path: Path
) -> None:
    events = losing(12, project, shapes, tmp_path)
    (warning,) = of(Warned, events)
    assert warning.message.startswith("12 pictures")  # type: ignore[attr-defined]
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize(
    ("pictures", "words", "remedy"),
    [
        (("disc/disc 1.png", "half/half 1.png"), "for validation", "second one"),
        (("val/disc/disc 1.png", "val/half/half 1.png"), "to train on", "training part"),
    ],
)
def test_a_part_without_pictures_is_told_before_anything_is_built(
    project: MakeProject,
    shapes: Path,
    tmp_path: Path,
    pictures: tuple[str, ...],
    words: str,
    remedy: str,
) -> None:
    source = tmp_path / "pictures"
    for name in pictures:
        (source / name).parent.mkdir(parents=True)
        (source / name).write_bytes((shapes / name.removeprefix("val/")).read_bytes())
        if name.startswith("val/"):
            (source / "train" / Path(name).parent.name).mkdir(parents=True)
    events = train(project(pictures=Pictures(source=source)), tmp_path / "run")
    last = events[-1]
    assert isinstance(last, Failed)
    assert last.status == 2
    assert words in last.message
    assert remedy in last.hint
    assert {e.stage for e in of(Progress, events)} == {"scan"}  # type: ignore[attr-defined]
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_take_the_run_is_told_before_the_scan(
    project: MakeProject, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").touch()
    (only,) = train(project(), tmp_path)
    assert isinstance(only, Failed)
    assert "not empty" in only.message


def test_a_failed_start_leaves_a_persons_empty_folder(project: MakeProject, tmp_path: Path) -> None:
    made = project(pictures=Pictures(source=tmp_path / "nowhere"))
    (tmp_path / "mine").mkdir()
    for name in ("mine", "new"):
        assert isinstance(train(made, tmp_path / name)[-1], Failed)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_run_names_its_backbone_as_the_catalogue_does(
    project: MakeProject, tmp_path: Path
) -> None:
    backbone = {"name": "efficientnetLITE0", "input_shape": (32, 32)}
    events = train(project(backbone=backbone), tmp_path / "run")
    assert of(Started, events)[0].backbone == "EfficientNetLite0"  # type: ignore[attr-defined]
    assert runs.read_run(tmp_path / "run").project.backbone.name == "EfficientNetLite0"


def test_an_unknown_backbone_is_told_before_the_scan(project: MakeProject, tmp_path: Path) -> None:
    (only,) = train(project(backbone={"name": "ResNet51"}), tmp_path / "run")
    assert isinstance(only, Failed)
    assert "ResNet51" in only.message
    assert "`tlstudio backbones`" in only.hint
    assert not (tmp_path / "run").exists()


def test_a_full_disk_at_the_end_loses_no_model(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, rescue = tmp_path / "run", tmp_path / "other disk"
    rescue.mkdir()
    monkeypatch.setattr(save.tempfile, "tempdir", str(rescue))
    saved = keras.Model.save

    def full(self: keras.Model, path: Path, *args: object, **kwargs: object) -> None:
        if Path(path).parent == run:
            raise OSError("Unable to write (errno = 28, error message = 'No space left on device')")
        saved(self, path, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "save", full)
    last = train(project(), run)[-1]
    assert isinstance(last, Failed)
    assert last.status == JobError.exit_status
    assert "disk is full" in last.message
    kept = next(rescue.glob("*/model.keras"))
    assert str(kept) in last.hint
    assert keras.saving.load_model(kept).output_shape == (None, 3)


def test_a_disk_that_fills_up_during_training_does_not_stop_it(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = runs.RunWriter.record
    calls = []

    def full(self: runs.RunWriter, event: Event) -> None:
        calls.append(event)
        if len(calls) in (2, 3):
            raise JobError("The disk is full.", "Free some space.")
        recorded(self, event)

    monkeypatch.setattr(runs.RunWriter, "record", full)
    events = train(project(), tmp_path / "run")
    assert isinstance(events[-1], Finished)
    assert [w.message for w in of(Warned, events)] == ["The disk is full."]  # type: ignore[attr-defined]


def test_a_loss_that_explodes_is_explained(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exploding(_self: Steps, batches: list[Batch], _control: Control) -> Iterator[Step]:
        yield from (Step(math.nan, 0.5) for _ in batches)

    monkeypatch.setattr(Steps, "train", exploding)
    last = train(project(), tmp_path / "run")[-1]
    assert isinstance(last, Failed), last
    assert "lower learning rate" in last.hint


def test_a_device_that_is_not_there_names_those_that_are(
    project: MakeProject, tmp_path: Path
) -> None:
    last = train(project(training=Training(device="gpu:7")), tmp_path / "run")[-1]
    assert isinstance(last, Failed)
    assert "gpu:7" in last.message
    assert "cpu" in last.hint


def test_an_unknown_layer_in_the_plan_fails_before_anything_is_written(
    project: MakeProject, tmp_path: Path
) -> None:
    plan = FreezePlan(strategy="top", unfreeze_from="nonsense")
    last = train(project(freeze=plan), tmp_path / "run")[-1]
    assert isinstance(last, Failed)
    assert last.status == 2
    assert not (tmp_path / "run").exists()


def test_progress_of_the_extraction_counts_every_picture_once(
    head_run: tuple[Path, list[Event]],
) -> None:
    _, events = head_run
    extracting = [e for e in of(Progress, events) if e.stage == "extract"]  # type: ignore[attr-defined]
    assert extracting[-1] == Progress("extract", 30, 30)
    assert [e.done for e in extracting] == sorted(e.done for e in extracting)  # type: ignore[attr-defined]


def test_another_head_or_split_costs_no_pass_through_the_backbone(
    project: MakeProject, tmp_path: Path
) -> None:
    train(project(), tmp_path / "first")
    other = project(
        head=Head(dense=(DenseLayer(units=8),)),
        training=Training(epochs=2, batch_size=8, seed=5, device="cpu"),
    )
    last = train(other, tmp_path / "second")[-1]
    assert isinstance(last, Finished)
    assert (last.cache.hits, last.cache.misses) == (30, 0)


@pytest.mark.usefixtures("nothing_kept")
def test_without_room_for_features_the_training_goes_on(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise JobError("The disk is full.", "Free some space.")

    monkeypatch.setattr(ShardWriter, "add", full)
    monkeypatch.setattr(features, "IN_MEMORY_BYTES", 0)
    events = train(project(freeze=FreezePlan(strategy="top")), tmp_path / "run")
    assert isinstance(events[-1], Finished)
    assert events[-1].cache == CacheUse(0, 0)
    full_disk, no_room = of(Warned, events)
    assert full_disk.message == "The disk is full."  # type: ignore[attr-defined]
    assert "no room to keep the features" in no_room.message  # type: ignore[attr-defined]
