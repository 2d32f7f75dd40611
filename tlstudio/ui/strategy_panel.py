"""The strategies as three cards: how much of the backbone is trained, and what each is for."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QPushButton, QSizePolicy, QWidget

from tlstudio.project.freeze_plan import strategy_of
from tlstudio.project.spec import FreezePlan, Strategy
from tlstudio.ui import freeze_edit, numbers, strategy_bars, theme
from tlstudio.ui.advice_grid import TITLES
from tlstudio.ui.advice_window import AdviceWindow
from tlstudio.ui.advisor import Advisor
from tlstudio.ui.card import Card, label
from tlstudio.ui.fonts import bold
from tlstudio.ui.session import Session
from tlstudio.ui.strategy_depth import DepthSlider, depth
from tlstudio.ui.tooltip import explain

BARS_LEFT = 10
TEXT_LEFT = 65
TEXTS: dict[Strategy, tuple[str, str]] = {
    "all": ("Train everything", "much data, unlike ImageNet"),
    "top": ("Train the top layers", "little data, unlike ImageNet"),
    "head": ("Head only", "little data, like ImageNet"),
}


class StrategyPanel(Card):
    """Owns the `advisor`, and opens the window of its advice."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Strategy", parent)
        self._session = session
        self.body.setSpacing(6)
        self.advisor = Advisor(session, self)
        self.teach = QPushButton("?")
        self.teach.setObjectName("link")
        self.teach.setAccessibleName("How to choose a strategy")
        self.teach.clicked.connect(lambda: self._open_advice(measure=False))
        explain(self.teach, "Shows which strategy suits which pictures")
        self.header.insertWidget(1, self.teach)
        self.advise = QPushButton()
        self.advise.setObjectName("link")
        self.advise.clicked.connect(lambda: self._open_advice(measure=True))
        self.header.addWidget(self.advise)
        self.cards: dict[Strategy, StrategyCard] = {}
        for strategy, (title, text) in TEXTS.items():
            card = StrategyCard(title, text)
            card.clicked.connect(lambda _=False, chosen=strategy: self._choose(chosen))
            self.cards[strategy] = card
            self.body.addWidget(card)
        self.how_deep = DepthSlider()
        self.how_deep.moved.connect(self._train_from)
        self.how_deep.hide()
        self.body.insertWidget(self.body.indexOf(self.cards["top"]) + 1, self.how_deep)
        self.custom = label("", "muted")
        self.custom.setWordWrap(True)
        self.custom.hide()
        self.body.addWidget(self.custom)
        session.decided.connect(self._decided)
        session.description_changed.connect(self._refresh)
        self.advisor.changed.connect(self._show_advice)
        session.state_changed.connect(self._show_advice)
        self._refresh()
        self._show_advice()

    def _decided(self, part: str) -> None:
        if part == "freeze":
            self._refresh()
        self._show_advice()

    def _choose(self, strategy: Strategy) -> None:
        batchnorm = self._session.decisions.freeze.batchnorm
        self._session.decide(freeze=FreezePlan(strategy=strategy, batchnorm=batchnorm))

    def _train_from(self, block: str) -> None:
        description = self._session.description
        if description:
            batchnorm = self._session.decisions.freeze.batchnorm
            layers = description.layers
            first = next(layer.name for layer in layers if layer.block == block)
            trainable = freeze_edit.from_here(layers, first, batchnorm)
            self._session.set_trainable(trainable, batchnorm)

    def _refresh(self) -> None:
        """Show what the tree amounts to, whoever chose it."""
        description = self._session.description
        trainable = self._session.trainable
        chosen: str = self._session.decisions.freeze.strategy
        if description:
            chosen = strategy_of(trainable, description.layers)
            can = freeze_edit.choices(description.layers, batchnorm=False)
            self.custom.setText(
                f"Your own choice in the tree: {len([c for c in can if c.name in trainable])} of "
                f"{numbers.count(len(can), 'layer')} trained."
            )
            if chosen == "top":
                self.how_deep.show_depth(depth(description.layers, trainable))
        for strategy, card in self.cards.items():
            card.setChecked(strategy == chosen)
            card.show_bars(*self._bars(strategy, strategy == chosen))
        self.how_deep.setVisible(chosen == "top" and description is not None)
        self.custom.setVisible(chosen == "custom" and description is not None)

    def _bars(self, strategy: Strategy, is_chosen: bool) -> tuple[int, int]:
        """How many blocks the strategy trains, as it is chosen or else as is usual, and of how
        many.
        """
        description = self._session.description
        if description is None:
            return strategy_bars.TRAINED[strategy], strategy_bars.BARS
        usual = freeze_edit.trained(FreezePlan(strategy=strategy), description.layers)
        shown = depth(description.layers, self._session.trainable if is_chosen else usual)
        return shown.trained, len(shown.blocks)

    def _show_advice(self) -> None:
        advisor = self.advisor
        missing = advisor.missing
        text, tip = "Advise me…", "Measures what suits your pictures, and says why"
        if advisor.running:
            text, tip = "Measuring…", "Shows how far it is"
        elif advisor.advice and advisor.is_known:
            text = f"Advised: {TITLES[advisor.advice.strategy].lower()}"
            tip = "Shows the advice, and the numbers behind it"
        self.advise.setText(text)
        self.advise.setEnabled(advisor.is_known or advisor.running or not missing)
        explain(self.advise, tip if self.advise.isEnabled() else missing)

    def _open_advice(self, measure: bool) -> None:
        window = self.window().findChild(AdviceWindow)
        if window is None:
            window = AdviceWindow(self._session, self.advisor, self.window())
        window.show()
        window.raise_()
        window.activateWindow()
        if measure and not self.advisor.is_known and not self.advisor.running:
            self.advisor.ask()


