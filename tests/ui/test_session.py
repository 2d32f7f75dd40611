from pathlib import Path

import pytest
from window_fakes import Hosts, convs, pictures, write_run, write_unfinished
from window_fakes import session as make_session

from tlstudio.backbone_events import WeightsMatched
from tlstudio.errors import TlstudioError
from tlstudio.events import Epoch, Failed, Finished, Prediction
from tlstudio.host.jobs import DescribeRequest, ResumeRequest, TrainRequest
from tlstudio.project import runs
from tlstudio.project.spec import Backbone, FreezePlan, Pictures, Project, Training
from tlstudio.ui.session import Session
from tlstudio.ui.trainer import State


@pytest.fixture
def ready(made, qtbot, tmp_path: Path) -> tuple[Session, Hosts]:
    """With pictures and layers."""
    session, hosts = made
    session.open_pictures(pictures(tmp_path / "pets"))
    qtbot.waitUntil(lambda: not session.missing() and session.description is not None)
    return session, hosts


def train(session: Session, qtbot) -> list[object]:
    events: list[object] = []
    session.trained.connect(events.extend)
    session.train()
    qtbot.waitUntil(lambda: len(events) >= 2)
    return events


def test_a_new_session_asks_the_engine_and_names_what_is_missing(made, qtbot) -> None:
    session, hosts = made
    assert session.missing() == "Open a folder of pictures first."
    qtbot.waitUntil(lambda: session.description is not None and session.devices is not None)
    assert hosts.engine.calls[0] == "warm"


def test_layers_are_read_without_any_weights(made, qtbot) -> None:
    session, hosts = made
    session.decide(backbone=Backbone(weights="imagenet", input_shape=(96, 96)))
    qtbot.waitUntil(lambda: session.description is not None and session.devices is not None)
    asked = [r.backbone for r in hosts.engine.requests if isinstance(r, DescribeRequest)]
    assert {backbone.weights for backbone in asked} == {"random"}
    assert asked[-1].input_shape == (96, 96)


def test_other_weights_do_not_read_the_layers_again(ready) -> None:
    session, hosts = ready
    asked = len(hosts.engine.requests)
    session.decide(backbone=Backbone(weights="random"))
    assert session.description is not None
    assert len(hosts.engine.requests) == asked


def test_random_weights_have_batchnorm_trained_and_pretrained_ones_have_it_frozen(ready) -> None:
    session, _ = ready
    session.decide(freeze=FreezePlan(strategy="all"))
    before = session.trainable
    session.decide(backbone=Backbone(weights="random"))
    assert session.decisions.freeze == FreezePlan(strategy="all", batchnorm=True)
    assert session.trainable > before
    session.decide(backbone=Backbone(name="ResNet50", weights="imagenet"))
    assert session.decisions.freeze == FreezePlan(strategy="all")


def test_opened_pictures_are_scanned_and_split(ready) -> None:
    session, _ = ready
    assert session.scan is not None
    assert session.scan.classes == {"cats": 4, "dogs": 4}
    assert session.split is not None
    assert (len(session.split.train), len(session.split.val)) == (6, 2)


def test_the_split_follows_the_validation_share_and_the_seed(ready) -> None:
    session, _ = ready
    before = session.split
    session.decide(training=Training(seed=5))
    assert session.split != before
    halved = session.decisions.pictures.model_copy(update={"validation": 0.5})
    session.decide(pictures=halved)
    assert len(session.split.val) == 4


def test_a_training_decision_that_moves_no_picture_leaves_the_split_alone(ready, qtbot) -> None:
    session, _ = ready
    before = session.split
    with qtbot.assertNotEmitted(session.scan_changed):
        session.decide(training=Training(epochs=3, label_smoothing=0.1))
    assert session.split is before


def test_a_folder_that_cannot_be_used_says_why(made, qtbot, tmp_path: Path) -> None:
    session, _ = made
    session.open_pictures(tmp_path / "nowhere")
    qtbot.waitUntil(lambda: session.scan_failed is not None)
    assert session.missing() == session.scan_failed.message


