"""The window of all networks: its table, plot, comparison, times, and taking one."""

from math import log10
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QDesktopServices, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel
from window_fakes import Hosts, described
from window_fakes import session as make_session

from tlstudio.backbone_events import Measured
from tlstudio.events import Failed
from tlstudio.host.jobs import MeasureRequest
from tlstudio.model import catalog
from tlstudio.model.families import family_of
from tlstudio.project.spec import Backbone
from tlstudio.ui.backbone_panel import BackbonePanel
from tlstudio.ui.catalog_comparison import MAY_BREAK
from tlstudio.ui.catalog_model import NAME_ROLE, Column
from tlstudio.ui.catalog_plot import CatalogPlot
from tlstudio.ui.catalog_scatter import TIME_TICKS
from tlstudio.ui.catalog_window import CatalogWindow
from tlstudio.ui.session import Session
from tlstudio.ui.trainer import State
from tlstudio.ui.weights_by_hand import WeightsByHand


@pytest.fixture
def made(qapp, tmp_path: Path) -> tuple[Session, Hosts]:
    return make_session(tmp_path)


@pytest.fixture
def session(made: tuple[Session, Hosts]) -> Session:
    return described(made[0])


@pytest.fixture
def backbone(qtbot, session: Session) -> BackbonePanel:
    panel = BackbonePanel(session)
    qtbot.addWidget(panel)
    return panel


@pytest.fixture
def window(backbone: BackbonePanel, monkeypatch, tmp_path: Path) -> CatalogWindow:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    backbone.compare.click()
    return backbone.findChild(CatalogWindow)


def column(window: CatalogWindow, of: Column) -> list[str]:
    rows = range(window.filtered.rowCount())
    return [window.filtered.index(row, of).data() for row in rows]


def click(qtbot, button) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_all_networks_are_listed_with_their_facts_and_the_decided_one_is_selected(window) -> None:
    assert window.filtered.names == [facts.name for facts in catalog.CATALOG]
    assert window.table.selected == ["EfficientNetLite0"]
    row = window.filtered.names.index("InceptionV3")
    cells = {of: window.filtered.index(row, of).data() for of in Column}
    assert cells == {
        Column.NETWORK: "Inception V3",
        Column.FAMILY: "Inception",
        Column.YEAR: "2015",
        Column.PARAMS: "21.8 M",
        Column.SIZE: "87.2 MB",
        Column.TOP1: "77.9 %",
        Column.INPUT: "299×299",
        Column.TIME: "–",
        Column.WEIGHTS: "download",
    }


def test_the_first_click_on_a_head_puts_the_best_or_smallest_first(window, qtbot) -> None:
    header = window.table.horizontalHeader()

    def click(column: Column) -> list[str]:
        at = QPoint(header.sectionViewportPosition(column) + 5, header.height() // 2)
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)
        model = window.table.model()
        return [model.index(row, 0).data() for row in range(model.rowCount())]

    assert click(Column.TOP1)[0] == "ConvNeXt XLarge"
    assert click(Column.PARAMS)[0] == "MobileNetV3 Small"


def test_columns_sort_by_what_they_mean_not_by_their_words(window) -> None:
    window.table.sortByColumn(Column.PARAMS, Qt.SortOrder.AscendingOrder)
    params = [catalog.facts(name).params for name in window.filtered.names]
    assert params == sorted(params)
    window.table.sortByColumn(Column.TOP1, Qt.SortOrder.DescendingOrder)
    assert window.filtered.names[0] == "ConvNeXtXLarge"


def test_limits_together_say_what_is_listed(window, qtbot) -> None:
    qtbot.keyClicks(window.limits.text, "b0 efficient")
    assert window.filtered.names == ["EfficientNetB0", "EfficientNetV2B0"]
    window.limits.family.choose("EfficientNetV2")
    assert window.filtered.names == ["EfficientNetV2B0"]
    window.limits.most.setValue(5)
    assert window.filtered.names == []
    assert "No network" in window.nothing.text()
    assert not window.use_button.isEnabled()
    window.limits.text.clear()
    window.limits.family.choose("")
    assert window.filtered.rowCount() > 3
    assert all(catalog.facts(name).params <= 5_000_000 for name in window.filtered.names)
    assert window.count.text() == f"{window.filtered.rowCount()} of {len(catalog.CATALOG)}"


