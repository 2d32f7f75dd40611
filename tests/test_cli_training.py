import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tlstudio import cli, cli_output
from tlstudio.cli_arguments import parse, project_from
from tlstudio.control import Control
from tlstudio.errors import TlstudioError
from tlstudio.events import CacheUse, Epoch, Event, Failed, Figures
from tlstudio.host import jobs
from tlstudio.project import store
from tlstudio.project.recipe import usual_recipe
from tlstudio.project.spec import Augmentation, FreezePlan, Pictures, Project, Training

VALUES = {
    "optimizer": "sgd",
    "learning_rate": 0.5,
    "epochs": 5,
    "head_epochs": 2,
    "head_learning_rate": 0.125,
    "schedule": "cosine",
    "warmup": 4,
    "batch_size": 5,
    "class_weights": True,
    "label_smoothing": 0.25,
    "clip_norm": 1.5,
    "early_stopping": 6,
    "reduce_on_plateau": 7,
    "seed": 8,
    "device": "gpus",
    "precision": "float32",
    "features": "float16",
}
CHANGES = {
    "views": 3,
    "flip": 0.75,
    "flip_vertical": 0.25,
    "rotation": 45.0,
    "zoom": 0.3,
    "shift": 0.4,
    "brightness": 0.5,
    "contrast": 0.6,
    "colour": 0.7,
    "cutout": 0.8,
}


def training(*options: object, source: Path = Path("pictures")) -> Training:
    command = ["train", str(source), *map(str, options), "--out", "run"]
    return project_from(parse(command)).training


def spelled(values: dict[str, object]) -> list[object]:
    words: list[object] = []
    for name, value in values.items():
        words += [f"--{name.replace('_', '-')}", *([] if value is True else [value])]
    return words


def test_each_decision_has_an_option() -> None:
    decisions = Training.model_fields.keys() - {"augmentation"}
    assert decisions == VALUES.keys()
    assert Augmentation.model_fields.keys() - {"mode"} == CHANGES.keys()
    assert training(
        *spelled(VALUES | CHANGES), "--augment", "views", "--strategy", "top"
    ) == Training.model_validate(VALUES | {"augmentation": CHANGES | {"mode": "views"}})


def test_without_options_all_is_as_it_was(tmp_path: Path) -> None:
    assert training() == Training()
    own = Training.model_validate(VALUES | {"augmentation": CHANGES | {"mode": "live"}})
    path = tmp_path / "own.tlstudio"
    store.save(Project(pictures=Pictures(source=tmp_path), training=own), path)
    assert training(source=path) == own
    assert training("--no-class-weights", source=path).class_weights is False
    changed = training("--zoom", 0, source=path)
    assert changed.augmentation == own.augmentation.model_copy(update={"zoom": 0.0})
    assert training("--augment", "off", source=path).augmentation.mode == "off"


@pytest.fixture
def uneven(tmp_path: Path) -> Path:
    """A class of two pictures, one of one, and one without."""
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "c").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("plan", "trains_backbone"), [("head", False), ("top", True), ("all", True)]
)
def test_the_usual_recipe_suits_plan_and_pictures(
    plan: str, trains_backbone: bool, uneven: Path
) -> None:
    chosen = training("--recipe", "usual", "--strategy", plan, source=uneven)
    assert chosen == usual_recipe(Training(), trains_backbone, imbalance=2.0)
    assert chosen.class_weights
    (uneven / "a" / "2.png").unlink()
    assert not training("--recipe", "usual", source=uneven).class_weights


@pytest.mark.parametrize(("layers", "trains_backbone"), [((), False), (("top_conv",), True)])
def test_the_usual_recipe_of_a_custom_plan(
    layers: tuple[str, ...], trains_backbone: bool, uneven: Path
) -> None:
    path = uneven / "own.tlstudio"
    plan = FreezePlan(strategy="custom", layers=layers)
    store.save(Project(pictures=Pictures(source=uneven), freeze=plan), path)
    chosen = training("--recipe", "usual", source=path)
    assert (chosen.head_epochs > 0) is trains_backbone


def test_single_options_go_on_top_of_the_recipe(uneven: Path) -> None:
    options = ("--warmup", 0, "--no-class-weights", "--rotation", 30, "--epochs", 4)
    chosen = training("--recipe", "usual", *options, source=uneven)
    recipe = usual_recipe(Training(epochs=4), True, 1.0)
    assert chosen == recipe.model_copy(
        update={
            "warmup": 0,
            "augmentation": recipe.augmentation.model_copy(update={"rotation": 30.0}),
        }
    )


