"""What the methods of a Qt model get: a position, or one that is kept up to date."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex

Index = QModelIndex | QPersistentModelIndex
