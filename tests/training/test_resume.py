"""A run that goes on ends as one that was never interrupted, bit for bit."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import keras
import numpy as np
import pytest
from small_training import train, watch

from tlstudio.control import Control
from tlstudio.errors import JobError
from tlstudio.events import Epoch, Event, Failed, Finished, Progress, Started, Warned
from tlstudio.host import jobs
from tlstudio.model.backbone import build
from tlstudio.project import runs, store, unfinished
from tlstudio.project.spec import (
    Augmentation,
    Backbone,
    FreezePlan,
    Head,
    Pictures,
    Project,
    Training,
)
from tlstudio.training import checkpoint

MakeProject = Callable[..., Project]

PHASES = {
    "freeze": FreezePlan(strategy="top"),
    "head": Head(dense=({"units": 8, "dropout": 0.3},)),  # type: ignore[arg-type]
    "training": Training(
        epochs=4,
        head_epochs=2,
        warmup=1,
        schedule="cosine",
        batch_size=8,
        device="cpu",
        reduce_on_plateau=1,
        augmentation=Augmentation(mode="views", views=2),
    ),
}
LIVE = PHASES | {
    "training": Training(
        epochs=3, batch_size=8, device="cpu", augmentation=Augmentation(mode="live")
    )
}
ALL = PHASES | {"freeze": FreezePlan(strategy="all"), "training": Training(epochs=3, batch_size=8)}


def epochs_of(events: list[Event]) -> list[tuple[object, ...]]:
    """All that an epoch says but how long it took."""
    return [
        (e.epoch, e.phase, e.loss, e.accuracy, e.val_loss, e.val_accuracy, e.learning_rate, e.best)
        for e in events
        if isinstance(e, Epoch)
    ]


def weights_of(run: Path) -> list[np.ndarray]:
    return keras.saving.load_model(run / runs.MODEL).get_weights()  # type: ignore[no-any-return]


def assert_alike(run: Path, other: Path) -> None:
    assert epochs_of(list(runs.read_history(run))) == epochs_of(list(runs.read_history(other)))
    assert runs.read_evaluation(run) == runs.read_evaluation(other)
    for a, b in zip(weights_of(run), weights_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


def resumed(run: Path) -> list[Event]:
    return list(jobs.run(jobs.ResumeRequest(run), Control()))


@pytest.mark.parametrize(
    "decisions",
    [
        pytest.param(PHASES, id="views"),
        pytest.param(LIVE, id="live", marks=pytest.mark.slow),
        pytest.param(ALL, id="all", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    project: MakeProject, tmp_path: Path, decisions: dict[str, object]
) -> None:
    whole = train(project(**decisions), tmp_path / "whole")
    assert isinstance(whole[-1], Finished), whole[-1]
    run = tmp_path / "run"
    train_until(project(**decisions), run, epoch=1)
    resume_until(run, epoch=2)
    events = resumed(run)
    last = events[-1]
    assert isinstance(last, Finished)
    assert not last.stopped
    assert isinstance(next(e for e in events if not isinstance(e, Progress)), Started)
    assert epochs_of(events) == epochs_of(whole)
    assert last.seconds.total > sum(event.seconds for event in events if isinstance(event, Epoch))
    assert_alike(run, tmp_path / "whole")
    assert not (run / checkpoint.CHECKPOINT).exists()


def test_layers_that_a_weights_file_lacks_are_warned_of_and_are_the_same_after_a_stop(
    project: MakeProject, tmp_path: Path
) -> None:
    spec = Backbone(name="MobileNet", alpha=0.25, weights="random", input_shape=(32, 32))
    network = build(spec)
    shallow = keras.Model(network.inputs, network.get_layer("conv_pw_12_relu").output)
    path = tmp_path / "partly.weights.h5"
    shallow.save_weights(path)
    partly = project(
        backbone=spec.model_copy(update={"weights": str(path)}),
        training=Training(epochs=3, batch_size=8, device="cpu"),
    )
    events = train(partly, tmp_path / "whole")
    assert isinstance(events[-1], Finished), events[-1]
    run = tmp_path / "run"
    train_until(partly, run, epoch=1)
    resumed(run)

    for folder in (tmp_path / "whole", run):
        (warned,) = runs.read_warnings(folder)
        assert "4 of 54 layers of MobileNet are not in partly.weights.h5" in warned.message
    assert_alike(run, tmp_path / "whole")


def train_until(project: Project, run: Path, epoch: int) -> list[Event]:
    control = Control()
    return stopped_after(watch(project, run, control), control, epoch)


def resume_until(run: Path, epoch: int) -> list[Event]:
    control = Control()
    return stopped_after(jobs.run(jobs.ResumeRequest(run), control), control, epoch)


def stopped_after(job: Iterator[Event], control: Control, epoch: int) -> list[Event]:
    events = []
    for event in job:
        events.append(event)
        if isinstance(event, Epoch) and event.epoch == epoch:
            control.stop()
    return events


def test_a_stop_in_the_second_phase_before_its_first_epoch_keeps_the_first(
    project: MakeProject, tmp_path: Path
) -> None:
    whole = train(project(**PHASES), tmp_path / "whole")
    control = Control()
    run = tmp_path / "run"
    extractions = 0
    for event in watch(project(**PHASES), run, control):
        last = event
        if isinstance(event, Progress) and event.stage == "extract" and event.done == 0:
            extractions += 1
        if isinstance(event, Epoch) and event.epoch == 2:
            # The boundary of the plan comes next, whose features are not kept by then.
            control.stop()
    assert isinstance(last, Finished)
    assert (last.epochs, last.stopped) == (2, True)
    assert epochs_of(resumed(run)) == epochs_of(whole)
    assert_alike(run, tmp_path / "whole")


@pytest.mark.slow
def test_a_run_that_had_no_room_for_features_goes_on_when_there_is(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In either phase, of a backbone that has a Dropout in each block."""

    def no_room(*_: object) -> Iterator[Event]:
        yield from ()

    network = Backbone(name="EfficientNetB0", weights="random", input_shape=(32, 32))
    for epoch in (1, 3):
        run = tmp_path / f"run {epoch}"
        with monkeypatch.context() as patch:
            patch.setattr("tlstudio.training.train.features_at", no_room)
            train_until(project(**PHASES, backbone=network), run, epoch)
        last = resumed(run)[-1]
        assert isinstance(last, Finished), last
        assert last.epochs == 6


