"""Colours and the one style sheet, light and dark, following the system unless told otherwise."""

from dataclasses import dataclass
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from tlstudio.paths import resource

SPACING = 10
CARD_PADDING = 14


@dataclass(frozen=True, slots=True)
class Colors:
    background: str
    card: str
    field: str
    border: str
    text: str
    muted: str
    accent: str
    accent_hover: str
    on_accent: str
    accent_soft: str
    amber: str
    amber_soft: str
    trained: str
    frozen: str
    track: str
    error: str


LIGHT = Colors(
    background="#f2f4f7",
    card="#ffffff",
    field="#f0f3f8",
    border="#dfe4ec",
    text="#161b24",
    muted="#596274",
    accent="#2563eb",
    accent_hover="#1d4fd0",
    on_accent="#ffffff",
    accent_soft="#e4ecfd",
    amber="#b45f06",
    amber_soft="#f7ecdd",
    trained="#0e8a53",
    frozen="#6b83b0",
    track="#e9edf3",
    error="#b3261e",
)
DARK = Colors(
    background="#121418",
    card="#1b1e25",
    field="#262a33",
    border="#2e333e",
    text="#eceff4",
    muted="#a0a8b7",
    accent="#5c9bff",
    accent_hover="#7badff",
    on_accent="#0b1220",
    accent_soft="#223352",
    amber="#ffad42",
    amber_soft="#3a2f1f",
    trained="#3fce8b",
    frozen="#7f97c6",
    track="#2a2f39",
    error="#ff8a80",
)


class Theme(QObject):
    """The colours in force. `changed` is emitted after the application has been restyled."""

    changed = Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        self._chosen = Qt.ColorScheme.Unknown
        self.colors = LIGHT
        QGuiApplication.styleHints().colorSchemeChanged.connect(self.apply)
        self.apply()

    @property
    def is_dark(self) -> bool:
        return self.colors is DARK

    def choose(self, scheme: Qt.ColorScheme) -> None:
        """Follow the system (Unknown), or stay Light or Dark."""
        self._chosen = scheme
        QGuiApplication.styleHints().setColorScheme(scheme)
        self.apply()

    def apply(self) -> None:
        scheme = self._chosen
        # Where no desktop sets a scheme, Qt does not keep one that is set here either.
        if scheme == Qt.ColorScheme.Unknown:
            scheme = QGuiApplication.styleHints().colorScheme()
        self.colors = DARK if scheme == Qt.ColorScheme.Dark else LIGHT
        self._application.setPalette(_palette(self.colors))
        self._application.setStyleSheet(_style_sheet(self.colors))
        self.changed.emit()


def current() -> Theme:
    """The application's theme. Raises RuntimeError before `ui.app` has made one."""
    application = QApplication.instance()
    theme = application.findChild(Theme) if application else None
    if theme is None:
        raise RuntimeError("the theme is made by ui.app before any widget")
    return theme


def _palette(colors: Colors) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colors.background,
        QPalette.ColorRole.WindowText: colors.text,
        QPalette.ColorRole.Base: colors.card,
        QPalette.ColorRole.AlternateBase: colors.field,
        QPalette.ColorRole.Text: colors.text,
        QPalette.ColorRole.Button: colors.field,
        QPalette.ColorRole.ButtonText: colors.text,
        QPalette.ColorRole.PlaceholderText: colors.muted,
        QPalette.ColorRole.Highlight: colors.accent,
        QPalette.ColorRole.HighlightedText: colors.on_accent,
        QPalette.ColorRole.ToolTipBase: colors.card,
        QPalette.ColorRole.ToolTipText: colors.text,
        QPalette.ColorRole.Link: colors.accent,
    }
    for role, color in roles.items():
        palette.setColor(role, QColor(color))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colors.muted))
    return palette


def _style_sheet(colors: Colors) -> str:
    template = Template(resource("themes", "style.qss").read_text(encoding="utf-8"))
    names = {name: getattr(colors, name) for name in Colors.__slots__}
    icons = resource("icons").as_posix()
    return template.substitute(names, icons=icons, shade="dark" if colors is DARK else "light")
