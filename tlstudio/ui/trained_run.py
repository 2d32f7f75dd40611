"""The run whose model predicts, where it began with the backbone that is chosen now."""

from pathlib import Path

from tlstudio.errors import TlstudioError
from tlstudio.project import runs
from tlstudio.ui.session import Session


def trained_run(session: Session) -> Path | None:
    """None without such a run, where it began with other weights than are chosen now, and while the
    layers are not known.
    """
    if session.model is None or session.description is None:
        return None
    try:
        trained = runs.read_project(session.model).backbone
    except TlstudioError:
        return None
    return session.model if trained == session.decisions.backbone else None
