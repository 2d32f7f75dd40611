"""The strategies as three cards: how much of the backbone is trained, and what each is for."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from tlstudio.project.freeze_plan import blocks_in_order, strategy_of
from tlstudio.project.spec import FreezePlan, Strategy
from tlstudio.ui import freeze_edit, numbers, theme
from tlstudio.ui.card import Card, label
from tlstudio.ui.session import Session

BARS = 9
PITCH = 5.25
BARS_LEFT = 10
TEXT_LEFT = 65
TEXTS: dict[Strategy, tuple[str, str]] = {
    "all": ("Train everything", "much data, unlike ImageNet"),
    "top": ("Train the top layers", "little data, unlike ImageNet"),
    "head": ("Head only", "little data, like ImageNet"),
}
TRAINED_BARS: dict[Strategy, int] = {"all": BARS, "top": BARS // 3, "head": 0}


class StrategyPanel(Card):
    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Strategy", parent)
        self._session = session
        self.cards: dict[Strategy, StrategyCard] = {}
        for strategy, (title, text) in TEXTS.items():
            card = StrategyCard(title, text, TRAINED_BARS[strategy])
            card.clicked.connect(lambda _=False, chosen=strategy: self._choose(chosen))
            self.cards[strategy] = card
            self.body.addWidget(card)
        self.custom = label("", "muted")
        self.custom.setWordWrap(True)
        self.custom.hide()
        self.body.addWidget(self.custom)
        session.decided.connect(self._decided)
        session.description_changed.connect(self._refresh)
        self._refresh()

    def _decided(self, part: str) -> None:
        if part == "freeze":
            self._refresh()

    def _choose(self, strategy: Strategy) -> None:
        batchnorm = self._session.decisions.freeze.batchnorm
        self._session.decide(freeze=FreezePlan(strategy=strategy, batchnorm=batchnorm))

    def _refresh(self) -> None:
        """Highlight what the tree amounts to, whoever chose it."""
        description = self._session.description
        trainable = self._session.trainable
        chosen: str = self._session.decisions.freeze.strategy
        share = 1 / 3
        if description:
            chosen = strategy_of(trainable, description.layers)
            can = freeze_edit.choices(description.layers, batchnorm=False)
            blocks = blocks_in_order(can)
            trained = blocks_in_order(layer for layer in can if layer.name in trainable)
            share = len(trained) / max(1, len(blocks))
            self.custom.setText(
                f"Your own choice in the tree: {len([c for c in can if c.name in trainable])} of "
                f"{numbers.count(len(can), 'layer')} trained."
            )
        for strategy, card in self.cards.items():
            card.setChecked(strategy == chosen)
        shown = share if chosen == "top" else 1 / 3
        self.cards["top"].set_trained(min(BARS - 1, max(1, round(BARS * shown))))
        self.custom.setVisible(chosen == "custom" and description is not None)
        self.note.setText("custom" if chosen == "custom" else "")


class StrategyCard(QAbstractButton):
    """One strategy: nine bars from input to output, frozen or trained."""

    def __init__(self, title: str, text: str, trained: int) -> None:
        super().__init__()
        self.setText(title)
        self._detail = text
        self._trained = trained
        self.setCheckable(True)
        self.setAccessibleName(f"{title}: {text}")
        self.setToolTip(f"{title}, for {text}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_trained(self, bars: int) -> None:
        self._trained = bars
        self.update()

    def nextCheckState(self) -> None:
        """What is checked follows the decision, not the click."""

    def sizeHint(self) -> QSize:
        return QSize(240, 2 * self.fontMetrics().height() + 16)

    def minimumSizeHint(self) -> QSize:
        return QSize(TEXT_LEFT + self._text_width() + 7, self.sizeHint().height())

    def _text_width(self) -> int:
        bold = QFontMetrics(_bold(self.font()))
        detail = self.fontMetrics().horizontalAdvance(self._detail)
        return max(detail, bold.horizontalAdvance(self.text()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Down | Qt.Key.Key_Right:
                self.focusNextChild()
            case Qt.Key.Key_Up | Qt.Key.Key_Left:
                self.focusPreviousChild()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.click()
            case _:
                super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        colors = theme.current().colors
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        marked = self.isChecked() or self.hasFocus() or self.underMouse()
        width = 2.0 if self.isChecked() else 1.0
        painter.setPen(QPen(QColor(colors.accent if marked else colors.border), width))
        painter.setBrush(QColor(colors.field))
        edge = width / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(edge, edge, -edge, -edge), 7, 7)
        if self.isChecked() and self.hasFocus():
            painter.setPen(QPen(QColor(colors.accent), 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(3.5, 3.5, -3.5, -3.5), 5, 5)
        self._paint_bars(painter)
        left = TEXT_LEFT
        half = self.height() // 2
        painter.setFont(_bold(self.font()))
        painter.setPen(QColor(colors.text))
        above = QRect(left, 6, self.width() - left - 6, half - 6)
        painter.drawText(
            above, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, self.text()
        )
        painter.setFont(self.font())
        painter.setPen(QColor(colors.muted))
        below = QRect(left, half, self.width() - left - 6, half - 6)
        painter.drawText(
            below, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, self._detail
        )
        painter.end()

    def _paint_bars(self, painter: QPainter) -> None:
        colors = theme.current().colors
        painter.setPen(Qt.PenStyle.NoPen)
        height = self.height() - 22
        for bar in range(BARS):
            trained = bar >= BARS - self._trained
            painter.setBrush(QColor(colors.trained if trained else colors.frozen))
            painter.drawRoundedRect(QRectF(BARS_LEFT + bar * PITCH, 11, 4, height), 1.5, 1.5)


def _bold(font: QFont) -> QFont:
    bold = QFont(font)
    bold.setWeight(QFont.Weight.DemiBold)
    return bold
