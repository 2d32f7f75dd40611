"""The page of the advice: where the pictures stand, how deep features help, and what follows."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from tlstudio.advice_events import Similarity, percent
from tlstudio.project.strategy_table import is_large
from tlstudio.ui import numbers
from tlstudio.ui.advice_changes import Change
from tlstudio.ui.advice_grid import AdviceGrid
from tlstudio.ui.advice_probes import AdviceProbes
from tlstudio.ui.advisor import Advisor
from tlstudio.ui.card import Card, label
from tlstudio.ui.session import Session
from tlstudio.ui.tooltip import explain
from tlstudio.ui.vertical_scroll import VerticalScroll

LEFT_WIDTH = 404
HEADLINES = {
    "all": "Train everything",
    "top": "Train the top layers",
    "head": "Train the head only",
    "custom": "Train layers of your own choice",
}
TO_COME = (
    "Measuring runs your training pictures through the backbone once and trains nothing of it. "
    "A small linear classifier then tells how well the features after each block know your "
    "classes apart: where it stops getting better, the features have stopped helping.",
    "From that and the number of pictures follow the strategy, how deep to train, the learning "
    "rate, the epochs, the pooling and the augmentation, each with its reason.",
)

OF_RANDOM_WEIGHTS = (
    "The table is about pretrained weights; random ones know no pictures that yours could be like."
)


class AdvicePage(QWidget):
    def __init__(self, session: Session, advisor: Advisor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._advisor = advisor
        self.grid = AdviceGrid()
        self.size_words = _wrapped("muted")
        self.similarity_words = _wrapped("muted")
        self.probes = AdviceProbes()
        self.probes_message = _wrapped("muted")
        self.headline = label("", "headline")
        self.message = _wrapped("amber")
        self.reasons = _Paragraphs()
        self.changes = _Changes()
        self.apply = QPushButton("Apply")
        self.apply.setObjectName("primary")
        self.apply.setAutoDefault(False)
        self.apply.clicked.connect(self._apply_or_undo)
        self._lay_out()
        advisor.changed.connect(self._refresh)
        session.decided.connect(self._refresh)
        session.scan_changed.connect(self._refresh)
        session.description_changed.connect(self._refresh)
        self._refresh()

    def _lay_out(self) -> None:
        place = Card("Your pictures")
        place.body.addWidget(self.grid)
        place.body.addWidget(self.size_words)
        place.body.addWidget(self.similarity_words)
        depth = Card("Accuracy by depth")
        depth.setToolTip("Of a linear classifier on the features after each block, cross-validated")
        inner = QWidget()
        inner_box = QVBoxLayout(inner)
        inner_box.setContentsMargins(0, 0, 0, 0)
        inner_box.addWidget(self.probes_message)
        inner_box.addWidget(self.probes)
        inner_box.addStretch(1)
        depth.body.addWidget(VerticalScroll(inner), 1)
        left = QVBoxLayout()
        left.setSpacing(10)
        left.setContentsMargins(0, 0, 0, 0)
        left.addWidget(place)
        left.addWidget(depth, 1)
        side = QWidget()
        side.setFixedWidth(LEFT_WIDTH)
        side.setLayout(left)

        advice = Card("")
        advice.setAccessibleName("Advice")
        end = QHBoxLayout()
        end.addStretch(1)
        end.addWidget(self.apply)
        advice.body.addWidget(self.headline)
        advice.body.addWidget(self.message)
        advice.body.addWidget(VerticalScroll(self.reasons), 1)
        advice.body.addWidget(self.changes)
        advice.body.addLayout(end)
        columns = QHBoxLayout(self)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(10)
        columns.addWidget(side)
        columns.addWidget(advice, 1)

    def _refresh(self) -> None:
        self._show_place()
        self._show_probes()
        self._show_advice()

    def _show_place(self) -> None:
        advisor, scan, split = self._advisor, self._session.scan, self._session.split
        advice = advisor.advice if advisor.is_known else None
        if advice:
            size, similarity = advice.size, advice.similarity
            self.grid.show_place(size.large, similarity.similar)
            counts = (size.pictures, size.classes, size.smallest_class)
            self.similarity_words.setText(_of_similarity(similarity))
        elif scan and split:
            counts = (len(split.train), len(scan.classes), 0)
            self.grid.show_place(is_large(*counts[:2]), None)
            self.similarity_words.setText("How similar they are is not measured yet.")
        else:
            self.grid.show_place(None, None)
            self.size_words.setText("Open a folder of pictures to see where it stands.")
            self.similarity_words.setText("")
            return
        if not self._session.decisions.backbone.pretrained:
            self.grid.show_place(None, None)
            self.similarity_words.setText(OF_RANDOM_WEIGHTS)
        smallest = f", {counts[2]:,} in the smallest" if counts[2] else ""
        self.size_words.setText(
            f"{numbers.count(counts[0], 'training picture')} in "
            f"{numbers.count(counts[1], 'class', 'classes')}{smallest}"
        )

    def _show_probes(self) -> None:
        advisor = self._advisor
        shown = () if advisor.is_outdated else advisor.probes
        self.probes.show_probes(shown, self._advised_block())
        self.probes.setVisible(bool(shown))
        self.probes_message.setVisible(not shown)
        self.probes_message.setText(
            "The first block comes when the pictures have been read."
            if advisor.running
            else "How well the features after each block know your classes apart is drawn here."
        )

    def _advised_block(self) -> str:
        """Where training begins, as advised; empty where no line is to be drawn."""
        description, advisor = self._session.description, self._advisor
        if description is None or advisor.advice is None or not advisor.is_known:
            return ""
        blocks = {layer.name: layer.block for layer in description.layers}
        return blocks.get(advisor.advice.unfreeze_from, "")

    def _show_advice(self) -> None:
        advisor = self._advisor
        message, role = self._message()
        self.message.setText(message)
        self.message.setObjectName(role)
        self.message.style().polish(self.message)
        self.message.setVisible(bool(message))
        advice = advisor.advice if advisor.is_known else None
        if advice:
            self.headline.setText(HEADLINES[advice.strategy])
            self.reasons.show_texts(advice.reasons, "")
        else:
            self.headline.setText("Measuring…" if advisor.running else "Not measured yet")
            self.reasons.show_texts(TO_COME, "muted")
        changes = advisor.changes
        self.changes.show_changes(changes)
        self.changes.setVisible(bool(changes))
        self.apply.setVisible(bool(changes))
        self._show_apply(changes)

    def _message(self) -> tuple[str, str]:
        """What keeps the advice from being here, with the role of its label."""
        advisor = self._advisor
        if advisor.running:
            return "", "amber"
        if advisor.failed and not advisor.is_outdated:
            return f"{advisor.failed.message} {advisor.failed.hint}", "error"
        if advisor.interrupted:
            return f"{advisor.interrupted} Measure again when you like.", "amber"
        if advisor.advice and advisor.is_outdated:
            return (
                "What was measured is about other pictures or another backbone. Measure again to "
                "know what suits these.",
                "amber",
            )
        return "", "amber"

    def _show_apply(self, changes: tuple[Change, ...]) -> None:
        done = all(change.is_done for change in changes)
        undoes = done and self._advisor.can_undo
        self.apply.setObjectName("" if undoes else "primary")
        self.apply.style().polish(self.apply)
        if undoes:
            self.apply.setText("Undo")
            explain(self.apply, "Decides again what was decided before the advice was applied")
        else:
            self.apply.setText("Apply")
            explain(
                self.apply,
                "All of this is decided already" if done else "Decides all of this as advised",
            )
        self.apply.setEnabled(undoes or not done)

    def _apply_or_undo(self) -> None:
        if self.apply.text() == "Undo":
            self._advisor.undo()
        else:
            self._advisor.apply()


class _Paragraphs(QWidget):
    """Sentences, each group in a label of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 6, 0)
        self._box.setSpacing(8)
        self._box.addStretch(1)
        self._shown: tuple[str, ...] = ()
        self._labels: list[QLabel] = []

    @property
    def texts(self) -> tuple[str, ...]:
        return self._shown

    def show_texts(self, texts: tuple[str, ...], role: str) -> None:
        """`role` is that of the labels."""
        if texts == self._shown:
            return
        self._shown = texts
        for old in self._labels:
            self._box.removeWidget(old)
            old.deleteLater()
        self._labels = [_wrapped(role) for _ in texts]
        for row, (made, text) in enumerate(zip(self._labels, texts, strict=True)):
            made.setText(_unbroken(text))
            self._box.insertWidget(row, made)