class StrategyCard(QAbstractButton):
    """One strategy: a bar a block from input to output, frozen or trained."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.setText(title)
        self._detail = text
        self.bars = (0, strategy_bars.BARS)
        """How many are trained, and of how many."""
        self.setCheckable(True)
        self.setAccessibleName(f"{title}: {text}")
        self.setToolTip(f"{title}, for {text}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_bars(self, trained: int, of: int) -> None:
        self.bars = (trained, of)
        self.update()

    def nextCheckState(self) -> None:
        """What is checked follows the decision, not the click."""

    def sizeHint(self) -> QSize:
        return QSize(240, 2 * self.fontMetrics().height() + 10)

    def minimumSizeHint(self) -> QSize:
        return QSize(TEXT_LEFT + self._text_width() + 7, self.sizeHint().height())

    def _text_width(self) -> int:
        title = QFontMetrics(bold(self.font())).horizontalAdvance(self.text())
        return max(title, self.fontMetrics().horizontalAdvance(self._detail))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Down | Qt.Key.Key_Right:
                self._focus_beside(1)
            case Qt.Key.Key_Up | Qt.Key.Key_Left:
                self._focus_beside(-1)
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.click()
            case _:
                super().keyPressEvent(event)

    def _focus_beside(self, step: int) -> None:
        """Go to the next card or the one before it, whatever stands between."""
        panel = self.parentWidget()
        cards = panel.findChildren(StrategyCard) if panel else [self]
        place = cards.index(self) + step
        if 0 <= place < len(cards):
            cards[place].setFocus(Qt.FocusReason.TabFocusReason)

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
        strategy_bars.paint(painter, BARS_LEFT, 9, self.height() - 18, *self.bars)
        left = TEXT_LEFT
        half = self.height() // 2
        painter.setFont(bold(self.font()))
        painter.setPen(QColor(colors.text))
        above = QRect(left, 0, self.width() - left - 6, half)
        painter.drawText(
            above, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, self.text()
        )
        painter.setFont(self.font())
        painter.setPen(QColor(colors.muted))
        below = QRect(left, half, self.width() - left - 6, half)
        painter.drawText(
            below, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, self._detail
        )
        painter.end()
