"""A list of pictures that a delegate paints, and the larger look at one of them."""

from PySide6.QtCore import QModelIndex, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLabel,
    QListView,
    QVBoxLayout,
    QWidget,
)

from tlstudio.ui import theme, thumbnails
from tlstudio.ui.card import label

ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
PATH_ROLE = Qt.ItemDataRole.UserRole
ITEM_ROLE = Qt.ItemDataRole.UserRole + 1
CAPTION_ROLE = Qt.ItemDataRole.UserRole + 2


class PictureList(QListView):
    """Shows a model with PATH_ROLE (str), ITEM_ROLE (what its delegate paints) and CAPTION_ROLE.

    Only what is in sight is decoded and painted. A click or Enter shows the picture larger.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        thumbnails.current().loaded.connect(self._picture_loaded)
        self.clicked.connect(self._look_closer)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Not `activated`, which comes with a click too where the desktop says so.
        if event.key() in ENTER and self.currentIndex().isValid():
            self._look_closer(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _picture_loaded(self, _path: str) -> None:
        # Updates between two frames are merged by Qt into one paint.
        self.viewport().update()

    def _look_closer(self, index: QModelIndex) -> None:
        preview = Preview(index.data(PATH_ROLE), index.data(CAPTION_ROLE), self)
        preview.show_beside(self.viewport().mapToGlobal(self.visualRect(index).center()))


class Preview(QFrame):
    """One picture, larger, with its caption; closed by Esc, Enter or a press anywhere else."""

    SIDE = 280

    def __init__(self, path: str, caption: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("preview")
        self.setAccessibleName(caption)
        words = label(caption)
        words.setWordWrap(True)
        where = label(path, "muted")
        where.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(_LargePicture(path, self.SIDE), 0, Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(words)
        layout.addWidget(where)
        self.setFixedWidth(self.SIDE + 24)

    def show_beside(self, point: QPoint) -> None:
        """Open above `point`, moved so that all of it is on the screen."""
        self.adjustSize()
        screen = QGuiApplication.screenAt(point) or QGuiApplication.primaryScreen()
        area = screen.availableGeometry()
        left = min(max(point.x() - self.width() // 2, area.left()), area.right() - self.width())
        top = min(max(point.y() - self.height() - 12, area.top()), area.bottom() - self.height())
        self.move(left, top)
        self.show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (*ENTER, Qt.Key.Key_Escape, Qt.Key.Key_Space):
            self.close()


class _LargePicture(QLabel):
    def __init__(self, path: str, side: int) -> None:
        super().__init__()
        self._path = path
        self._side = side
        thumbnails.current().loaded.connect(self._loaded)

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def _loaded(self, path: str) -> None:
        if path == self._path:
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        pixmap = thumbnails.current().get(self._path, self._side, self.devicePixelRatioF())
        painter = QPainter(self)
        thumbnails.paint(painter, QRectF(self.rect()), pixmap, theme.current().colors)
        painter.end()
