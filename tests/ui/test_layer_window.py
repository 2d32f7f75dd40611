from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QFileDialog
from window_fakes import FakeHost, Hosts, pictures, write_run
from window_fakes import session as make_session

from tlstudio.events import Failed, Progress, Warned
from tlstudio.host.jobs import (
    InspectRequest,
    MovedRequest,
    SaveWeightsRequest,
    WeightValuesRequest,
)
from tlstudio.layer_events import (
    LayerSeen,
    LayersMoved,
    WeightFigures,
    WeightsSaved,
    WeightValues,
)
from tlstudio.project.spec import Backbone
from tlstudio.ui.backbone_panel import BackbonePanel
from tlstudio.ui.layer_config import config_rows
from tlstudio.ui.layer_window import LayerWindow
from tlstudio.ui.session import Session

KERNEL = np.array([[0.5, -1.25], [2, np.nan]], np.float32)


def seen(request: InspectRequest) -> LayerSeen:
    kernel = WeightFigures(
        "kernel", (2, 2), "float32", True, -1.25, 2.0, 0.4, 1.3, (1, 0, 1, 1), not_finite=1
    )
    is_conv = request.layer.endswith("conv")
    return LayerSeen(
        request.layer,
        "Conv2D" if is_conv else "ReLU",
        request.layer.split("_")[0],
        {"name": request.layer, "kernel_size": [3, 3], "use_bias": False},
        ((8, 8, 3),),
        ((8, 8, 70),),
        (kernel,) if is_conv else (),
        np.zeros((5, 3, 3, 3), np.uint8) if is_conv else None,
        np.zeros((64, 8, 8), np.uint8) if request.picture else None,
    )


def save(window: LayerWindow, path: Path) -> None:
    window.save_button.click()
    choose(window, path)


def choose(window: LayerWindow, path: Path) -> None:
    """In the dialog that asks where to save."""
    dialog = window.findChildren(QFileDialog)[-1]
    dialog.fileSelected.emit(str(path))
    dialog.close()


@pytest.fixture(autouse=True)
def answers(monkeypatch) -> None:
    """What the engine would say of layers."""
    plain = FakeHost._answer

    def answer(self, request):
        match request:
            case InspectRequest():
                if request.backbone.weights.endswith("part.weights.h5"):
                    yield Warned("A layer is not in part.weights.h5.", "Choose another file.")
                broken = request.picture and request.picture.name == "broken.png"
                if broken:
                    yield Warned("It is damaged.", "Copy it again.")
                yield self.failure or seen(replace(request, picture=None) if broken else request)
            case WeightValuesRequest():
                yield WeightValues(request.layer, ("kernel",), (KERNEL,))
            case SaveWeightsRequest() if request.path.is_dir():
                yield Failed(f"{request.path} is a folder.", "Add the name of a file.")
            case SaveWeightsRequest():
                np.save(request.path, KERNEL)
                yield WeightsSaved(request.layer, str(request.path))
            case MovedRequest():
                yield LayersMoved({"block1_conv": 0.02, "block0_conv": 0.0})
            case _:
                yield from plain(self, request)

    monkeypatch.setattr(FakeHost, "_answer", answer)


@pytest.fixture
def parts(qtbot, tmp_path: Path) -> Iterator[tuple[Session, Hosts, BackbonePanel]]:
    session, hosts = make_session(tmp_path)
    panel = BackbonePanel(session)
    qtbot.addWidget(panel)
    panel.show()
    session.start()
    qtbot.waitUntil(lambda: session.description is not None)
    yield session, hosts, panel
    panel.hide()
    session.close()


def looked(panel: BackbonePanel, qtbot, layer: str = "block1_conv") -> LayerWindow:
    panel.tree.look_inside.emit(layer)
    window = panel.findChild(LayerWindow)
    qtbot.waitUntil(lambda: window._seen is not None and window._seen.name == layer)
    return window