def test_a_filter_that_nothing_passes_says_so_in_place_of_the_table_and_is_cleared(
    window, qtbot
) -> None:
    window.show()
    window.table.select("VGG16")
    window.table.select("VGG19", more=True)
    qtbot.keyClicks(window.limits.text, "vgg20")
    assert not window.table.isVisible()
    shown = [label.text() for label in window.findChildren(QLabel) if label.isVisible()]
    assert "No network passes these limits" in shown
    assert window.page is window.nothing
    click(qtbot, window.list_all)
    assert window.table.isVisible()
    assert window.filtered.rowCount() == len(catalog.CATALOG)
    assert not window.list_all.isVisible()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ConvNeXt-Tiny", "ConvNeXtTiny"),
        ("inception-resnet", "InceptionResNetV2"),
        ("nasnetmobile", "NASNetMobile"),
        ("lite", "EfficientNetLite0"),
    ],
)
def test_names_are_found_as_people_write_them(window, text: str, found: str) -> None:
    window.limits.text.setText(text)
    assert window.filtered.names == [found]


def measured(backbone: BackbonePanel, session: Session, **seconds: float) -> None:
    """As if these had been measured."""
    asked = []
    session.ask = lambda request, handler: asked.append(handler) or len(asked)
    backbone.times.measure(seconds)
    for (name, time), number in zip(seconds.items(), range(len(seconds)), strict=True):
        asked[number](Measured(name, time, "cpu"))


@pytest.mark.parametrize("of", [Column.YEAR, Column.PARAMS, Column.SIZE, Column.TOP1, Column.INPUT])
def test_columns_of_figures_sort_both_ways_as_figures(window, of: Column) -> None:
    def figures() -> list[float]:
        known = [catalog.facts(name) for name in window.filtered.names]
        size = [facts.params for facts in known]
        return {
            Column.YEAR: [family_of(facts).year for facts in known],
            Column.PARAMS: size,
            Column.SIZE: size,
            Column.TOP1: [facts.top1 or 0 for facts in known],
            Column.INPUT: [facts.input_shape[0] for facts in known],
        }[of]

    window.table.sortByColumn(of, Qt.SortOrder.AscendingOrder)
    assert figures() == sorted(figures())
    window.table.sortByColumn(of, Qt.SortOrder.DescendingOrder)
    assert figures() == sorted(figures(), reverse=True)


def test_what_is_not_measured_comes_last_whichever_way_times_are_sorted(
    window, backbone, session
) -> None:
    measured(backbone, session, VGG16=0.02, VGG19=0.003)
    window.table.sortByColumn(Column.TIME, Qt.SortOrder.AscendingOrder)
    assert window.filtered.names[:2] == ["VGG19", "VGG16"]
    assert column(window, Column.TIME)[:3] == ["3.00 ms", "20.0 ms", "–"]
    window.table.sortByColumn(Column.TIME, Qt.SortOrder.DescendingOrder)
    assert window.filtered.names[:2] == ["VGG16", "VGG19"]
    assert set(column(window, Column.TIME)[2:]) == {"–"}


def test_weights_that_come_to_this_machine_count_as_at_hand(window, qtbot, tmp_path: Path) -> None:
    window.limits.at_hand.setChecked(True)
    assert window.filtered.names == ["EfficientNetLite0"]
    facts = catalog.facts("VGG16")
    path = catalog.weights_file(facts, Backbone(name="VGG16"))
    window.limits.at_hand.setChecked(False)
    window.table.select("VGG16")
    window.detail.by_hand.click()
    dialog = window.findChild(WeightsByHand)
    assert Path(dialog.folder.text()) / dialog.name.text() == path
    path.parent.mkdir()
    path.write_bytes(b"weights")
    dialog.reject()
    window.limits.at_hand.setChecked(True)
    assert window.filtered.names == ["EfficientNetLite0", "VGG16"]
    assert column(window, Column.WEIGHTS) == ["bundled", "here"]


def test_one_network_is_explained_with_its_paper_input_and_classifier(window) -> None:
    window.table.select("VGG16")
    detail = window.detail
    assert window.page is detail
    assert "71.3 %" in detail.values["Top-1"].text()
    assert detail.values["Family"].text() == "VGG, 2014"
    assert "14.7 M without its classifier, 138 M with it" in detail.values["Parameters"].text()
    assert "224×224" in detail.values["Input"].text()
    assert "32×32" in detail.values["Input"].text()
    assert detail.values["Address"].text().startswith("https://")
    assert "1409.1556" in detail.idea.paper.text()
    assert "connected" in detail.idea.idea.text()
    assert not window.grab().isNull()


def test_the_bundled_network_needs_nothing_by_hand(window) -> None:
    assert window.detail.by_hand.isHidden()
    assert window.detail.values["Weights"].text() == "on this machine"