def test_only_the_last_of_two_opened_folders_counts(made, qtbot, tmp_path: Path) -> None:
    session, _ = made
    first, second = pictures(tmp_path / "first"), pictures(tmp_path / "second", each=3)
    session.open_pictures(first)
    session.open_pictures(second)
    qtbot.waitUntil(lambda: session.scan is not None)
    assert session.scan.source == str(second)


@pytest.mark.parametrize(
    "answer",
    [
        WeightsMatched((), ("a",), (), (), "It does not fit.", "Choose another."),
        Failed("No.", "", 2),
    ],
)
def test_weights_that_a_training_would_refuse_are_missing_until_others_are_chosen(
    ready, qtbot, tmp_path: Path, answer
) -> None:
    session, hosts = ready
    hosts.engine.matches = answer
    (tmp_path / "net.h5").write_bytes(b"weights")
    chosen = Backbone(weights=str(tmp_path / "net.h5"))
    with qtbot.waitSignal(session.weights.changed):
        session.decide(backbone=chosen)
        assert session.missing() == ""
    assert session.missing() in ("It does not fit.", "No.")
    session.train()
    assert session.state == State.IDLE
    hosts.engine.matches = WeightsMatched(("a",), (), (), ())
    with qtbot.waitSignal(session.weights.changed):
        session.decide(backbone=chosen.model_copy(update={"name": "VGG16"}))
        assert session.missing() == ""
    assert session.missing() == ""
    session.decide(backbone=Backbone(weights=str(tmp_path / "gone.h5")))
    assert "is not there" in session.missing()
    session.decide(backbone=Backbone(weights="random"))
    assert session.missing() == ""


def test_a_training_ends_with_its_model_and_figures(ready, qtbot) -> None:
    session, hosts = ready
    events = train(session, qtbot)
    assert session.state == State.TRAINING
    assert session.missing() == "A training is running."
    hosts.training.go_on.set()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    assert isinstance(events[-1], Finished)
    request = hosts.training.requests[0]
    assert isinstance(request, TrainRequest)
    assert session.model == request.out
    assert session.model.parent == session.runs_folder
    assert session.model.name.endswith(" pets")
    assert session.evaluation.confusion == ((1, 0), (1, 0))


def test_pause_resume_and_stop_reach_the_training(ready, qtbot) -> None:
    session, hosts = ready
    states: list[str] = []
    session.state_changed.connect(states.append)
    train(session, qtbot)
    session.pause()
    session.resume()
    session.pause()
    session.stop()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    assert states == ["training", "paused", "training", "paused", "stopping", "idle"]
    assert hosts.training.calls[-4:] == ["pause", "resume", "pause", "stop"]


def test_a_failed_training_leaves_the_session_ready_for_another(ready, qtbot) -> None:
    session, hosts = ready
    hosts.training.failure = Failed("The disk is full.", "Free some space.")
    events: list[object] = []
    session.trained.connect(events.extend)
    session.train()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    assert events == [hosts.training.failure]
    assert session.model is None
    assert session.missing() == ""


def interrupted(session: Session, hosts: Hosts, qtbot) -> Path:
    """The folder of a training whose engine died after its first epoch."""
    hosts.training.dies = True
    hosts.training.go_on.set()
    session.train()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    hosts.training.dies = False
    return session.run


def test_an_interrupted_run_is_found_and_gone_on_with(ready, qtbot) -> None:
    session, hosts = ready
    session.decide(training=Training(epochs=3))
    folder = interrupted(session, hosts, qtbot)
    qtbot.waitUntil(lambda: len(session.unfinished.runs) == 1)
    found = session.unfinished.runs[0]
    assert (found.folder, found.epochs_done, found.epochs) == (folder, 1, 3)

    session.decide(training=Training(epochs=9))
    events: list[object] = []
    session.trained.connect(events.extend)
    session.resume_run(folder)
    assert session.decisions.training.epochs == 3
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    assert hosts.training.requests[-1] == ResumeRequest(folder)
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1, 2]
    assert session.model == folder
    qtbot.waitUntil(lambda: session.unfinished.runs == ())
    qtbot.waitUntil(lambda: session.scan is not None)