def asked(hosts: Hosts) -> list[InspectRequest]:
    return [request for request in hosts.engine.requests if isinstance(request, InspectRequest)]


def open_run(session: Session, tmp_path: Path) -> Path:
    session.open_pictures(pictures(tmp_path / "pictures"))
    project = session.decisions.project()
    write_run(tmp_path / "run", project, 1)
    session.open_run(tmp_path / "run")
    return tmp_path / "run"


def test_a_layer_is_shown_with_all_that_is_in_it(parts, qtbot) -> None:
    _, _, panel = parts
    window = looked(panel, qtbot)
    assert window.heading.text() == "block1_conv"
    assert ("type", "Conv2D") in window.facts.rows
    assert ("training", "stays frozen") in window.facts.rows
    assert window.config.rows == [("kernel size", "3 × 3"), ("use bias", "no")]
    assert "−1.25 to 2" in window.weights.texts[0]
    assert "1 value is no number" in window.weights.texts[0]
    assert window.filters.count == 5
    assert not window.grab().isNull()


def test_the_window_follows_the_selection_and_hides_what_a_layer_has_not(parts, qtbot) -> None:
    session, _, panel = parts
    window = looked(panel, qtbot)
    panel.tree.setCurrentIndex(panel.model.index_of("block2_relu"))
    qtbot.waitUntil(
        lambda: window.heading.text() == "block2_relu" and not window.filters.isVisible()
    )
    assert not window.weights.isVisible()
    assert ("parameters", "none") in window.facts.rows
    assert looked(panel, qtbot, "block0_conv") is window
    session.decide(backbone=Backbone(name="VGG16", weights="random"))
    qtbot.waitUntil(lambda: "Choose a layer" in window.status.text())
    assert not window.facts.isVisible()


def test_a_picture_of_the_own_folder_is_shown_until_another_is_dropped(
    parts, qtbot, tmp_path: Path
) -> None:
    session, hosts, panel = parts
    folder = pictures(tmp_path / "pictures")
    session.open_pictures(folder)
    qtbot.waitUntil(lambda: session.scan is not None)
    window = looked(panel, qtbot)
    assert asked(hosts)[-1].picture == folder / "cats" / "0.png"
    assert window.activations.count == 64
    assert window._cards["Activations"].note.text() == "the first 64 of 70"
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder / "dogs" / "1.png"))])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    window.dropEvent(QDropEvent(QPointF(5, 5), copy, data, left, Qt.KeyboardModifier.NoModifier))
    qtbot.waitUntil(lambda: asked(hosts)[-1].picture == folder / "dogs" / "1.png")
    qtbot.waitUntil(lambda: "1.png" in window.picture_name.text())


def test_after_training_one_can_switch_to_the_trained_weights(parts, qtbot, tmp_path: Path) -> None:
    session, hosts, panel = parts
    window = looked(panel, qtbot)
    assert not window.trained.isVisible()
    run = open_run(session, tmp_path)
    assert window.trained.isVisible()
    assert asked(hosts)[-1].run is None
    window.trained.click()
    qtbot.waitUntil(lambda: asked(hosts)[-1].run == run)
    own = session.decisions.backbone
    session.decide(backbone=own.model_copy(update={"weights": "random"}))
    assert not window.trained.isVisible()
    session.decide(backbone=own)
    assert window.trained.isVisible()
    session.decide(backbone=Backbone(input_shape=(64, 64)))
    assert not window.trained.isVisible()
    qtbot.waitUntil(lambda: asked(hosts)[-1].run is None)


def test_weights_are_not_shown_under_the_name_of_others_that_cannot_be_read(
    parts, qtbot, tmp_path: Path
) -> None:
    session, hosts, panel = parts
    window = looked(panel, qtbot)
    open_run(session, tmp_path)
    hosts.engine.failure = Failed("The run's weights are gone.", "Train again.")
    window.trained.click()
    qtbot.waitUntil(lambda: "are gone" in window.status.text())
    assert not window.facts.isVisible()
    assert not window.save_button.isEnabled()
    window.pretrained.click()
    hosts.engine.failure = None
    qtbot.waitUntil(window.facts.isVisible)
    assert window.save_button.isEnabled()


