"""The window of the advice: how to train, and which backbone suits the pictures."""

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from tlstudio.events import STAGES
from tlstudio.project.freeze_plan import blocks_in_order
from tlstudio.ui import numbers, progress_words
from tlstudio.ui.advice_page import AdvicePage
from tlstudio.ui.advisor import Advisor
from tlstudio.ui.card import label
from tlstudio.ui.elided import ElidedLabel
from tlstudio.ui.segment import segment
from tlstudio.ui.session import Session
from tlstudio.ui.tooltip import explain

if TYPE_CHECKING:
    from tlstudio.ui.ranking_page import RankingPage

SIZE = (1000, 720)
AROUND = 60
"""Pixels of the screen that the window leaves free."""


class AdviceWindow(QDialog):
    """Stands beside the main window; closing it ends what is being measured."""

    def __init__(self, session: Session, advisor: Advisor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Advice")
        self._session = session
        self._advisor = advisor
        self.training_tab = segment("How to train", "Strategy, depth, learning rate and the rest")
        self.backbone_tab = segment(
            "Which backbone", "How well each that is here suits your pictures"
        )
        self.training_tab.setChecked(True)
        tabs = QButtonGroup(self)
        tabs.addButton(self.training_tab)
        tabs.addButton(self.backbone_tab)
        tabs.buttonToggled.connect(self._show_page)
        self.page = AdvicePage(session, advisor)
        self.status = ElidedLabel("muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(180)
        self.bar.setAccessibleName("How far the measuring is")
        self.warnings = label("", "amber")
        self.warnings.setWordWrap(True)
        self.measure = QPushButton()
        self.measure.clicked.connect(self._measure_or_stop)
        self.measure.setAutoDefault(False)
        self.done_button = QPushButton("Close")
        self.done_button.setAutoDefault(False)
        self.done_button.clicked.connect(self.close)
        self._lay_out()
        self.finished.connect(self._end)
        advisor.changed.connect(self._refresh)
        advisor.progressed.connect(self._show_progress)
        session.decided.connect(self._refresh)
        session.scan_changed.connect(self._refresh)
        self._refresh()
        room = QGuiApplication.primaryScreen().availableSize()
        self.resize(min(SIZE[0], room.width() - AROUND), min(SIZE[1], room.height() - AROUND))

    @cached_property
    def ranking(self) -> "RankingPage":
        """With its plot, whose library takes long to import."""
        from tlstudio.ui.ranking_page import RankingPage

        page = RankingPage(self._session, self._advisor)
        self._stack.addWidget(page)
        return page

    def _lay_out(self) -> None:
        tabs = QHBoxLayout()
        tabs.setSpacing(0)
        tabs.addWidget(self.training_tab)
        tabs.addWidget(self.backbone_tab)
        tabs.addStretch(1)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.page)
        end = QHBoxLayout()
        end.setSpacing(10)
        end.addWidget(self.status, 1)
        end.addWidget(self.bar)
        end.addWidget(self.measure)
        end.addWidget(self.done_button)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 12)
        box.setSpacing(10)
        box.addLayout(tabs)
        box.addLayout(self._stack, 1)
        box.addWidget(self.warnings)
        box.addLayout(end)

    def _show_page(self) -> None:
        ranks = self.backbone_tab.isChecked()
        self._stack.setCurrentWidget(self.ranking if ranks else self.page)
        self._refresh()

    def _refresh(self) -> None:
        advisor = self._advisor
        missing = advisor.missing
        ranks = self.backbone_tab.isChecked()
        known = advisor.scores and not advisor.ranking_is_outdated if ranks else advisor.is_known
        again = " again" if known else ""
        if advisor.running:
            self.measure.setText("Stop")
            explain(self.measure, "Measures no more, and keeps what is known so far")
        else:
            self.measure.setText(f"{'Score backbones' if ranks else 'Measure'}{again}")
            explain(self.measure, missing or "Trains nothing; what was read is kept")
        self.measure.setObjectName("" if advisor.running or again else "primary")
        self.measure.style().polish(self.measure)
        self.measure.setEnabled(advisor.running or not missing)
        self.bar.setVisible(advisor.running)
        self.warnings.setText("\n".join(f"{one.message} {one.hint}" for one in advisor.warned))
        self.warnings.setVisible(bool(advisor.warned))
        self._show_progress()

    def _show_progress(self) -> None:
        advisor, progress = self._advisor, self._advisor.progress
        done, total = (progress.done, progress.total) if progress else (0, 0)
        words = ""
        if progress:
            how_far = progress_words.stage(progress, 0)
            words = ", ".join(part for part in (STAGES[progress.stage], how_far) if part)
        elif advisor.running and advisor.judged:
            done, total = advisor.judged, self._blocks()
            words = f"Judging the features, {done} of {numbers.count(total, 'block')}"
        elif advisor.running:
            words = "Waiting for the engine"
        elif not advisor.is_known:
            words = advisor.missing
        self.status.setText(words)
        self.bar.setMaximum(total)
        self.bar.setValue(done)

    def _blocks(self) -> int:
        """As many as are judged at least."""
        description = self._session.description
        layers = description.layers if description else ()
        weighty = blocks_in_order(layer for layer in layers if layer.params)
        return max(len(weighty), self._advisor.judged)

    def _end(self) -> None:
        self._advisor.stop()

    def _measure_or_stop(self) -> None:
        if self._advisor.running:
            self._advisor.stop("It was stopped.")
        else:
            self._advisor.ask(rank=self.backbone_tab.isChecked())