def test_a_run_without_a_checkpoint_begins_anew(project: MakeProject, tmp_path: Path) -> None:
    train(project(), tmp_path / "whole")
    run = copytree(tmp_path / "whole", tmp_path / "run")
    for name in (runs.METRICS, runs.MODEL, runs.EVENTS, runs.HISTORY, runs.PICTURES, runs.LABELS):
        (run / name).unlink()
    (run / ".0123456789abcdef0123456789abcdef.keras").write_bytes(b"half")
    assert [found.folder for found in unfinished.unfinished_runs(tmp_path)] == [run]
    assert isinstance(resumed(run)[-1], Finished)
    assert_alike(run, tmp_path / "whole")
    assert {path.name for path in run.iterdir()} == {
        path.name for path in (tmp_path / "whole").iterdir()
    }
    assert unfinished.unfinished_runs(tmp_path) == []


@pytest.mark.slow
def test_a_kill_while_the_run_is_described_loses_nothing(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = project(training=Training(epochs=1, batch_size=8, device="cpu"))
    moments: list[Path] = []
    write = runs.RunWriter._write

    def watched(self: runs.RunWriter, name: str, text: str) -> None:
        if (self.folder / runs.RUN).exists() and not (self.folder / runs.EVENTS).exists():
            moments.append(copytree(self.folder, tmp_path / f"killed before {name}"))
        write(self, name, text)

    with monkeypatch.context() as patch:
        patch.setattr(runs.RunWriter, "_write", watched)
        train(once, tmp_path / "whole")
    assert len(moments) == 3
    for run in moments:
        assert isinstance(resumed(run)[-1], Finished)
        assert_alike(run, tmp_path / "whole")


def test_pictures_that_were_added_meanwhile_are_not_taken_up(
    project: MakeProject, shapes: Path, tmp_path: Path
) -> None:
    source = copytree(shapes, tmp_path / "pictures")
    made = project(pictures=Pictures(source=source))
    whole = train(made, tmp_path / "whole")
    run = tmp_path / "run"
    train_until(made, run, epoch=1)
    (source / "disc" / "new.png").write_bytes((source / "disc" / "disc 1.png").read_bytes())
    (source / "another").mkdir()
    (source / "another" / "a.png").write_bytes((source / "disc" / "disc 2.png").read_bytes())
    events = resumed(run)
    assert epochs_of(events) == epochs_of(whole)


def test_pictures_that_went_meanwhile_are_named_and_the_rest_goes_on(
    project: MakeProject, shapes: Path, tmp_path: Path
) -> None:
    source = copytree(shapes, tmp_path / "pictures")
    run = tmp_path / "run"
    train_until(project(pictures=Pictures(source=source)), run, epoch=1)
    gone = [picture.path for picture in runs.read_pictures(run, "train")[:2]]
    for path in gone:
        Path(path).unlink()
    events = resumed(run)
    last = events[-1]
    assert isinstance(last, Finished), last
    warnings = [event.message for event in events if isinstance(event, Warned)]
    assert len(warnings) == 2
    for path in gone:
        assert any(Path(path).name in message for message in warnings)
    assert last.pictures.train + last.pictures.val + last.pictures.skipped == 30


def test_a_finished_run_is_not_resumed(project: MakeProject, tmp_path: Path) -> None:
    train(project(), tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    (only,) = resumed(tmp_path / "run")
    assert isinstance(only, Failed)
    assert only.status == 2
    assert "has all its epochs" in only.message
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_run_that_is_being_trained_is_not_resumed(project: MakeProject, tmp_path: Path) -> None:
    control = Control()
    job = watch(project(), tmp_path / "run", control)
    while not isinstance(next(job), Epoch):
        pass
    (only,) = resumed(tmp_path / "run")
    assert isinstance(only, Failed)
    assert "being trained now" in only.message
    assert unfinished.unfinished_runs(tmp_path) == []
    assert isinstance(list(job)[-1], Finished)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"\x93NUMPY"])