def test_the_tree_shows_what_moved_while_it_shows_the_backbone_of_the_run(
    parts, qtbot, tmp_path: Path
) -> None:
    session, hosts, panel = parts
    assert not panel.model.moved
    open_run(session, tmp_path)
    qtbot.waitUntil(lambda: panel.model.moved.get("block1_conv") == 0.02)
    window = looked(panel, qtbot)
    assert ("moved", "2.0 % of its size before training") in window.facts.rows
    own = session.decisions.backbone
    session.decide(backbone=Backbone(name="VGG16", weights="random"))
    assert not panel.model.moved
    qtbot.waitUntil(lambda: session.description is not None)
    session.decide(backbone=own)
    qtbot.waitUntil(lambda: panel.model.moved.get("block1_conv") == 0.02)
    assert len([r for r in hosts.engine.requests if isinstance(r, MovedRequest)]) == 2


def test_what_is_copied_makes_the_same_array(parts, qtbot) -> None:
    _, _, panel = parts
    window = looked(panel, qtbot)
    window.copy_button.click()
    qtbot.waitUntil(lambda: "Copied" in window.status.text())
    made: dict[str, object] = {}
    exec(QGuiApplication.clipboard().text(), made)
    np.testing.assert_array_equal(made["kernel"], KERNEL)
    assert made["kernel"].dtype == KERNEL.dtype


def test_weights_are_saved_as_numpy_reads_them(parts, qtbot, tmp_path: Path) -> None:
    _, _, panel = parts
    window = looked(panel, qtbot)
    save(window, tmp_path / "kernel.npy")
    qtbot.waitUntil((tmp_path / "kernel.npy").exists)
    np.testing.assert_array_equal(np.load(tmp_path / "kernel.npy"), KERNEL)
    qtbot.waitUntil(lambda: "were saved" in window.status.text())
    save(window, tmp_path)
    qtbot.waitUntil(lambda: "is a folder" in window.status.text())


def test_a_picture_that_cannot_be_used_is_told_of_beside_the_layer(
    parts, qtbot, tmp_path: Path
) -> None:
    _, _, panel = parts
    window = looked(panel, qtbot)
    window.show_picture(tmp_path / "broken.png")
    qtbot.waitUntil(lambda: "is damaged" in window.status.text())
    assert window.facts.isVisible()
    assert "broken.png cannot be shown" in window.picture_name.text()


def test_what_a_weights_file_lacks_is_told_of_beside_what_is_wrong_with_a_picture(
    parts, qtbot, tmp_path: Path
) -> None:
    session, _, panel = parts
    session.decide(backbone=Backbone(weights=str(tmp_path / "part.weights.h5")))
    window = looked(panel, qtbot)
    qtbot.waitUntil(lambda: "not in part.weights.h5" in window.status.text())
    window.show_picture(tmp_path / "broken.png")
    qtbot.waitUntil(lambda: "is damaged" in window.status.text())
    assert "not in part.weights.h5" in window.status.text()


def test_all_that_is_asked_about_a_layer_is_of_the_projects_seed(
    parts, qtbot, tmp_path: Path
) -> None:
    session, hosts, panel = parts
    session.decide(training=session.decisions.training.model_copy(update={"seed": 7}))
    window = looked(panel, qtbot)
    window.copy_button.click()
    save(window, tmp_path / "kernel.npy")
    of_layers = InspectRequest | WeightValuesRequest | SaveWeightsRequest

    def told() -> list[tuple[type, int]]:
        return [(type(r), r.seed) for r in hosts.engine.requests if isinstance(r, of_layers)]

    wanted = [(InspectRequest, 7), (WeightValuesRequest, 7), (SaveWeightsRequest, 7)]
    qtbot.waitUntil(lambda: told() == wanted)


