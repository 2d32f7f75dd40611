"""What the card says of the weights: downloads, files brought by hand, and how a file fits."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QGuiApplication
from window_fakes import Hosts, described

from tlstudio.backbone_events import WeightsMatched, WeightsReady
from tlstudio.events import Event, Failed, Progress, Warned
from tlstudio.host.jobs import DescribeRequest, FetchRequest, MatchRequest
from tlstudio.model import catalog
from tlstudio.project.spec import Backbone
from tlstudio.ui import numbers, weights_report
from tlstudio.ui.session import Session
from tlstudio.ui.weights_by_hand import WeightsByHand
from tlstudio.ui.weights_note import WeightsNote
from tlstudio.ui.weights_report import WeightsReport

VGG = Backbone(name="VGG16", weights="imagenet")
PARTLY = WeightsMatched(("a",) * 93, ("b", "c"), ("d: 3×3 here, 5×5 there",), ("dense",))
WHOLE = WeightsMatched(("a",) * 105, (), (), ("dense",))
REFUSED = WeightsMatched((), (), ("a: 3×3 here, 5×5 there",), (), "It is too wide.", "Set 0.5.")
DAMAGED = Failed("The ImageNet weights net.h5 are damaged.", "Delete that file.", 2)


class Asked:
    """Takes the place of a session's engine: what was asked but layers, and who hears of it."""

    def __init__(self) -> None:
        self.requests: list[object] = []
        self.handlers: list[Callable[[Event], None]] = []
        self.withdrawn: list[int] = []

    def ask(self, request: object, handler: Callable[[Event], None]) -> int:
        if isinstance(request, DescribeRequest):
            return 0
        self.requests.append(request)
        self.handlers.append(handler)
        return len(self.requests)

    def answer(self, *events: Event) -> None:
        for event in events:
            self.handlers[-1](event)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def note(qtbot, tmp_path: Path, asked: Asked, monkeypatch) -> WeightsNote:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    class AskedSession(Session):
        """Not all sessions: one that an earlier test has left may still ask."""

        def ask(self, *question) -> int:
            return asked.ask(*question)

        def withdraw(self, ticket: int) -> None:
            asked.withdrawn.append(ticket)

    made = WeightsNote(AskedSession(Hosts(), tmp_path / "runs"))
    qtbot.addWidget(made)
    return made


def decide(note: WeightsNote, spec: Backbone) -> None:
    """As the backbone's card does."""
    note._session.decide(backbone=spec)
    note.show_backbone(spec)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.h5"
    path.write_bytes(b"weights")
    return path


def links(note: WeightsNote) -> list[str]:
    buttons = (note.download, note.by_hand, note.stop, note.report)
    return [button.text() for button in buttons if not button.isHidden()]