def test_networks_side_by_side_show_what_is_alike_and_what_is_best(window) -> None:
    window.table.select("VGG16")
    window.table.select("VGG19", more=True)
    assert window.page is window.comparison
    cells = window.comparison.cells
    assert [cell.text() for cell in cells["Parameters"]] == ["14.7 M", "20.0 M", ""]
    assert [cell.objectName() for cell in cells["Parameters"]] == ["trained", "", ""]
    assert {cell.objectName() for cell in cells["Top-1"][:2]} == {"muted"}
    window.table.select("VGG19", more=True)
    assert window.page is window.detail


def compared(window: CatalogWindow) -> list[str]:
    return [head.text().replace(MAY_BREAK, "") for head in window.comparison.heads if head.text()]


def test_of_more_than_three_those_selected_last_are_compared_and_the_window_says_so(
    window,
) -> None:
    window.table.select("Xception")
    for name in ("VGG19", "ResNet50", "MobileNet"):
        window.table.select(name, more=True)
    assert compared(window) == ["VGG19", "ResNet50", "MobileNet"]
    assert window.hint.text() == "Of the 4 selected, the last 3 are compared."
    window.table.sortByColumn(Column.PARAMS, Qt.SortOrder.DescendingOrder)
    assert compared(window) == ["VGG19", "ResNet50", "MobileNet"]
    window.table.select("ResNet50", more=True)
    assert compared(window) == ["Xception", "VGG19", "MobileNet"]
    window.table.selectAll()
    assert window.hint.text() == "Of the 41 selected, the last 3 are compared."
    assert len(compared(window)) == 3


def test_a_comparison_tells_the_idea_and_the_paper_of_each_family_once(window) -> None:
    window.table.select("VGG16")
    window.table.select("VGG19", more=True)
    window.table.select("ResNet50V2", more=True)
    told = [
        (names.text(), idea.idea.text(), idea.paper.text())
        for names, idea in window.comparison.ideas
        if not idea.isHidden()
    ]
    assert [names for names, _, _ in told] == ["VGG16, VGG19", "ResNet50 V2"]
    for (_, words, paper), name in zip(told, ("VGG16", "ResNet50V2"), strict=True):
        family = family_of(catalog.facts(name))
        assert words == family.idea
        assert f'<a href="{family.address}"' in paper


def test_any_three_networks_can_be_compared_in_a_small_window(window) -> None:
    window.resize(1000, 700)
    window.show()
    for wide in ("MobileNetV3Small", "EfficientNetLite0", "InceptionResNetV2"):
        window.table.select(wide, more=wide != "MobileNetV3Small")
    QApplication.processEvents()
    right = max(cell.mapTo(window, cell.rect().topRight()).x() for cell in window.comparison.heads)
    assert right <= window.facts.mapTo(window, window.facts.rect().topRight()).x()
    assert window.facts_scroll.minimumSizeHint().width() <= window.facts_scroll.width()


def test_no_entry_of_the_table_is_cut_in_a_small_window(window) -> None:
    window.resize(1000, 700)
    window.show()
    QApplication.processEvents()
    assert window.width() == 1000
    metrics = window.table.fontMetrics()
    for of in Column:
        widest = max(metrics.horizontalAdvance(text) for text in column(window, of))
        assert widest < window.table.columnWidth(of)


def test_a_click_on_a_dot_selects_its_row_and_ctrl_one_more(window, qtbot) -> None:
    plot = window.scatter.plot
    window.show()

    def press(name: str, key=Qt.KeyboardModifier.NoModifier) -> None:
        where = plot.place_of(plot._dots[name]).toPoint()
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, key, where)

    press("ConvNeXtXLarge")
    assert window.table.selected == ["ConvNeXtXLarge"]
    press("MobileNetV3Small", Qt.KeyboardModifier.ControlModifier)
    assert window.table.selected == ["MobileNetV3Small", "ConvNeXtXLarge"]
    assert plot.shown["MobileNetV3Small"] == "selected"


def test_what_is_not_listed_is_faint_and_cannot_be_clicked(window) -> None:
    plot = window.scatter.plot
    window.show()
    window.limits.most.setValue(10)
    assert plot.shown["ConvNeXtXLarge"] == "faint"
    assert plot.shown["MobileNetV2"] == "listed"
    assert plot.near(plot.place_of(plot._dots["ConvNeXtXLarge"])) == ""
    assert plot.near(QPointF(plot.place_of(plot._dots["MobileNetV2"]))) == "MobileNetV2"