class _Changes(QWidget):
    """A row a decision: what it is about, as it is now, and as it is advised."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 4, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(2, 1)
        self._rows: list[tuple[QLabel, QLabel, QLabel]] = []
        self._shown: tuple[Change, ...] = ()
        for column, text in enumerate(("", "Now", "Advised")):
            self._grid.addWidget(label(text, "muted"), 0, column)

    def show_changes(self, changes: tuple[Change, ...]) -> None:
        if changes == self._shown:
            return
        self._shown = changes
        while len(self._rows) < len(changes):
            self._add_row()
        for (what, now, advised), change in zip(self._rows, changes, strict=False):
            what.setText(change.what)
            now.setText(change.now)
            advised.setText("as it is" if change.is_done else change.advised)
            advised.setObjectName("muted" if change.is_done else "trained")
            advised.style().polish(advised)

    @property
    def words(self) -> list[tuple[str, str, str]]:
        """The rows as they read."""
        return [(what.text(), now.text(), advised.text()) for what, now, advised in self._rows]

    def _add_row(self) -> None:
        row = (label("", "muted"), label(), label())
        for column, cell in enumerate(row):
            self._grid.addWidget(cell, len(self._rows) + 1, column)
        self._rows.append(row)


def _of_similarity(similarity: Similarity) -> str:
    best = max(similarity.probes, key=lambda probe: probe.accuracy, default=None)
    parts = [f"LogME {similarity.logme:.3f}"]
    if best:
        parts.append(f"at best {percent(best.accuracy)} after {best.block}")
    if similarity.confidence is not None:
        parts.append(f"ImageNet confidence {similarity.confidence:.2f}")
    return ", ".join(parts)


def _unbroken(text: str) -> str:
    """With each figure and its % and ± on one line."""
    return text.replace(" %", "\u00a0%").replace(" ± ", "\u00a0±\u00a0")


def _wrapped(role: str) -> QLabel:
    made = label("", role)
    made.setWordWrap(True)
    made.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    return made