def test_a_damaged_checkpoint_says_so_and_nothing_is_lost(
    project: MakeProject, tmp_path: Path, content: bytes
) -> None:
    run = tmp_path / "run"
    train_until(project(), run, epoch=1)
    (run / checkpoint.CHECKPOINT).write_bytes(content)
    (only,) = resumed(run)
    assert isinstance(only, Failed)
    assert only.status == 2
    assert "checkpoint" in only.message
    assert (run / runs.MODEL).exists()


def test_without_its_events_a_run_goes_on_from_its_checkpoint(
    project: MakeProject, tmp_path: Path
) -> None:
    whole = train(project(), tmp_path / "whole")
    for number, damage in enumerate((None, b"\xff{\n")):
        run = tmp_path / f"run {number}"
        train_until(project(), run, epoch=1)
        (run / runs.EVENTS).unlink()
        if damage:
            (run / runs.EVENTS).write_bytes(damage)
        assert epochs_of(resumed(run)) == epochs_of(whole)
        assert_alike(run, tmp_path / "whole")


def test_nothing_in_a_checkpoint_is_executed(project: MakeProject, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return Path.touch, (tmp_path / "executed",)  # type: ignore[return-value]

    run = tmp_path / "run"
    train_until(project(), run, epoch=1)
    np.savez(run / checkpoint.CHECKPOINT, state=np.array([Evil()], object))
    (only,) = resumed(run)
    assert isinstance(only, Failed)
    assert not (tmp_path / "executed").exists()


def test_a_disk_that_is_full_for_the_checkpoint_does_not_stop_the_training(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise JobError("The disk is full.", "Free some space.")

    monkeypatch.setattr(checkpoint, "save", full)
    events = train(project(), tmp_path / "run")
    assert isinstance(events[-1], Finished)
    assert [e.message for e in events if isinstance(e, Warned)] == ["The disk is full."]


KILLS_A_RUN = 2


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(10))
def test_killed_at_random_moments_a_run_ends_as_if_it_had_not_been(
    project: MakeProject, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, seed: int
) -> None:
    """Twenty moments in all, anywhere from the first trace of the run to its end."""
    made = project(**PHASES)
    whole, seconds = uninterrupted(made, tmp_path_factory)
    chosen = random.Random(seed)
    store.save(made, tmp_path / "made.tlstudio")
    run = tmp_path / "run"
    command = ["train", str(tmp_path / "made.tlstudio"), "--out", str(run)]
    for _ in range(KILLS_A_RUN):
        process = started(*command)
        while not (run / runs.RUN).exists() or not unfinished.is_running(run):
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(chosen.uniform(0.0, 0.8 * seconds))
        process.kill()
        process.wait()
        if unfinished.is_finished(run):  # a kill that came after the end
            break
        command = ["resume", str(run)]
    else:
        assert started(*command).wait() == 0
    assert_alike(run, whole)
    assert not any(path.name.startswith(".") for path in run.iterdir())


UNINTERRUPTED: list[tuple[Path, float]] = []


def uninterrupted(project: Project, folders: pytest.TempPathFactory) -> tuple[Path, float]:
    """The run, and the seconds from its first trace to its end; made once, in a process too."""
    if not UNINTERRUPTED:
        folder = folders.mktemp("uninterrupted")
        store.save(project, folder / "made.tlstudio")
        process = started("train", str(folder / "made.tlstudio"), "--out", str(folder / "run"))
        while not (folder / "run" / runs.RUN).exists():
            time.sleep(0.001)
        began = time.perf_counter()
        assert process.wait() == 0
        UNINTERRUPTED.append((folder / "run", time.perf_counter() - began))
    return UNINTERRUPTED[0]


def started(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "tlstudio", *arguments, "--json"], stdout=subprocess.DEVNULL
    )
