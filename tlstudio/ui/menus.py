"""The menus: everything the window can do, with its standard shortcuts."""

from collections.abc import Callable, Mapping
from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from tlstudio.ui import fields

Scheme = Qt.ColorScheme
THEMES = {"System": Scheme.Unknown, "Light": Scheme.Light, "Dark": Scheme.Dark}


class Commands(Protocol):
    """What the menus call; the window has it all."""

    @property
    def panels(self) -> Mapping[str, QWidget]: ...

    def ask_for_folder(self) -> None: ...
    def ask_for_project(self) -> None: ...
    def save(self) -> None: ...
    def save_as(self) -> None: ...
    def ask_for_run(self) -> None: ...
    def ask_where_to_save_model(self) -> None: ...
    def show_script(self) -> None: ...
    def open_sample(self) -> None: ...
    def close(self) -> bool: ...
    def train(self) -> None: ...
    def paste(self) -> None: ...
    def show_preferences(self) -> None: ...
    def choose_theme(self, name: str) -> None: ...
    def show_panel(self, name: str, shown: bool) -> None: ...
    def reset_layout(self) -> None: ...
    def show_about(self) -> None: ...
    def open_log_folder(self) -> None: ...


def build(commands: Commands, theme_name: str, parent: QWidget) -> QMenuBar:
    """The menu bar, with the name of the theme in force checked."""
    bar = QMenuBar(parent)
    keys = QKeySequence.StandardKey
    file = bar.addMenu("&File")
    _add(file, "&Open folder…", commands.ask_for_folder, keys.Open)
    _add(file, "Open &project…", commands.ask_for_project, "Ctrl+Shift+O")
    _add(file, "Open r&un…", commands.ask_for_run, "Ctrl+U")
    _add(file, "&Try the sample", commands.open_sample)
    file.addSeparator()
    _add(file, "&Save project", commands.save, keys.Save)
    _add(file, "Save project &as…", commands.save_as, "Ctrl+Shift+S")
    _add(file, "Save &model…", commands.ask_where_to_save_model)
    _add(file, "&Keras script…", commands.show_script, "Ctrl+K")
    file.addSeparator()
    _add(file, "T&rain", commands.train, "Ctrl+R")
    file.addSeparator()
    leave = _add(file, "&Quit", commands.close, "Ctrl+Q")
    leave.setMenuRole(QAction.MenuRole.QuitRole)

    edit = bar.addMenu("&Edit")
    _add(edit, "&Paste picture", commands.paste, keys.Paste)
    edit.addSeparator()
    preferences = _add(edit, "Pr&eferences…", commands.show_preferences, "Ctrl+,")
    preferences.setMenuRole(QAction.MenuRole.PreferencesRole)

    view = bar.addMenu("&View")
    for name, panel in commands.panels.items():
        action = view.addAction(name)
        action.setCheckable(True)
        action.setChecked(not panel.isHidden())
        action.toggled.connect(_switch(commands, name))
    view.addSeparator()
    _add(view, "&Reset layout", commands.reset_layout)
    view.addSeparator()
    schemes = view.addMenu("&Theme")
    group = QActionGroup(schemes)
    for name in THEMES:
        action = schemes.addAction(name)
        action.setCheckable(True)
        action.setChecked(name == theme_name)
        action.triggered.connect(_chooser(commands, name))
        group.addAction(action)

    about = bar.addMenu("&Help")
    _add(about, "Open &log folder", commands.open_log_folder)
    about.addSeparator()
    _add(about, "&About tlstudio", commands.show_about).setMenuRole(QAction.MenuRole.AboutRole)
    return bar


def _add(
    menu: QMenu,
    text: str,
    command: Callable[[], object],
    *keys: QKeySequence.StandardKey | str,
) -> QAction:
    action = menu.addAction(text)
    if keys:
        action.setShortcuts([QKeySequence(key) for key in keys])
    action.triggered.connect(fields.commit_edit)
    action.triggered.connect(lambda _=False: command())
    return action


def _switch(commands: Commands, name: str) -> Callable[[bool], None]:
    return lambda shown: commands.show_panel(name, shown)


def _chooser(commands: Commands, name: str) -> Callable[[], None]:
    return lambda: commands.choose_theme(name)
