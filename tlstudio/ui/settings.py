"""What the window remembers from one start to the next."""

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings


def open_settings(path: Path) -> QSettings:
    """The settings file; one that is damaged is replaced by an empty one."""
    settings = QSettings(str(path), QSettings.Format.IniFormat)
    settings.allKeys()
    if settings.status() == QSettings.Status.FormatError:
        path.unlink(missing_ok=True)
        settings = QSettings(str(path), QSettings.Format.IniFormat)
    return settings


def text(settings: QSettings, key: str, default: str = "") -> str:
    value = settings.value(key, default)
    return value if isinstance(value, str) else default


def flag(settings: QSettings, key: str, default: bool) -> bool:
    return {"true": True, "false": False}.get(str(settings.value(key)).lower(), default)


def layout(settings: QSettings, key: str) -> QByteArray:
    """A geometry or splitter state, empty where none or nonsense was stored."""
    value = settings.value(key)
    return value if isinstance(value, QByteArray) else QByteArray()
