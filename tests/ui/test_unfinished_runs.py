from pathlib import Path

from window_fakes import write_unfinished

from tlstudio.project.spec import Pictures, Project
from tlstudio.ui.unfinished_runs import UnfinishedRuns

PROJECT = Project(pictures=Pictures(source=Path("/pets")))


def test_a_folder_asked_for_during_a_search_is_the_one_that_counts(qtbot, tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_unfinished(tmp_path / name / f"run of {name}", PROJECT, 1)
    found = UnfinishedRuns()
    told: list[list[str]] = []
    found.changed.connect(lambda: told.append([run.folder.name for run in found.runs]))
    found.look(tmp_path / "one")
    found.look(tmp_path / "nowhere")
    found.look(tmp_path / "other")
    qtbot.waitUntil(lambda: told != [])
    assert told == [["run of other"]]
    found.close()