def arrive(spec: Backbone) -> Path:
    path = catalog.weights_file(catalog.facts(spec.name), spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    return path


def test_bundled_and_downloaded_weights_are_said_to_be_here(note) -> None:
    decide(note, Backbone())
    assert "bundled" in note.words.text()
    arrive(VGG)
    decide(note, VGG)
    assert note.words.text() == "ImageNet, on this machine."
    assert links(note) == []


def test_a_download_of_another_width_is_as_large_as_that_width(note) -> None:
    spec = Backbone(name="MobileNetV2", weights="imagenet")
    decide(note, spec)
    assert note.words.text() == "Not on this machine yet: about 9.03 MB."
    decide(note, spec.model_copy(update={"alpha": 0.5}))
    assert note.words.text() == "Not on this machine yet."
    session = described(note._session)
    size = numbers.size(session.description.params.backbone * catalog.BYTES_PER_PARAMETER)
    assert note.words.text() == f"Not on this machine yet: about {size}."


def test_a_download_shows_how_far_it_is_and_ends_with_the_weights_here(note, asked, qtbot) -> None:
    decide(note, VGG)
    assert note.words.text() == "Not on this machine yet: about 58.9 MB."
    assert links(note) == ["Download", "By hand…"]
    note.download.click()
    assert asked.requests == [FetchRequest(VGG)]
    assert links(note) == ["Stop"]
    asked.answer(Progress("download", 0, 0, "vgg.h5"), Progress("download", 12_000_000, 58_900_000))
    assert note.words.text() == "Downloading: 12.0 MB of 58.9 MB"
    assert note.bar.value() / note.bar.maximum() == pytest.approx(12 / 58.9, abs=0.01)
    path = arrive(VGG)
    with qtbot.waitSignal(note.arrived):
        asked.answer(WeightsReady("VGG16", str(path)))
    assert note.words.text() == "ImageNet, on this machine."
    assert links(note) == []


def test_a_download_can_be_stopped_and_begun_again(note, asked) -> None:
    decide(note, VGG)
    note.download.click()
    note.stop.click()
    assert asked.withdrawn[-1] == 1
    assert links(note) == ["Download", "By hand…"]
    note.download.click()
    assert len(asked.requests) == 2


def test_a_download_that_fails_says_why_and_offers_the_other_way(note, asked) -> None:
    decide(note, VGG)
    note.download.click()
    asked.answer(Warned("The file was damaged.", "It is downloaded anew."))
    assert note.words.objectName() == "amber"
    asked.answer(Failed("They could not be downloaded (no route).", "Go online."))
    assert note.words.text() == "They could not be downloaded (no route)."
    assert note.words.objectName() == "error"
    assert note.words.accessibleDescription() == "Go online."
    assert links(note) == ["Download", "By hand…"]


def test_another_network_ends_the_download_and_another_input_does_not(note, asked) -> None:
    decide(note, VGG)
    note.download.click()
    decide(note, VGG.model_copy(update={"input_shape": (96, 64)}))
    assert 1 not in asked.withdrawn
    assert links(note) == ["Stop"]
    decide(note, Backbone(name="VGG19", weights="imagenet"))
    assert 1 in asked.withdrawn
    assert "80.1 MB" in note.words.text()


def test_weights_brought_by_hand_are_noticed(note) -> None:
    decide(note, VGG)
    note.by_hand.click()
    dialog = note.findChild(WeightsByHand)
    assert dialog.address.text() == catalog.weights_address(catalog.facts("VGG16"), VGG)
    path = arrive(VGG)
    assert Path(dialog.folder.text()) / dialog.name.text() == path
    dialog.reject()
    assert note.words.text() == "ImageNet, on this machine."


def test_weights_that_a_training_downloaded_are_noticed(note) -> None:
    decide(note, VGG)
    arrive(VGG)
    note._session.state_changed.emit("idle")
    assert note.words.text() == "ImageNet, on this machine."


def test_a_file_that_fits_is_matched_at_once(note, asked, qtbot, file: Path) -> None:
    spec = VGG.model_copy(update={"weights": str(file)})
    decide(note, spec)
    assert note.words.text() == "Reading net.h5…"
    qtbot.waitUntil(lambda: asked.requests == [MatchRequest(spec)])
    asked.answer(WHOLE)
    assert note.words.text() == "All 105 layers found in net.h5."
    assert note.words.objectName() == "muted"


def test_a_file_that_fits_in_part_opens_a_report(note, asked, qtbot, file: Path) -> None:
    decide(note, VGG.model_copy(update={"weights": str(file)}))
    qtbot.waitUntil(lambda: bool(asked.requests))
    asked.answer(PARTLY)
    assert note.words.text().startswith("3 of 96 layers are not in net.h5 or of another shape")
    assert note.words.text().endswith("and start untrained.")
    assert note.words.objectName() == "amber"
    assert note._session.weights.problem == ""
    assert links(note) == ["Report…"]
    note.report.click()
    report = note.findChild(WeightsReport)
    heads = [report.list.topLevelItem(row).text(0) for row in range(4)]
    assert heads == [
        "Not in net.h5: 2",
        "Of another shape in net.h5: 1",
        "Only in net.h5, not used: 1",
        "Found by name and shape: 93",
    ]
    report.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "d: 3×3 here, 5×5 there" in copied
    assert copied.startswith("3 of 96 layers")


def test_a_file_that_a_training_would_refuse_is_said_with_its_report(
    note, asked, qtbot, file: Path
) -> None:
    decide(note, VGG.model_copy(update={"weights": str(file)}))
    qtbot.waitUntil(lambda: bool(asked.requests))
    asked.answer(REFUSED)
    assert note.words.text() == "It is too wide. Set 0.5."
    assert note.words.objectName() == "error"
    assert links(note) == ["Report…"]
    assert note._session.weights.problem == "It is too wide."
    file.write_bytes(b"other weights")
    note.look()
    assert note.words.text() == "Reading net.h5…"
    qtbot.waitUntil(lambda: len(asked.requests) == 2)


def test_imagenet_weights_that_are_damaged_can_be_had_anew(note, asked, qtbot) -> None:
    path = arrive(VGG)
    decide(note, VGG)
    qtbot.waitUntil(lambda: asked.requests == [MatchRequest(VGG)])
    asked.answer(DAMAGED)
    assert "damaged" in note.words.text()
    assert note.words.objectName() == "error"
    assert links(note) == ["Download", "By hand…"]
    # A training would download them.
    assert note._session.weights.problem == ""
    note.by_hand.click()
    dialog = note.findChild(WeightsByHand)
    assert "damaged" in dialog.state.text()
    path.write_bytes(b"sound weights")
    dialog.reject()
    assert note.words.text() == "ImageNet, on this machine."
    qtbot.waitUntil(lambda: len(asked.requests) == 2)


def test_an_engine_that_ended_says_nothing_of_a_file(note, asked, qtbot, file: Path) -> None:
    """Neither are ImageNet weights damaged then, nor is one's own file refused."""
    ended = Failed("The engine process ended unexpectedly.", "Try again.")
    arrive(VGG)
    decide(note, VGG)
    qtbot.waitUntil(lambda: len(asked.requests) == 1)
    asked.answer(ended)
    assert note.words.text() == "ImageNet, on this machine."
    decide(note, VGG.model_copy(update={"weights": str(file)}))
    qtbot.waitUntil(lambda: len(asked.requests) == 2)
    asked.answer(ended)
    assert note._session.weights.problem == ""
    note.look()
    qtbot.waitUntil(lambda: len(asked.requests) == 3)  # the file is the same, and asked about anew


def test_a_file_that_was_changed_elsewhere_is_looked_into_again(
    note, asked, qtbot, file: Path
) -> None:
    decide(note, VGG.model_copy(update={"weights": str(file)}))
    qtbot.waitUntil(lambda: len(asked.requests) == 1)
    asked.answer(REFUSED)
    QCoreApplication.sendEvent(note, QEvent(QEvent.Type.WindowActivate))
    assert note.words.objectName() == "error"
    file.write_bytes(b"weights that fit")
    QCoreApplication.sendEvent(note, QEvent(QEvent.Type.WindowActivate))
    assert note.words.text() == "Reading net.h5…"
    qtbot.waitUntil(lambda: len(asked.requests) == 2)


def test_a_download_takes_the_place_of_damaged_weights(note, asked, qtbot) -> None:
    path = arrive(VGG)
    decide(note, VGG)
    qtbot.waitUntil(lambda: bool(asked.requests))
    asked.answer(DAMAGED)
    note.download.click()
    assert asked.requests[-1] == FetchRequest(VGG)
    path.write_bytes(b"sound weights")
    asked.answer(WeightsReady("VGG16", str(path)))
    assert note.words.text() == "ImageNet, on this machine."
    assert links(note) == []


def test_a_file_that_cannot_be_read_is_said_at_once(note, asked, qtbot, file: Path) -> None:
    decide(note, VGG.model_copy(update={"weights": str(file)}))
    qtbot.waitUntil(lambda: bool(asked.requests))
    asked.answer(Failed("net.h5 is damaged or no Keras file.", "Save or download it again.", 2))
    assert note._session.weights.problem == "net.h5 is damaged or no Keras file."
    assert note.words.text() == "net.h5 is damaged or no Keras file. Save or download it again."
    assert note.words.objectName() == "error"


def test_the_input_matters_to_no_file_but_the_width_does(note, asked, qtbot, file: Path) -> None:
    spec = Backbone(name="MobileNetV2", weights=str(file), input_shape=(100, 90))
    decide(note, spec)
    qtbot.waitUntil(lambda: len(asked.requests) == 1)
    asked.answer(WHOLE)
    decide(note, spec.model_copy(update={"input_shape": (101, 91)}))
    assert note.words.text() == "All 105 layers found in net.h5."
    decide(note, spec.model_copy(update={"alpha": 0.5}))
    assert note.words.text() == "Reading net.h5…"
    qtbot.waitUntil(lambda: len(asked.requests) == 2)


@pytest.mark.parametrize(
    ("missing", "different", "words"),
    [
        (1, 0, "1 of 10 layers is not in a.h5, and starts untrained."),
        (2, 0, "2 of 10 layers are not in a.h5, and start untrained."),
        (0, 1, "1 of 10 layers is of another shape in a.h5, and starts untrained."),
        (0, 0, "All 10 layers found in a.h5."),
    ],
)
def test_how_much_fits_is_one_sentence(missing: int, different: int, words: str) -> None:
    found = ("x",) * (10 - missing - different)
    matched = WeightsMatched(found, ("x",) * missing, ("x",) * different, ())
    assert weights_report.in_words(matched, "a.h5") == words


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (Backbone(name="VGG16"), "No weights of VGG16 are bundled."),
        (Backbone(name="MobileNetV2", weights="imagenet", alpha=0.6), "width 0.6"),
    ],
)
def test_weights_that_there_cannot_be_are_said_to_be_none(note, spec: Backbone, words: str) -> None:
    decide(note, spec)
    assert words in note.words.text()
    assert note.words.objectName() == "error"
    assert links(note) == []
    assert words in note._session.weights.problem
