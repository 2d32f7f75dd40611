"""The window of the advice over a scripted engine."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from window_fakes import ADVICE, PROBES, pictures

from tlstudio.events import Failed, Progress
from tlstudio.project.spec import Backbone, FreezePlan
from tlstudio.project.strategy_table import STRATEGIES
from tlstudio.ui.advice_grid import TITLES, AdviceGrid
from tlstudio.ui.advice_probes import AdviceProbes
from tlstudio.ui.advice_window import AdviceWindow
from tlstudio.ui.layer_model import Column as LayerColumn
from tlstudio.ui.main_window import MainWindow
from tlstudio.ui.settings import open_settings
from tlstudio.ui.strategy_panel import StrategyPanel


@pytest.fixture
def panel(made, qtbot) -> StrategyPanel:
    shown = StrategyPanel(made[0])
    qtbot.addWidget(shown)
    shown.show()
    return shown


@pytest.fixture
def ready(made, panel, qtbot, tmp_path: Path) -> StrategyPanel:
    """With pictures and layers."""
    session, _ = made
    session.open_pictures(pictures(tmp_path / "pets"))
    qtbot.waitUntil(lambda: not session.missing() and session.description is not None)
    return panel


def click(qtbot, button) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def window_of(panel: StrategyPanel) -> AdviceWindow:
    return panel.window().findChild(AdviceWindow)


def measured(panel: StrategyPanel, qtbot) -> AdviceWindow:
    click(qtbot, panel.advise)
    qtbot.waitUntil(lambda: panel.advisor.is_known)
    return window_of(panel)


def test_without_pictures_the_button_says_why_and_the_table_still_teaches(panel, qtbot) -> None:
    assert not panel.advise.isEnabled()
    assert panel.advise.accessibleDescription() == "Open a folder of pictures first."
    click(qtbot, panel.teach)
    window = window_of(panel)
    assert window.page.grid.marked == ()
    assert not window.measure.isEnabled()
    assert window.status.text() == "Open a folder of pictures first."
    assert not window.grab().isNull()


def test_the_place_by_size_is_known_before_anything_is_measured(ready, made, qtbot) -> None:
    click(qtbot, ready.teach)
    page = window_of(ready).page
    assert set(page.grid.marked) == {(False, True), (False, False)}
    assert page.size_words.text() == "6 training pictures in 2 classes"
    assert "not measured" in page.similarity_words.text()
    assert not [one for one in made[1].engine.requests if type(one).__name__ == "AdviseRequest"]


def test_the_button_opens_the_window_and_measures_while_it_says_how_far(ready, made, qtbot) -> None:
    made[1].engine.measures.clear()
    click(qtbot, ready.advise)
    qtbot.waitUntil(lambda: len(ready.advisor.probes) == 1)
    window = window_of(ready)
    assert not window.isModal()
    assert window.status.text() == "Judging the features, 1 of 4 blocks"
    assert (window.bar.value(), window.bar.maximum()) == (1, 4)
    assert window.measure.text() == "Stop"
    assert ready.advise.text() == "Measuring…"
    assert not window.page.probes.isHidden()
    made[1].engine.measures.set()
    qtbot.waitUntil(lambda: ready.advisor.is_known)
    assert ready.advise.text() == "Advised: top layers"
    assert window.bar.isHidden()
    assert window.measure.text() == "Measure again"


def test_pictures_that_are_read_are_counted(ready, made, qtbot) -> None:
    made[1].engine.answers.clear()
    click(qtbot, ready.advise)
    window = window_of(ready)
    assert window.status.text() == "Waiting for the engine"
    ready.advisor._heard(Progress("extract", 3, 6))
    assert window.status.text() == "Reading pictures, 3 of 6"
    assert (window.bar.value(), window.bar.maximum()) == (3, 6)
    made[1].engine.answers.set()


def test_the_advice_marks_the_place_and_gives_its_reasons(ready, qtbot) -> None:
    page = measured(ready, qtbot).page
    assert page.grid.marked == ((False, False),)
    assert page.headline.text() == "Train the top layers"
    assert page.reasons.texts == ADVICE.reasons
    assert page.size_words.text() == "6 training pictures in 2 classes, 3 in the smallest"
    assert page.similarity_words.text() == (
        "LogME 0.420, at best 85 % after block2, ImageNet confidence 0.16"
    )
    assert ("Epochs", "20", "30") in page.changes.words
    assert ("Strategy", "Head only", "Top layers") in page.changes.words


def test_random_weights_have_no_place_in_the_table_of_pretrained_ones(ready, made, qtbot) -> None:
    made[0].decide(backbone=Backbone(weights="random"))
    page = measured(ready, qtbot).page
    assert page.grid.marked == ()
    assert page.similarity_words.text().startswith("The table is about pretrained weights")
    assert page.size_words.text().startswith("6 training pictures")


def test_one_click_applies_all_of_it_and_another_undoes_it(ready, made, qtbot) -> None:
    session, _ = made
    page = measured(ready, qtbot).page
    click(qtbot, page.apply)
    assert session.decisions.freeze.strategy == "top"
    assert session.decisions.training.epochs == 30
    assert {row[2] for row in page.changes.words} == {"as it is"}
    assert page.apply.text() == "Undo"
    click(qtbot, page.apply)
    assert session.decisions.freeze == FreezePlan()
    assert page.apply.text() == "Apply"


def test_what_is_decided_already_leaves_nothing_to_apply(ready, made, qtbot) -> None:
    session, _ = made
    page = measured(ready, qtbot).page
    click(qtbot, page.apply)
    ready.advisor._forget_applied()
    page._refresh()
    assert not page.apply.isEnabled()
    session.decide(freeze=FreezePlan(strategy="all"))
    assert page.apply.isEnabled()
    assert page.apply.text() == "Apply"


def test_a_known_advice_is_shown_without_measuring_again(ready, made, qtbot) -> None:
    measured(ready, qtbot).close()
    requests = len(made[1].engine.requests)
    qtbot.waitUntil(lambda: window_of(ready) is None)
    click(qtbot, ready.advise)
    assert window_of(ready).page.headline.text() == "Train the top layers"
    assert len(made[1].engine.requests) == requests


def test_one_window_is_enough(ready, qtbot) -> None:
    window = measured(ready, qtbot)
    click(qtbot, ready.teach)
    assert ready.window().findChildren(AdviceWindow) == [window]


def test_a_window_that_is_gone_hears_of_nothing_more(ready, theme, qtbot) -> None:
    window = measured(ready, qtbot)
    click(qtbot, window.backbone_tab)
    with qtbot.waitSignal(window.destroyed):
        window.close()
    ready.advisor.changed.emit()
    ready.advisor.progressed.emit()
    theme.changed.emit()


def test_closing_the_window_ends_the_measuring(ready, made, qtbot) -> None:
    made[1].engine.measures.clear()
    click(qtbot, ready.advise)
    qtbot.waitUntil(lambda: bool(ready.advisor.probes))
    window_of(ready).close()
    assert not ready.advisor.running
    assert "stop" in made[1].engine.calls
    made[1].engine.measures.set()


def test_stopping_keeps_what_is_known_and_offers_to_go_on(ready, made, qtbot) -> None:
    made[1].engine.measures.clear()
    click(qtbot, ready.advise)
    qtbot.waitUntil(lambda: bool(ready.advisor.probes))
    window = window_of(ready)
    click(qtbot, window.measure)
    made[1].engine.measures.set()
    assert ready.advisor.probes == PROBES[:1]
    assert window.measure.text() == "Measure"
    assert "stopped" in window.page.message.text()


def test_another_backbone_makes_the_advice_outdated_and_offers_to_measure(
    ready, made, qtbot
) -> None:
    window = measured(ready, qtbot)
    made[0].decide(backbone=Backbone(name="ResNet50", weights="imagenet"))
    page = window.page
    assert "another backbone" in page.message.text()
    assert page.apply.isHidden()
    assert page.probes.isHidden()
    assert set(page.grid.marked) == {(False, True), (False, False)}
    assert ready.advise.text() == "Advise me…"
    assert window.measure.text() == "Measure"
    assert window.measure.isEnabled()


def test_a_failure_is_said_with_its_remedy(ready, made, qtbot) -> None:
    made[1].engine.failure = Failed("There are too few pictures.", "Add more.")
    click(qtbot, ready.advise)
    qtbot.waitUntil(lambda: ready.advisor.failed is not None)
    page = window_of(ready).page
    assert page.message.text() == "There are too few pictures. Add more."
    assert page.message.objectName() == "error"
    ready.advisor._heard(Progress("build", 0, 1, "VGG16"))
    ready.advisor._heard(made[1].engine.failure)
    assert window_of(ready).status.text() == ""


def test_while_a_training_runs_nothing_can_be_measured(ready, made, qtbot) -> None:
    made[0].train()
    assert not ready.advise.isEnabled()
    assert ready.advise.accessibleDescription() == "A training is running."


def test_accuracies_stand_in_the_layer_tree_beside_the_blocks_they_are_of(
    made, qtbot, tmp_path: Path
) -> None:
    session, _ = made
    window = MainWindow(session, open_settings(tmp_path / "settings.ini"))
    qtbot.addWidget(window, before_close_func=lambda one: one.close_without_asking())
    window.open_pictures(pictures(tmp_path / "pets"))
    qtbot.waitUntil(lambda: not session.missing() and session.description is not None)

    def shown() -> list[str]:
        model = window.backbone.model
        rows = (model.index(row, LayerColumn.PROBE) for row in range(model.rowCount()))
        return [str(index.data()) for index in rows if index.data()]

    assert shown() == []
    window.strategy.advise.click()
    qtbot.waitUntil(lambda: window.strategy.advisor.is_known)
    assert shown() == ["41 %", "62 %", "85 %", "80 %"]
    session.decide(backbone=Backbone(name="ResNet50", weights="random"))
    assert shown() == []


# The table and the bars


def test_the_table_has_a_strategy_for_every_place_and_says_it_to_screen_readers(qtbot) -> None:
    grid = AdviceGrid()
    qtbot.addWidget(grid)
    for (large, similar), strategy in STRATEGIES.items():
        grid.show_place(large, similar)
        assert grid.marked == ((large, similar),)
        assert TITLES[strategy].lower() in grid.accessibleDescription()
    assert "Your pictures: little data, like ImageNet" in grid.accessibleDescription()
    grid.show_place(None, None)
    assert "Your pictures" not in grid.accessibleDescription()


def test_bars_grow_with_the_blocks_and_the_line_where_training_begins(qtbot) -> None:
    bars = AdviceProbes()
    qtbot.addWidget(bars)
    heights = []
    for probes, block in ((PROBES[:1], ""), (PROBES, ""), (PROBES, "block3"), (PROBES, "gone")):
        bars.show_probes(probes, block)
        heights.append(bars.sizeHint().height())
    assert heights[0] < heights[1] < heights[2]
    assert heights[3] == heights[1]
    assert "block2 85 %" in bars.accessibleDescription()
    assert not bars.grab().isNull()