def point(plot: CatalogPlot, where: QPointF) -> None:
    none = Qt.MouseButton.NoButton
    kind, key = QEvent.Type.MouseMove, Qt.KeyboardModifier.NoModifier
    move = QMouseEvent(kind, where, plot.viewport().mapToGlobal(where), none, none, key)
    QApplication.sendEvent(plot.viewport(), move)


def test_a_dot_tells_its_name_under_the_mouse(window) -> None:
    plot = window.scatter.plot
    window.show()
    point(plot, plot.place_of(plot._dots["ConvNeXtXLarge"]))
    assert window.scatter.words.text() == "ConvNeXt XLarge: 86.7 % top-1, 348 M parameters"


def test_times_come_one_by_one_and_stay_when_the_rest_is_stopped(window, backbone, session) -> None:
    asked = []
    session.ask = lambda request, handler: asked.append((request, handler)) or len(asked)
    window.table.select("VGG16")
    window.table.select("VGG19", more=True)
    window.measuring.selected.click()
    request, heard = asked[0]
    assert isinstance(request, MeasureRequest)
    assert [spec.name for spec in request.backbones] == ["VGG16"]
    assert request.backbones[0].weights == "random"
    assert window.measuring.words.text() == "Measuring VGG16, 1 of 2"
    heard(Measured("VGG16", 0.0234, "gpu:0"))
    assert window.measuring.words.text() == "Measuring VGG19, 2 of 2"
    assert len(asked) == 2
    window.measuring.stop.click()
    assert window.measuring.stop.isHidden()
    cells = window.comparison.cells["Time here"]
    assert [cell.text() for cell in cells] == ["23.4 ms", "–", ""]
    assert cells[0].objectName() == ""  # the only one is not the best
    window.table.sortByColumn(Column.TIME, Qt.SortOrder.AscendingOrder)
    assert window.filtered.names[0] == "VGG16"
    window.table.select("VGG16")
    assert window.detail.values["Time here"].text() == "23.4 ms a picture, on GPU 0"
    window.scatter.by_time.click()
    assert list(window.scatter.plot.shown) == ["VGG16"]
    window.close()
    backbone.show_catalog()
    again = backbone.findChildren(CatalogWindow)[-1]
    assert again.model.index(1, Column.TIME).data() == "23.4 ms"


def test_a_network_that_cannot_be_measured_is_named_and_the_next_is_measured(
    window, backbone, session
) -> None:
    asked = []
    session.ask = lambda request, handler: asked.append((request, handler)) or len(asked)
    backbone.times.measure(["VGG16", "VGG19"])
    asked[0][1](Failed("There is not enough memory.", "Choose a smaller one."))
    asked[1][1](Measured("VGG19", 1.5, "cpu"))
    assert window.measuring.words.text() == (
        "VGG16: There is not enough memory. Choose a smaller one."
    )
    row = window.model.row_of("VGG19")
    assert window.model.index(row, Column.TIME).data() == "1.5 s"


def test_closing_the_window_ends_the_measuring(window, backbone, session) -> None:
    session.ask = lambda request, handler: 7
    withdrawn = []
    session.withdraw = withdrawn.append
    backbone.times.measure(["VGG16"])
    window.reject()
    assert backbone.times.running == ""
    assert 7 in withdrawn


def test_taking_a_network_decides_it_as_the_list_does(window, session, qtbot) -> None:
    window.table.select("ResNet50")
    assert window.use_button.text() == "Use ResNet50"
    click(qtbot, window.use_button)
    assert session.decisions.backbone == Backbone(name="ResNet50", weights="imagenet")
    assert not window.isVisible()


def test_enter_and_a_double_click_take_a_network_too(window, backbone, session, qtbot) -> None:
    window.table.select("VGG19")
    qtbot.keyClick(window.table, Qt.Key.Key_Return)
    assert session.decisions.backbone.name == "VGG19"
    backbone.show_catalog()
    again = backbone.findChildren(CatalogWindow)[-1]
    index = again.filtered.index(again.filtered.names.index("Xception"), 0)
    assert index.data(NAME_ROLE) == "Xception"
    again.table.doubleClicked.emit(index)
    assert session.decisions.backbone.input_shape == (299, 299)


def test_a_training_that_runs_allows_no_measuring(window, session, monkeypatch) -> None:
    monkeypatch.setattr(type(session), "state", State.TRAINING)
    window.measuring.refresh()
    assert not window.measuring.listed.isEnabled()
    assert "training" in window.measuring.listed.accessibleDescription()


