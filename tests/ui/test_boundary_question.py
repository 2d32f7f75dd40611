from collections.abc import Iterator
from pathlib import Path

import pytest
from window_fakes import Hosts, convs
from window_fakes import session as make_session

from tlstudio.events import Failed
from tlstudio.host.jobs import BoundaryRequest
from tlstudio.project.spec import Augmentation, Backbone, FreezePlan, Training
from tlstudio.ui.backbone_panel import BackbonePanel
from tlstudio.ui.boundary_line import LOOKING
from tlstudio.ui.layer_model import BOUNDARY_ROLE, OUTDATED_ROLE, LayerModel
from tlstudio.ui.session import Session

ALL_FROZEN = [*(f"block{number}" for number in range(4)), "all done once — the head is trained"]


@pytest.fixture
def parts(qtbot, tmp_path: Path) -> Iterator[tuple[Session, Hosts, LayerModel]]:
    session, hosts = make_session(tmp_path)
    panel = BackbonePanel(session)
    qtbot.addWidget(panel)
    session.start()
    qtbot.waitUntil(lambda: rows(panel.model) == ALL_FROZEN)
    yield session, hosts, panel.model
    session.close()


def rows(model: LayerModel) -> list[str]:
    indexes = [model.index(row, 0) for row in range(model.rowCount())]
    return [index.data() or index.data(BOUNDARY_ROLE) for index in indexes]


def asked(hosts: Hosts) -> list[BoundaryRequest]:
    return [request for request in hosts.engine.requests if isinstance(request, BoundaryRequest)]


def test_the_line_follows_the_plan(parts, qtbot) -> None:
    session, hosts, model = parts
    session.set_trainable(convs(2, 3), batchnorm=False)
    qtbot.waitUntil(lambda: rows(model)[2] == "50 % of the work done once — trained below")
    session.decide(freeze=FreezePlan(strategy="all"))
    qtbot.waitUntil(lambda: rows(model) == ALL_FROZEN[:4])
    assert [request.freeze.strategy for request in asked(hosts)] == ["head", "top", "all"]


def test_the_line_knows_of_live_augmentation(parts, qtbot) -> None:
    session, hosts, model = parts
    session.set_trainable(convs(2, 3), batchnorm=False)
    qtbot.waitUntil(lambda: "done once" in rows(model)[2])
    session.decide(training=Training(augmentation=Augmentation(mode="live")))
    assert rows(model)[2] == "frozen above — trained below"
    assert len(asked(hosts)) == 2


def test_several_changes_in_a_row_are_one_question(parts, qtbot) -> None:
    session, hosts, model = parts
    for number in (3, 2, 1):
        session.set_trainable(convs(number), batchnorm=False)
    assert rows(model) == ALL_FROZEN
    qtbot.waitUntil(lambda: rows(model) != ALL_FROZEN)
    assert len(asked(hosts)) == 2
    assert asked(hosts)[-1].freeze.layers == ("block1_conv",)


def test_another_backbone_is_asked_about_once_its_layers_are_known(parts, qtbot) -> None:
    session, hosts, model = parts
    session.decide(backbone=Backbone(name="VGG16", weights="random"))
    qtbot.waitUntil(lambda: rows(model)[0] == "stage0")
    assert len(rows(model)) == 4
    qtbot.waitUntil(lambda: len(rows(model)) == 5)
    assert asked(hosts)[-1].backbone.name == "VGG16"


def test_a_late_answer_dims_the_line_and_one_to_an_older_question_is_dropped(parts, qtbot) -> None:
    session, hosts, model = parts
    hosts.engine.answers.clear()
    session.set_trainable(convs(3), batchnorm=False)
    assert not model.boundary_index().data(OUTDATED_ROLE)
    qtbot.waitUntil(lambda: model.boundary_index().data(OUTDATED_ROLE))
    assert rows(model) == [*ALL_FROZEN[:-1], LOOKING]
    session.set_trainable(convs(1), batchnorm=False)
    placed: list[list[str]] = []
    model.rowsInserted.connect(lambda: placed.append(rows(model)))
    hosts.engine.answers.set()
    qtbot.waitUntil(lambda: not model.boundary_index().data(OUTDATED_ROLE))
    line = "50 % of the work done once — the rest each epoch"
    assert [shown.index(line) for shown in placed] == [1]


def test_what_goes_wrong_is_told(parts, qtbot) -> None:
    session, hosts, _ = parts
    hosts.engine.failure = Failed("The engine ended.", "Try again.")
    with qtbot.waitSignal(session.told) as told:
        session.set_trainable(convs(3), batchnorm=False)
    assert told.args == ["The engine ended.", "Try again."]
