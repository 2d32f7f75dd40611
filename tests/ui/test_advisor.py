"""Who asks for advice: what is kept of the answer, when it is outdated, and how it is applied."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from window_fakes import ADVICE, PROBES, SCORES, Hosts, pictures
from window_fakes import session as make_session

from tlstudio.events import Failed, Warned
from tlstudio.host.jobs import AdviseRequest
from tlstudio.project.spec import Backbone, FreezePlan, Head, Training
from tlstudio.ui.advisor import Advisor
from tlstudio.ui.session import Session
from tlstudio.ui.trainer import State


@pytest.fixture
def made(qtbot, tmp_path: Path) -> Iterator[tuple[Session, Hosts]]:
    """With pictures and layers."""
    session, hosts = make_session(tmp_path)
    session.start()
    session.open_pictures(pictures(tmp_path / "pets"))
    qtbot.waitUntil(lambda: not session.missing() and session.description is not None)
    yield session, hosts
    session.stop()
    qtbot.waitUntil(lambda: session.state == State.IDLE)
    session.close()


@pytest.fixture
def advisor(made) -> Advisor:
    return Advisor(made[0])


def advised(advisor: Advisor, qtbot, rank: bool = False) -> Advisor:
    advisor.ask(rank)
    qtbot.waitUntil(lambda: not advisor.running)
    return advisor


def heard(advisor: Advisor) -> list[dict]:
    """What the layer tree is told."""
    told: list[dict] = []
    advisor.probes_changed.connect(told.append)
    return told


def test_the_project_is_asked_about_and_the_answer_kept(advisor, made, qtbot) -> None:
    session, hosts = made
    advised(advisor, qtbot)
    asked = [one for one in hosts.engine.requests if isinstance(one, AdviseRequest)]
    assert asked == [AdviseRequest(session.decisions.project(), rank=False)]
    assert (advisor.advice, advisor.probes) == (ADVICE, PROBES)
    assert advisor.is_known
    assert not advisor.is_outdated


def test_probes_reach_the_tree_one_after_another(advisor, made, qtbot) -> None:
    told = heard(advisor)
    advised(advisor, qtbot)
    assert [len(probes) for probes in told[:4]] == [0, 1, 2, 3]
    assert told[-1] == {probe.block: (probe.accuracy, probe.deviation) for probe in PROBES}


def test_without_pictures_nothing_is_asked_and_the_reason_said(qapp, tmp_path: Path) -> None:
    advisor = Advisor(make_session(tmp_path)[0])
    advisor.ask()
    assert not advisor.running
    assert advisor.missing == "Open a folder of pictures first."


def test_another_backbone_outdates_the_advice_and_the_first_one_brings_it_back(
    advisor, made, qtbot
) -> None:
    session, _ = made
    advised(advisor, qtbot)
    told = heard(advisor)
    session.decide(backbone=Backbone(name="ResNet50", weights="random"))
    assert advisor.is_outdated
    assert advisor.changes == ()
    assert told[-1] == {}
    session.decide(backbone=Backbone())
    qtbot.waitUntil(lambda: session.description is not None)
    assert advisor.is_known
    assert len(told[-1]) == len(PROBES)


def test_other_pictures_outdate_it_but_epochs_do_not(advisor, made, qtbot, tmp_path: Path) -> None:
    session, _ = made
    advised(advisor, qtbot)
    session.decide(training=Training(epochs=3))
    assert advisor.is_known
    session.decide(training=Training(seed=2))
    assert advisor.is_outdated  # which pictures are trained on depends on it
    session.decide(training=Training())
    assert advisor.is_known
    session.open_pictures(pictures(tmp_path / "more", each=5))
    qtbot.waitUntil(lambda: session.scan is not None)
    assert advisor.is_outdated


def test_a_question_about_another_backbone_is_withdrawn(advisor, made, qtbot) -> None:
    session, hosts = made
    hosts.engine.measures.clear()
    advisor.ask()
    qtbot.waitUntil(lambda: bool(advisor.probes))
    session.decide(backbone=Backbone(name="ResNet50", weights="random"))
    assert not advisor.running
    assert "stop" in hosts.engine.calls
    assert "backbone" in advisor.interrupted
    hosts.engine.measures.set()
    qtbot.waitUntil(lambda: session.description is not None)
    assert advisor.advice is None


def test_a_training_has_the_machine_for_itself(advisor, made, qtbot) -> None:
    session, hosts = made
    hosts.engine.measures.clear()
    advisor.ask()
    qtbot.waitUntil(lambda: bool(advisor.probes))
    session.train()
    assert not advisor.running
    assert "training" in advisor.interrupted
    assert advisor.missing == "A training is running."
    hosts.engine.measures.set()


def test_a_failure_is_kept_with_its_remedy_and_the_next_question_forgets_it(
    advisor, made, qtbot
) -> None:
    failed = Failed("There is one class.", "Add another.")
    made[1].engine.failure = failed
    assert advised(advisor, qtbot).failed == failed
    made[1].engine.failure = None
    assert advised(advisor, qtbot).failed is None
    assert advisor.is_known


def test_a_ranking_scores_all_and_survives_another_backbone(advisor, made, qtbot) -> None:
    session, _ = made
    advised(advisor, qtbot, rank=True)
    assert advisor.scores == SCORES
    session.decide(backbone=Backbone(name="ResNet50", weights="random"))
    assert advisor.is_outdated
    assert not advisor.ranking_is_outdated
    session.decide(training=Training(seed=2))
    assert advisor.ranking_is_outdated


def test_advice_is_still_there_while_others_are_scored(advisor, made, qtbot) -> None:
    advised(advisor, qtbot)
    made[1].engine.measures.clear()
    advisor.ask(rank=True)
    assert advisor.is_known
    made[1].engine.measures.set()
    qtbot.waitUntil(lambda: not advisor.running)


def test_warnings_are_kept(advisor, made, qtbot) -> None:
    advisor._heard(Warned("ResNet50 is left out of the ranking.", "It is too large."))
    assert advisor.warned == (Warned("ResNet50 is left out of the ranking.", "It is too large."),)
    assert advised(advisor, qtbot).warned == ()


# Applying


def test_all_is_decided_at_once_and_can_be_undone(advisor, made, qtbot) -> None:
    session, _ = made
    before = session.decisions
    advised(advisor, qtbot).apply()
    decided = session.decisions
    assert decided.freeze == FreezePlan(strategy="top", unfreeze_from="block3_conv")
    assert decided.head == Head(pooling="gmp")
    assert decided.training.epochs == 30
    assert decided.training.learning_rate is None  # what is chosen for this plan anyhow
    assert decided.training.augmentation.mode == "views"
    assert all(change.is_done for change in advisor.changes)
    assert advisor.can_undo
    advisor.undo()
    assert session.decisions == before
    assert not advisor.can_undo


def test_what_was_edited_since_is_not_undone(advisor, made, qtbot) -> None:
    session, _ = made
    advised(advisor, qtbot).apply()
    session.decide(head=Head(dropout=0.5))
    assert not advisor.can_undo
    decided = session.decisions
    advisor.undo()
    assert session.decisions == decided


def test_what_advice_says_nothing_of_stays(advisor, made, qtbot) -> None:
    session, _ = made
    session.decide(
        freeze=FreezePlan(batchnorm=True),
        head=Head(dropout=0.4),
        training=Training(batch_size=8, optimizer="adamw"),
    )
    advised(advisor, qtbot).apply()
    decided = session.decisions
    assert decided.freeze.batchnorm
    assert decided.head.dropout == 0.4
    assert (decided.training.batch_size, decided.training.optimizer) == (8, "adamw")


def test_batchnorm_is_thawed_where_it_is_advised_and_the_change_says_so(
    advisor, made, qtbot
) -> None:
    advised(advisor, qtbot)
    advisor.advice = replace(ADVICE, strategy="all", unfreeze_from="", batchnorm=True)
    trained = next(change for change in advisor.changes if change.what == "Trained")
    assert trained.advised == "4 of 4 blocks with BatchNorm"
    advisor.apply()
    assert made[0].decisions.freeze == FreezePlan(strategy="all", batchnorm=True)


def test_changes_say_what_is_and_what_is_advised(advisor, made, qtbot) -> None:
    made[0].decide(training=Training(epochs=30))
    rows = {change.what: (change.now, change.advised) for change in advised(advisor, qtbot).changes}
    assert rows == {
        "Strategy": ("Head only", "Top layers"),
        "Trained": ("0 of 4 blocks", "1 of 4 blocks, from block3"),
        "Learning rate": ("0.002", "0.0001"),
        "Epochs": ("30", "30"),
        "Pooling": ("GAP", "GMP"),
        "Augmentation": ("Off", "8 versions each"),
    }


@pytest.mark.parametrize(
    ("rate", "optimizer", "expected"),
    [(1e-4, "sgd", None), (3e-4, "adam", 3e-4), (3e-4, "sgd", 3e-3)],
)
def test_an_advised_rate_is_fitted_to_another_optimizer(
    advisor, made, qtbot, rate, optimizer, expected
) -> None:
    advised(advisor, qtbot)
    advisor.advice = replace(ADVICE, learning_rate=rate)
    made[0].decide(training=Training(optimizer=optimizer))
    advisor.apply()
    decided = made[0].decisions.training.learning_rate
    assert decided == (expected and pytest.approx(expected))