def test_the_window_fits_a_small_screen(window) -> None:
    assert window.width() <= 1280
    assert window.height() <= 770
    assert window.minimumSizeHint().width() <= 1280


def test_by_hand_opens_the_browser_and_makes_the_folder(qtbot, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    facts = catalog.facts("NASNetMobile")
    dialog = WeightsByHand(facts, Backbone(name=facts.name, weights="imagenet"))
    qtbot.addWidget(dialog)
    assert dialog.state.text() == "The file is not there yet."
    dialog.open_address.click()
    dialog.open_folder.click()
    assert opened[0].toString() == dialog.address.text()
    assert Path(opened[1].toLocalFile()) == tmp_path / "keras" / "models"
    assert (tmp_path / "keras" / "models").is_dir()


def seen(plot: CatalogPlot) -> dict[str, QRectF]:
    """The names in the plot; none goes beyond it."""
    QApplication.processEvents()
    names = plot.names
    inside = plot.mapFromScene(plot.getPlotItem().vb.sceneBoundingRect()).boundingRect()
    for room in names.values():
        assert QRectF(inside).adjusted(-2, -2, 2, 2).contains(room)
    return names


def cover(names: dict[str, QRectF]) -> bool:
    """Whether any two of them do."""
    # Without what rounding to pixels adds.
    rooms = [room.adjusted(1, 1, -1, -1) for room in names.values()]
    return any(
        room.intersects(other) for number, room in enumerate(rooms) for other in rooms[:number]
    )


def test_names_in_the_plot_cover_neither_one_another_nor_a_selected_dot(window, qtbot) -> None:
    plot = window.scatter.plot
    window.show()
    chosen = ("EfficientNetV2B0", "MobileNetV3Large", "ResNet50V2")
    for name in chosen:
        window.table.select(name, more=name != "EfficientNetV2B0")
    names = seen(plot)
    assert set(chosen) < set(names)
    assert not cover(names)
    for room in names.values():
        assert not any(room.contains(plot.place_of(plot._dots[one])) for one in chosen)


def test_names_that_would_cover_others_are_left_out(window) -> None:
    plot = window.scatter.plot
    window.show()
    window.table.selectAll()
    names = seen(plot)
    assert 3 < len(names) < len(catalog.CATALOG)
    assert not cover(names)
    window.limits.family.choose("VGG")
    assert set(seen(plot)) == {"VGG16", "VGG19"}


def test_the_dot_under_the_mouse_has_its_name_and_others_give_way_to_it(window) -> None:
    plot = window.scatter.plot
    window.show()
    window.table.select("VGG16")
    without = seen(plot)
    for name in window.filtered.names:
        point(plot, plot.place_of(plot._dots[name]))
        names = seen(plot)
        assert plot.near(plot.place_of(plot._dots[name])) in names
        assert "VGG16" in names
        assert not cover(names)
    point(plot, QPointF(0, 0))
    assert seen(plot) == without


@pytest.mark.parametrize("seconds", [0.00004, 0.0006, 0.0234, 0.9, 20.0])
def test_a_single_time_stands_in_a_plot_with_figures_at_its_axes(
    window, backbone, session, seconds: float
) -> None:
    measured(backbone, session, VGG16=seconds)
    window.scatter.by_time.click()
    (left, right), (bottom, top) = window.scatter.plot.getPlotItem().viewRange()
    inner = (right - left) * 0.1
    assert any(left + inner < log10(at) < right - inner for at in TIME_TICKS)
    assert len([share for share in range(60, 100, 5) if bottom < share / 100 < top]) >= 2
    assert left < log10(seconds) < right


def test_enter_in_the_filter_goes_to_the_first_match_and_takes_nothing(
    window, session, qtbot
) -> None:
    window.show()
    qtbot.keyClicks(window.limits.text, "resnet50")
    qtbot.keyClick(window.limits.text, Qt.Key.Key_Return)
    assert window.table.selected == ["ResNet50"]
    assert window.isVisible()
    assert session.decisions.backbone.name == "EfficientNetLite0"


def test_arrows_move_in_the_table_and_escape_closes_the_window(window, session, qtbot) -> None:
    window.show()
    window.table.select("VGG16")
    qtbot.keyClick(window.table, Qt.Key.Key_Down)
    assert window.table.selected == ["VGG19"]
    qtbot.keyClick(window.table, Qt.Key.Key_Up)
    assert window.table.selected == ["VGG16"]
    qtbot.keyClick(window.table, Qt.Key.Key_Escape)
    assert not window.isVisible()
    assert session.decisions.backbone.name == "EfficientNetLite0"