def test_weights_that_are_being_saved_are_saved_whatever_is_looked_at_next(
    parts, qtbot, tmp_path: Path
) -> None:
    _, _, panel = parts
    window = looked(panel, qtbot)
    moved_on, closed = tmp_path / "moved_on.npy", tmp_path / "closed.npy"
    save(window, moved_on)
    window.copy_button.click()
    panel.tree.look_inside.emit("block1_conv")
    qtbot.waitUntil(moved_on.exists)
    qtbot.waitUntil(window.save_button.isEnabled)
    save(window, closed)
    window.close()
    qtbot.waitUntil(closed.exists)


def test_what_is_saved_is_what_was_shown_when_it_was_asked_for(
    parts, qtbot, tmp_path: Path
) -> None:
    _, hosts, panel = parts
    window = looked(panel, qtbot)
    shown = window.heading.text()
    window.save_button.click()
    other = next(row.name for row in panel._session.description.layers if row.name != shown)
    window.show_layer(other)
    assert not window.save_button.isEnabled()
    assert not window.copy_button.isEnabled()
    choose(window, tmp_path / "kernel.npy")
    qtbot.waitUntil((tmp_path / "kernel.npy").exists)
    assert [r.layer for r in hosts.engine.requests if isinstance(r, SaveWeightsRequest)] == [shown]
    qtbot.waitUntil(window.save_button.isEnabled)


def test_a_save_that_fails_is_told_of_also_where_its_window_has_closed(
    parts, qtbot, tmp_path: Path
) -> None:
    session, _, panel = parts
    window = looked(panel, qtbot)
    with qtbot.waitSignal(session.told) as told:
        save(window, tmp_path)
        window.close()
    assert "is a folder" in told.args[0]


def test_a_scan_asks_about_a_layer_again_only_for_another_picture(parts, qtbot) -> None:
    session, hosts, panel = parts
    looked(panel, qtbot)
    asked = sum(isinstance(one, InspectRequest) for one in hosts.engine.requests)
    for done in range(3):
        session._scanned(Progress("scan", done, 3))
        qtbot.wait(200)
    assert sum(isinstance(one, InspectRequest) for one in hosts.engine.requests) == asked


def test_a_resumed_run_is_asked_about_anew(parts, qtbot, tmp_path: Path) -> None:
    session, _, panel = parts
    open_run(session, tmp_path)
    qtbot.waitUntil(lambda: bool(panel.model.moved))
    session.open_run(tmp_path / "run")
    assert not panel.model.moved
    qtbot.waitUntil(lambda: bool(panel.model.moved))


def test_what_cannot_be_shown_says_why(parts, qtbot) -> None:
    _, hosts, panel = parts
    before = looked(panel, qtbot, "block0_conv")
    hosts.engine.failure = Failed("No weights are here.", "Download them first.")
    panel.tree.look_inside.emit("block1_conv")
    window = panel.findChild(LayerWindow)
    assert window is before
    qtbot.waitUntil(lambda: "Download them first" in window.status.text())
    assert not window.facts.isVisible()


def test_a_configuration_reads_as_words() -> None:
    rows = dict(
        config_rows(
            {
                "name": "conv",
                "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "f4"}},
                "kernel_initializer": {"class_name": "HeNormal", "config": {"seed": None}},
                "regularizer": {"class_name": "L2", "config": {"l2": 0.01}},
                "bias": None,
                "axis": [3],
                "data_format": "channels_last",
            }
        )
    )
    assert rows == {
        "dtype": "f4",
        "kernel initializer": "HeNormal",
        "regularizer": "L2 (l2 0.01)",
        "bias": "none",
        "axis": "3",
        "data format": "channels_last",
    }