def test_a_run_that_decides_what_is_open_leaves_the_project_open(
    ready, qtbot, tmp_path: Path
) -> None:
    session, hosts = ready
    session.save_project(tmp_path / "pets.tlstudio")
    folder = interrupted(session, hosts, qtbot)
    scan = session.scan
    session.resume_run(folder)
    assert session.project_path == tmp_path / "pets.tlstudio"
    assert session.scan is scan


def test_runs_are_looked_for_when_the_window_opens(qtbot, tmp_path: Path) -> None:
    project = Project(pictures=Pictures(source=tmp_path / "pets"))
    for number in range(3):
        write_unfinished(tmp_path / "runs" / str(number), project, number)
    write_run(tmp_path / "runs" / "whole", project, 1)
    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / runs.RUN).write_text("{", encoding="utf-8")
    session, _ = make_session(tmp_path)
    with qtbot.waitSignal(session.unfinished.changed):
        session.start()
    assert {run.epochs_done for run in session.unfinished.runs} == {0, 1, 2}
    discarded = session.unfinished.runs[0]
    session.unfinished.discard(discarded)
    assert discarded not in session.unfinished.runs
    assert not discarded.folder.exists()
    session.close()


def test_the_last_model_predicts_while_the_next_one_trains(ready, qtbot, tmp_path: Path) -> None:
    session, hosts = ready
    hosts.training.go_on.set()
    session.train()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    hosts.training.go_on.clear()
    train(session, qtbot)
    answers: list[object] = []
    session.predicted.connect(lambda _, event: answers.append(event))
    assert session.predict([tmp_path / "a.png"])
    qtbot.waitUntil(lambda: len(answers) == 2)
    assert isinstance(answers[0], Prediction)
    assert session.state == State.TRAINING


def test_without_a_model_nothing_is_asked_and_it_is_said(made, qtbot, tmp_path: Path) -> None:
    session, _ = made
    with qtbot.waitSignal(session.told) as told:
        assert not session.predict([tmp_path / "a.png"])
    assert "no trained model" in told.args[0]


def test_another_backbone_forgets_layers_chosen_by_hand(ready, qtbot) -> None:
    session, _ = ready
    session.set_trainable(convs(0, 2), batchnorm=False)
    assert session.decisions.freeze.strategy == "custom"
    session.decide(backbone=Backbone(name="VGG16", weights="imagenet"))
    assert session.decisions.freeze == FreezePlan()
    qtbot.waitUntil(lambda: session.description is not None)
    assert session.trainable == frozenset()


def test_a_backbone_that_is_chosen_again_has_its_plan_again(ready, qtbot) -> None:
    session, _ = ready
    session.set_trainable(convs(0, 2), batchnorm=False)
    chosen = session.decisions.freeze
    session.decide(backbone=Backbone(name="VGG16", weights="imagenet"))
    qtbot.waitUntil(lambda: session.description is not None)
    session.decide(backbone=Backbone())
    assert session.decisions.freeze == chosen
    qtbot.waitUntil(lambda: session.description is not None)
    assert session.trainable == convs(0, 2)


def test_a_strategy_goes_with_the_person_to_other_backbones_and_back(ready, qtbot) -> None:
    session, _ = ready
    session.set_trainable(convs(0, 2), batchnorm=False)
    session.decide(freeze=FreezePlan(strategy="head"))
    session.decide(backbone=Backbone(name="VGG16", weights="imagenet"))
    qtbot.waitUntil(lambda: session.description is not None)
    session.decide(freeze=FreezePlan(strategy="all"))
    session.decide(backbone=Backbone())
    assert session.decisions.freeze.strategy == "all"


