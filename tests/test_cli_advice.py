import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tlstudio import cli
from tlstudio.advice_events import Advice, BackboneScore, DataSize, DepthProbe, Similarity
from tlstudio.cli_advice import in_one_line, taken
from tlstudio.cli_arguments import parse, project_from
from tlstudio.control import Control
from tlstudio.events import Event, Failed
from tlstudio.host import jobs
from tlstudio.project import store
from tlstudio.project.freeze_plan import BATCH_NORM
from tlstudio.project.spec import Backbone, FreezePlan, Pictures, Project

SMALL = ("--input-shape", "32x32", "--device", "cpu")
PROBE = DepthProbe("top", "top_relu", 1280, 0.9, 0.02)
ADVICE = Advice(
    strategy="top",
    unfreeze_from="block6a_expand_conv",
    learning_rate=0.0001,
    epochs=12,
    pooling="gmp",
    augmentation="views",
    reasons=("Few pictures.", "Unlike ImageNet."),
    size=DataSize(24, 3, 8, False),
    similarity=Similarity(False, -0.1, (PROBE,), 0.3),
    backbones=(BackboneScore("EfficientNetLite0", -0.1, 0.004, 3_413_024, 18.0),),
)


def run(*arguments: object) -> int:
    return cli.run([str(argument) for argument in arguments])


def test_the_document_is_as_the_contract_has_it(
    shapes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("advise", shapes, *SMALL, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) >= {"strategy", "reasons", "size", "similarity", "backbones"}
    assert document["size"]["pictures"] == 24
    assert len(document["similarity"]["probes"]) == 9
    assert document["backbones"][0]["name"] == "EfficientNetLite0"
    assert isinstance(document["backbones"][0]["score"], float)


def answering(monkeypatch: pytest.MonkeyPatch, *events: Event) -> list[jobs.Request]:
    asked: list[jobs.Request] = []

    def answer(request: jobs.Request, _control: Control) -> Iterator[Event]:
        asked.append(request)
        yield from events

    monkeypatch.setattr(jobs, "run", answer)
    return asked


def test_what_is_asked_about(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = answering(monkeypatch, ADVICE)
    path = tmp_path / "mine.tlstudio"
    backbone = Backbone(name="VGG16", weights="imagenet", input_shape=(64, 64))
    store.save(Project(pictures=Pictures(source=tmp_path / "pictures"), backbone=backbone), path)
    run("advise", path, "--seed", 3)
    run("advise", tmp_path, "--backbone", "resnet50", "--no-rank")
    first, second = asked
    assert isinstance(first, jobs.AdviseRequest)
    assert isinstance(second, jobs.AdviseRequest)
    assert (first.rank, second.rank) == (True, False)
    assert first.project.backbone == backbone
    assert first.project.training.seed == 3
    assert second.project.backbone.name == "ResNet50"
    assert second.project.backbone.weights == "imagenet"
    assert second.project.pictures.source == tmp_path


def test_people_get_the_reasons_the_figures_and_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, PROBE, ADVICE)
    assert run("advise", "pictures") == 0
    said = capsys.readouterr().out
    for part in ("Few pictures.\nUnlike ImageNet.", "top_relu", "90 % ± 2", "-0.100", "18 MB"):
        assert part in said
    options = in_one_line(ADVICE).removeprefix("Advised: ").split()
    project = project_from(parse(["train", "pictures", *options, "--out", "run"]))
    by_advice = project_from(parse(["train", "pictures", "--strategy", "auto", "--out", "run"]))
    nothing_else = parse(["train", "pictures", "--out", "run"])
    assert project == taken(by_advice, ADVICE, nothing_else)


def test_a_training_takes_the_advice_and_says_why(
    shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    options = ("--epochs", 2, "--augment", "off", "--json")
    assert run("train", shapes, *SMALL, "--strategy", "auto", *options, "--out", out) == 0
    output, errors = capsys.readouterr()
    events = [json.loads(line) for line in output.splitlines()]
    advice = next(event for event in events if event["event"] == "advice")
    started = next(event for event in events if event["event"] == "started")
    assert started["strategy"] == advice["strategy"]
    assert started["epochs"] == 2
    assert started["learning_rate"] == pytest.approx(advice["learning_rate"])
    assert events[-1]["event"] == "finished"
    for reason in advice["reasons"]:
        assert reason in errors
    assert "But as you say yourself: --epochs 2, --augment off." in errors


def test_what_is_chosen_is_kept_and_the_rest_is_advised() -> None:
    auto = ["train", "pictures", "--strategy", "auto", "--out", "run"]
    options = parse([*auto, "--epochs", "3", "--head", "flatten", "--augment", "live"])
    project = taken(project_from(options), ADVICE, options)
    assert project.training.epochs == 3
    assert project.head.pooling == "flatten"
    assert project.training.augmentation.mode == "live"
    assert project.training.learning_rate == 0.0001
    assert project.freeze.unfreeze_from == "block6a_expand_conv"


def test_with_random_weights_batchnorm_is_trained_whoever_says_what_to_train() -> None:
    plain = parse(["train", "pictures", "--weights", "random", "--strategy", "all", "--out", "run"])
    assert project_from(plain).freeze == FreezePlan(strategy="all", batchnorm=True)
    pretrained = parse(["train", "pictures", "--strategy", "all", "--out", "run"])
    assert not project_from(pretrained).freeze.batchnorm
    advice = replace(ADVICE, strategy="all", unfreeze_from="", batchnorm=True)
    frozen = Project(
        pictures=Pictures(source=Path("pictures")), backbone=Backbone(weights="random")
    )
    assert taken(frozen, advice, pretrained).freeze == FreezePlan(strategy="all", batchnorm=True)


def test_a_description_with_random_weights_trains_batchnorm_as_a_training_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = ("--input-shape", "32x32", "--strategy", "all", "--json")
    trained = {}
    for weights in ("random", "imagenet"):
        assert run("describe", "MobileNetV3Small", "--weights", weights, *small) == 0
        layers = json.loads(capsys.readouterr().out)["layers"]
        norms = [layer for layer in layers if layer["type"] == BATCH_NORM]
        trained[weights] = {layer["trainable"] for layer in norms}
    assert trained == {"random": {True}, "imagenet": {False}}


def test_without_advice_nothing_is_trained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = answering(monkeypatch, Failed("Too few pictures.", "Add more.", 2))
    assert run("train", "pictures", "--strategy", "auto", "--out", tmp_path / "run") == 2
    assert len(asked) == 1
    assert "Too few pictures." in capsys.readouterr().err


def test_a_recipe_and_the_advice_are_not_both_taken(capsys: pytest.CaptureFixture[str]) -> None:
    auto = ("train", "pictures", "--strategy", "auto", "--out", "run")
    assert run(*auto, "--recipe", "usual") == 2
    assert "Leave one of the two out." in capsys.readouterr().err


def test_a_description_has_no_strategy_to_be_advised(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("describe", "VGG16", "--strategy", "auto")
    assert "auto" in capsys.readouterr().err
