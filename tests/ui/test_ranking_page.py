"""The ranking: table, plot, and the network that is taken from it."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from window_fakes import SCORES
from window_fakes import session as make_session

from tlstudio.advice_events import BackboneScore
from tlstudio.backbone_events import milliseconds
from tlstudio.events import Failed
from tlstudio.model import catalog
from tlstudio.project.spec import Backbone
from tlstudio.ui.advisor import Advisor
from tlstudio.ui.ranking_front import COSTS, front
from tlstudio.ui.ranking_page import RankingPage
from tlstudio.ui.ranking_plot import RankingPlot
from tlstudio.ui.ranking_table import Column, RankingTable
from tlstudio.ui.session import Session


@pytest.fixture
def session(qapp, tmp_path: Path) -> Session:
    return make_session(tmp_path)[0]


@pytest.fixture
def page(qtbot, session: Session) -> RankingPage:
    made = RankingPage(session, Advisor(session, session))
    qtbot.addWidget(made)
    made.resize(960, 600)
    made.show()
    return made


def score(page: RankingPage, *scores: BackboneScore) -> None:
    page._advisor.scores = scores
    page._advisor.changed.emit()


def names(table: RankingTable) -> list[str]:
    rows = range(table.model().rowCount())
    return [table.model().index(row, Column.NETWORK).data() for row in rows]


def point(name: str, score: float, seconds: float, size: float = 1.0) -> BackboneScore:
    return BackboneScore(name, score, seconds, 1000, size)


def test_the_front_has_those_that_no_other_is_better_and_cheaper_than() -> None:
    scores = [
        point("slow and good", 0.9, 0.9),
        point("quick and poor", 0.1, 0.1),
        point("beaten", 0.4, 0.6),
        point("between", 0.5, 0.5),
        point("as good but slower", 0.5, 0.7),
        point("as quick but poorer", 0.0, 0.1),
    ]
    found = [one.name for one in front(scores, COSTS["time"])]
    assert found == ["quick and poor", "between", "slow and good"]
    assert front([], COSTS["size"]) == ()


def test_size_and_time_have_fronts_of_their_own(page) -> None:
    score(page, point("VGG16", 0.9, 0.1, 500.0), point("ResNet50", 0.5, 0.2, 98.0))
    assert page.plot.joined == ("VGG16",)
    page.costs["size"].click()
    assert page.plot.joined == ("ResNet50", "VGG16")


def test_the_table_has_the_best_score_first_and_sorts_by_any_column(page) -> None:
    score(page, *reversed(SCORES))
    assert names(page.table) == ["EfficientNet-Lite0", "ResNet50", "MobileNetV2"]
    page.table.sortByColumn(Column.TIME, Qt.SortOrder.AscendingOrder)
    assert names(page.table) == ["MobileNetV2", "EfficientNet-Lite0", "ResNet50"]
    page.table.sortByColumn(Column.NETWORK, Qt.SortOrder.DescendingOrder)
    assert names(page.table) == ["ResNet50", "MobileNetV2", "EfficientNet-Lite0"]
    row = [page.table.model().index(0, column).data() for column in Column]
    assert row == ["ResNet50", "0.380", "20.0 ms", "98 MB", "23.6 M"]


def test_the_longest_name_of_the_catalogue_is_seen_whole_beside_a_scroll_bar(
    qtbot, session, monkeypatch
) -> None:
    # The plot may be drawn once more after this test, and then with the names as they are.
    known = [facts.name for facts in catalog.CATALOG[:20]]
    longest = replace(catalog.facts("VGG16"), label="A network that has a long name V2")
    monkeypatch.setattr(catalog, "CATALOG", (longest,))
    monkeypatch.setattr(catalog, "facts", lambda _name: longest)
    page = RankingPage(session, Advisor(session, session))
    qtbot.addWidget(page)
    page.resize(960, 320)
    page.show()
    score(page, *(point(name, 0.1, 0.1) for name in known))
    table = page.table
    assert table.verticalScrollBar().isVisible()
    assert not table.horizontalScrollBar().isVisible()
    assert table.columnWidth(Column.NETWORK) >= table.sizeHintForColumn(Column.NETWORK)


def test_a_score_that_comes_leaves_the_selection(page) -> None:
    score(page, SCORES[1])
    page.table.select("MobileNetV2")
    score(page, *SCORES)
    assert page.table.selected == "MobileNetV2"


def test_the_model_keeps_the_rules_of_qt(page, qtmodeltester) -> None:
    score(page, *SCORES)
    qtmodeltester.check(page.table.model().sourceModel())


def test_a_click_on_a_dot_selects_its_row(page, qtbot) -> None:
    score(page, *SCORES)
    spot = next(one for one in page.plot._dots.points() if one.data() == "ResNet50")
    at = page.plot.mapFromScene(page.plot.getPlotItem().vb.mapViewToScene(spot.pos()))
    qtbot.mouseClick(page.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert page.table.selected == "ResNet50"


def test_the_network_that_is_selected_is_decided_with_the_weights_that_were_scored(
    page, session
) -> None:
    session.decide(backbone=Backbone(weights="random"))
    score(page, *SCORES)
    assert not page.use.isEnabled()
    page.table.select("ResNet50")
    page.use.click()
    assert session.decisions.backbone == Backbone(name="ResNet50", weights="imagenet")
    assert not page.use.isEnabled()
    assert "decided" in page.use.accessibleDescription()


def test_a_double_click_takes_a_network(page, session) -> None:
    score(page, *SCORES)
    page.table.doubleClicked.emit(page.table.model().index(1, 0))
    assert session.decisions.backbone.name == "ResNet50"


def test_it_says_how_many_can_be_scored_and_where_others_come_from(page) -> None:
    here = sum(catalog.is_cached(facts) for facts in catalog.CATALOG)
    assert page.here.text().startswith(f"{here} network")
    assert f"{len(catalog.CATALOG) - here} others can be downloaded" in page.here.text()


def test_a_failed_ranking_says_why(page) -> None:
    page._advisor.ranks = True
    page._advisor.failed = Failed("Out of memory.", "Close something.")
    page._advisor.changed.emit()
    assert page.message.text() == "Out of memory. Close something."


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.00421, "4.21 ms"), (0.0123, "12.3 ms"), (0.25, "250 ms"), (1.25, "1,250 ms")],
)
def test_times_have_three_figures(seconds, words) -> None:
    assert milliseconds(seconds) == words


def test_the_plot_leaves_out_what_has_no_cost(qtbot) -> None:
    plot = RankingPlot()
    qtbot.addWidget(plot)
    scores = [point("VGG16", 0.5, 0.0), point("MobileNetV2", 0.4, 0.1)]
    plot.show_scores(scores, "time", "VGG16")
    assert plot.joined == ("MobileNetV2",)
    plot.show_scores(scores[:1], "time", "VGG16")
    assert plot.joined == ()