def test_the_recipe_tunes_the_top_layers_where_no_plan_is_named(uneven: Path) -> None:
    command = ["train", str(uneven), "--recipe", "usual", "--out", "run"]
    assert project_from(parse(command)).freeze == FreezePlan(strategy="top")
    assert project_from(parse([*command, "--strategy", "all"])).freeze.strategy == "all"
    assert project_from(parse(["train", str(uneven), "--out", "run"])).freeze.strategy == "head"


def test_the_recipe_needs_pictures() -> None:
    with pytest.raises(TlstudioError) as caught:
        training("--recipe", "usual", source=Path("missing folder"))
    assert "missing folder" in caught.value.message


@pytest.mark.parametrize(
    ("options", "wrong", "remedy"),
    [
        (
            ["--flip", "1.5", "--augment", "live"],
            "--flip cannot be 1.5.",
            "less than or equal to 1",
        ),
        (["--flip-vertical", "-1", "--augment", "live"], "--flip-vertical cannot be -1.0.", "0"),
        (["--rotation", "nan", "--augment", "live"], "--rotation cannot be nan.", "finite"),
        (["--views", "0", "--augment", "views"], "--views cannot be 0.", "1"),
        (["--views", "3"], "--views changes nothing", "--augment views"),
        (["--views", "3", "--augment", "live"], "augmentation is live", "--augment views"),
        (["--flip-vertical", "1"], "--flip-vertical changes nothing", "--augment live"),
        (["--augment", "sometimes"], "'sometimes'", "--help"),
        (["--head-epochs", "-2"], "--head-epochs cannot be -2.", "0"),
        (["--reduce-on-plateau", "-1"], "--reduce-on-plateau cannot be -1.", "0"),
        (["--label-smoothing", "1"], "--label-smoothing cannot be 1.0.", "less than 1"),
        (["--clip-norm", "inf"], "--clip-norm cannot be inf.", "finite"),
        (["--early-stopping", "2.5"], "'2.5'", "--help"),
        (["--schedule", "linear"], "'linear'", "--help"),
        (["--precision", "float16"], "'float16'", "--help"),
        (["--recipe", "unusual"], "'unusual'", "--help"),
        (["--head-epochs", "3"], "--head-epochs changes nothing", "--strategy top"),
        (["--head-learning-rate", "0.1"], "--head-learning-rate changes", "--head-epochs 5"),
        (["--head-learning-rate", "0"], "--head-learning-rate cannot be 0", "0"),
        (["--warmup", "30", "--epochs", "3"], "warm-up of 30 epochs", "--warmup"),
    ],
)
def test_a_wrong_value_is_named_with_its_option(
    capsys: pytest.CaptureFixture[str], options: list[str], wrong: str, remedy: str
) -> None:
    try:
        status = cli.run(["train", "pictures", *options, "--out", "run"])
    except SystemExit as end:
        status = int(str(end.code))
    assert status == 2
    message, hint = capsys.readouterr().err.strip().splitlines()
    assert wrong in message
    assert remedy in hint


def test_help_is_in_groups(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["train", "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    places = [text.index(f"\n{title}:") for title in ("model", "training", "augmentation")]
    assert places == sorted(places)
    assert text.index("--rotation") > places[2]
    assert "(0.5)" in text


FIGURES = Figures(12.5, 1 << 30, "cpu", 0, CacheUse(3, 4))


def test_figures_are_for_programs_and_phases_for_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cli_output.print_event(FIGURES)
    output = capsys.readouterr()
    assert output.out + output.err == ""
    for phase in ("head", "plan"):
        cli_output.print_event(Epoch(1, 2, 0.5, 0.5, 0.5, 0.5, 1.0, True, 0.1, phase))  # type: ignore[arg-type]
    head, plan = capsys.readouterr().out.splitlines()
    assert "head alone" in head
    assert head.replace("  head alone", "") == plan


@pytest.mark.parametrize(
    ("last", "status"), [(Failed("It cannot.", "Do so.", 2), 2), (Failed("It broke.", "Again."), 1)]
)
def test_resume_prints_the_events_of_a_training(
    last: Failed,
    status: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def run(request: jobs.Request, control: Control) -> Iterator[Event]:
        asked.append(request)
        yield FIGURES
        yield last

    monkeypatch.setattr(jobs, "run", run)
    assert cli.run(["resume", "some run", "--json"]) == status
    output = capsys.readouterr()
    first, end = (json.loads(line) for line in output.out.splitlines())
    assert first["event"] == "figures"
    assert first["cache"] == {"hits": 3, "misses": 4}
    assert (end["event"], end["message"], end["hint"]) == ("failed", last.message, last.hint)
    assert output.err == f"{last.message}\n{last.hint}\n"
    assert asked == [jobs.ResumeRequest(Path("some run"))]