def test_a_plan_that_does_not_fit_its_backbone_is_dropped_with_a_word(ready, qtbot) -> None:
    session, _ = ready
    with qtbot.waitSignal(session.told) as told:
        session.decide(freeze=FreezePlan(strategy="top", unfreeze_from="gone"))
    assert "gone" in told.args[0]
    assert session.decisions.freeze == FreezePlan()


def test_a_project_comes_back_as_it_was_saved(ready, qtbot, tmp_path: Path) -> None:
    session, _ = ready
    session.set_trainable(convs(0, 2), batchnorm=False)
    session.decide(training=Training(epochs=7))
    assert session.unsaved
    path = tmp_path / "pets.tlstudio"
    session.save_project(path)
    assert not session.unsaved
    saved = session.decisions
    session.decide(training=Training(epochs=8))
    session.open_project(path)
    assert session.decisions == saved
    assert not session.unsaved
    qtbot.waitUntil(lambda: session.scan is not None)


def test_a_run_that_was_cut_off_opens_with_what_it_has(ready, qtbot) -> None:
    session, hosts = ready
    hosts.training.go_on.set()
    session.train()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    run = session.model
    (run / runs.METRICS).unlink()
    with qtbot.waitSignal(session.told) as told:
        session.open_run(run)
    assert "no results" in told.args[0]
    assert session.model == run
    assert session.evaluation is None
    (run / runs.MODEL).unlink()
    with qtbot.waitSignal(session.told) as told:
        session.open_run(run)
    assert "before a model was saved" in told.args[0]
    assert session.model is None
    qtbot.waitUntil(lambda: session.scan is not None)


def test_a_project_with_another_backbone_keeps_its_layers(ready, qtbot, tmp_path: Path) -> None:
    session, _ = ready
    path = tmp_path / "other.tlstudio"
    chosen = FreezePlan(strategy="custom", layers=("stage1_conv",))
    session.decide(backbone=Backbone(name="VGG16", weights="imagenet"), freeze=chosen)
    session.save_project(path)
    session.decide(backbone=Backbone())
    qtbot.waitUntil(lambda: session.description is not None)
    session.open_project(path)
    assert session.decisions.freeze == chosen
    qtbot.waitUntil(lambda: session.description is not None)
    assert session.decisions.freeze == chosen
    assert session.trainable == {"stage1_conv"}
    assert not session.unsaved


def test_what_is_opened_has_no_changes_even_where_it_decides_the_same(
    ready, qtbot, tmp_path: Path
) -> None:
    session, _ = ready
    session.decide(training=Training(epochs=7))
    session.save_project(tmp_path / "one.tlstudio")
    session.save_project(tmp_path / "same.tlstudio")
    session.decide(training=Training(epochs=8))
    session.decide(training=Training(epochs=7))
    assert session.unsaved
    with qtbot.waitSignal(session.project_changed):
        session.open_project(tmp_path / "one.tlstudio")
    assert not session.unsaved
    assert session.project_path == tmp_path / "one.tlstudio"


def test_a_damaged_project_changes_nothing(ready, tmp_path: Path) -> None:
    session, _ = ready
    before = session.decisions
    path = tmp_path / "bad.tlstudio"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(TlstudioError):
        session.open_project(path)
    assert session.decisions == before
    assert session.scan is not None


def test_an_opened_run_brings_its_settings_and_predicts(ready, qtbot, tmp_path: Path) -> None:
    session, hosts = ready
    session.decide(training=Training(epochs=3))
    hosts.training.go_on.set()
    session.train()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    run = session.model
    session.decide(training=Training(epochs=9))
    session.model = session.evaluation = None
    session.open_run(run)
    assert session.decisions.training.epochs == 3
    assert session.model == run
    assert session.evaluation is not None
    qtbot.waitUntil(lambda: session.scan is not None)
