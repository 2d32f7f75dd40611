import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tlstudio import cli
from tlstudio.paths import resource

SAMPLE = resource("samples", "emoji")
SMALL = ("--input-shape", "32x32", "--batch-size", "8", "--device", "cpu")
RANDOM = ("--weights", "random")


def call(*arguments: object) -> tuple[int, str, str]:
    """Run the command in a process of its own, as a person does."""
    done = subprocess.run(
        [sys.executable, "-m", "tlstudio", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """The JSON document of a command run in this process."""
    assert cli.run([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def run(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    status, output, errors = call("train", shapes, *SMALL, "--epochs", 4, "--out", out, "--json")
    assert status == 0, errors
    lines = [json.loads(line) for line in output.splitlines()]
    said = {line["event"] for line in lines} - {"figures"}
    assert said == {"started", "progress", "epoch", "finished"}
    last = lines[-1]
    assert last["event"] == "finished"
    assert set(last) >= {
        "run",
        "epochs",
        "val_accuracy",
        "val_loss",
        "classes",
        "pictures",
        "seconds",
        "cache",
        "strategy",
        "boundary",
    }
    assert last["pictures"] == {"train": 24, "val": 6, "skipped": 0}
    assert set(last["seconds"]) == {"extract", "train", "total"}
    assert last["epochs"] == 4
    epoch = next(line for line in lines if line["event"] == "epoch")
    assert set(epoch) >= {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"}
    return out


def test_describe_as_the_contract_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    flatten = answer(
        capsys, "describe", "VGG16", "--weights", "random", "--head", "flatten", "--dense", 512
    )
    assert next(row["params"] for row in flatten["head"] if row["type"] == "Dense") == 12_845_568
    assert set(flatten) >= {"backbone", "input_shape", "layers", "head", "params", "boundary"}
    layer = flatten["layers"][1]
    assert layer["name"] == "block1_conv1"
    assert layer["block"] == "block1"
    assert layer["output_shape"] == [224, 224, 64]
    assert layer["trainable"] is False
    whole = answer(capsys, "describe", "VGG16", "--weights", "random", "--include-top")
    assert whole["params"]["total"] == 138_357_544


def test_a_head_beside_the_networks_own_classifier_is_said_to_be_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["describe", "MobileNet", "--weights", "random", "--include-top"]
    plain = answer(capsys, *asked)
    assert cli.run([*asked, "--head", "flatten", "--json"]) == 0
    said = capsys.readouterr()
    assert "no head is shown" in said.err
    assert json.loads(said.out) == plain


def test_describe_says_what_a_weights_file_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.h5"
    with h5py.File(path, "w") as file:
        for name, shape in (("block1_conv1", (3, 3, 3, 64)), ("block1_conv2", (5, 5, 64, 64))):
            file[f"layers/{name}/vars/0"] = np.zeros(shape, np.float32)
            file[f"layers/{name}/vars/1"] = np.zeros(64, np.float32)
            file[f"layers/{name}/vars"].attrs["name"] = name
    arguments = ["describe", "VGG16", "--weights", str(path), "--input-shape", "32x32"]

    assert cli.run([*arguments, "--json"]) == 2
    weights = json.loads(capsys.readouterr().out)["weights"]
    assert set(weights) == {"matched", "missing", "different", "unused", "refused", "hint"}
    assert weights["matched"] == ["block1_conv1"]
    assert len(weights["missing"]) == 11
    assert cli.run(arguments) == 2
    said = capsys.readouterr()
    assert "the weights file has 1 and lacks 12" in said.out
    assert "different: block1_conv2: kernel is 5 x 5 x 64 x 64 in the file" in said.out
    assert said.err == f"{weights['refused']}\n{weights['hint']}\n"
    assert "weights" not in answer(capsys, "describe", "VGG16", "--input-shape", "32x32", *RANDOM)

    path.write_bytes(b"no weights")
    assert cli.run(arguments) == 2
    assert "mine.h5 is damaged" in capsys.readouterr().err


def test_backbones_as_the_contract_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in answer(capsys, "backbones")}
    assert {"VGG16", "ResNet50", "MobileNet", "MobileNetV2", "EfficientNetLite0"} <= set(rows)
    keys = {"name", "family", "params", "input_shape", "top1", "size_mb", "weights", "cached"}
    assert all(set(row) >= keys for row in rows.values())
    assert rows["EfficientNetLite0"]["params"] == 3_413_024
    assert "bundled" in rows["EfficientNetLite0"]["weights"]
    assert "imagenet" in rows["VGG16"]["weights"]
    assert rows["MobileNetV3Small"]["arguments"] == ["alpha", "minimalistic"]
    assert rows["ResNet50"]["year"] == 2015
    assert all(row["seconds_per_picture"] is None for row in rows.values())


def test_a_backbone_is_measured_on_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer(capsys, "backbones", "--measure", "mobilenetv3small")
    times = {row["name"]: row["seconds_per_picture"] for row in rows}
    assert 0 < times.pop("MobileNetV3Small") < 5
    assert not any(times.values())


def test_arguments_that_a_backbone_has(capsys: pytest.CaptureFixture[str]) -> None:
    small = ("--weights", "random", "--input-shape", "32x32", "--alpha", 0.25)
    plain = answer(capsys, "describe", "MobileNet", *small)["params"]["backbone"]
    deep = answer(capsys, "describe", "MobileNet", *small, "--depth-multiplier", 2)
    assert deep["params"]["backbone"] > plain
    large = ("--weights", "random", "--input-shape", "32x32")
    whole = answer(capsys, "describe", "MobileNetV3Small", *large)["params"]["backbone"]
    simple = answer(capsys, "describe", "MobileNetV3Small", *large, "--minimalistic")
    assert simple["params"]["backbone"] < whole


def test_scan_as_the_contract_has_it(
    capsys: pytest.CaptureFixture[str], shapes: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for picture in list((shapes / "disc").iterdir())[:3]:
            (tmp_path / name / picture.name).write_bytes(picture.read_bytes() + name.encode())
    (tmp_path / "a" / "fake.jpg").write_text("text", encoding="utf-8")
    found = answer(capsys, "scan", tmp_path)
    assert found["classes"] == {"a": 3, "b": 3}
    assert found["pictures"] == 6
    assert [(p["kind"], Path(p["path"]).name) for p in found["problems"]] == [
        ("not_a_picture", "fake.jpg")
    ]
    assert found["problems"][0]["detail"]


def test_evaluate_and_predict_as_the_contract_has_them(
    capsys: pytest.CaptureFixture[str], run: Path, shapes: Path, tmp_path: Path
) -> None:
    figures = answer(capsys, "evaluate", run)
    keys = {"accuracy", "loss", "classes", "confusion", "per_class", "calibration", "pictures"}
    assert set(figures) >= keys
    assert figures["classes"] == ["bars", "disc", "half"]
    assert set(figures["per_class"]["disc"]) == {"precision", "recall", "f1", "support"}
    assert set(figures["calibration"]) == {"ece", "temperature"}
    assert set(figures["pictures"][0]) == {"path", "true", "predicted", "probability"}
    fake = tmp_path / "fake.jpg"
    fake.write_text("text", encoding="utf-8")
    table = tmp_path / "table.csv"
    picture = shapes / "disc" / "disc 0.png"
    good, bad = answer(capsys, "predict", run, picture, fake, "--top", 2, "--csv", table)
    assert set(good) == {"path", "class", "probability", "unknown", "top"}
    assert good["top"][0] == {"class": good["class"], "probability": good["probability"]}
    assert len(good["top"]) == 2
    assert set(bad) == {"path", "error"}
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["path", "class", "probability", "unknown", "bars", "disc", "half"]
    total = sum(float(rows[0][name]) for name in figures["classes"])
    assert total == pytest.approx(1.0, abs=1e-5)
    assert rows[1]["class"] == ""


def test_text_answers_are_for_people(
    capsys: pytest.CaptureFixture[str], run: Path, shapes: Path
) -> None:
    assert cli.run(["evaluate", str(run)]) == 0
    assert "pictures are right" in capsys.readouterr().out
    assert cli.run(["scan", str(shapes)]) == 0
    assert "30  pictures in 3 classes" in capsys.readouterr().out
    assert cli.run(["backbones"]) == 0
    assert "VGG16" in capsys.readouterr().out
    assert cli.run(["describe", "MobileNetV2", "--weights", "random"]) == 0
    assert "frozen part ends at" in capsys.readouterr().out
    assert cli.run(["predict", str(run), str(shapes / "disc")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10


@pytest.mark.parametrize(
    ("arguments", "wrong", "remedy"),
    [
        (["nonsense"], "no command, project or folder 'nonsense'", "--help"),
        (["train"], "required", "--help"),
        (["train", "missing folder", "--out", "out"], "missing folder", "."),
        (["describe", "VGG61"], "VGG61", "VGG16"),
        (["describe", "VGG16", "--weights", "bundled"], "bundled", "imagenet"),
        (["describe", "VGG16", "--input-shape", "8x8"], "32", "larger"),
        (["describe", "VGG16", "--input-shape", "big"], "big", "--help"),
        (["describe", "VGG16", "--dropout", "2"], "--dropout cannot be 2.0", "less than"),
        (["describe", "VGG16", "--unfreeze-from", "nope"], "nope", "block"),
        (["predict", "missing run", "a.png"], "missing run", "."),
        (["evaluate", "missing run"], "missing run", "."),
        (["resume", "missing run"], "missing run", "."),
        (["resume"], "required", "tlstudio resume --help"),
        (["describe", "VGG16", "--size", "3"], "--size 3", "tlstudio describe --help"),
        (["--nonsense"], "--nonsense", "`tlstudio --help"),
        (["scan", "missing"], "missing", "."),
        (["scan", "~nobody/pictures"], "~nobody", "."),
        (["scann", "pictures"], "no command 'scann', but 'scan'", "--help"),
        (["--json", "scan", "x"], "come after the command", "--help"),
        (["x" * 300], "no command, project or folder", "--help"),
        (["predict", "x" * 300, "a.png"], "is not a run", "."),
        (["describe", "VGG16", "--input-shape", "²x²"], "²x²", "--help"),
        (["describe", "VGG16", "--weights", "x" * 300 + ".h5"], "no weights file", "."),
        (["describe", "MobileNet", "--weights", "imagenet", "--alpha", "0.3"], "0.3", "alpha"),
        (["describe", "VGG16", "--alpha", "0.5"], "no width multiplier", "MobileNet"),
        (["describe", "VGG16", "--depth-multiplier", "2"], "no depth multiplier", "MobileNet"),
        (["describe", "VGG16", "--minimalistic"], "no minimalistic", "MobileNetV3"),
        (["describe", "MobileNet", "--depth-multiplier", "2"], "multiplier of 2", "random"),
        (["describe", "MobileNet", "--depth-multiplier", "0"], "cannot be 0", "greater"),
        (
            ["describe", "MobileNetV3Large", "--minimalistic", "--alpha", "0.75"],
            "at width 0.75",
            "Set alpha to one of 1,",
        ),
        (
            ["describe", "VGG16", "--include-top", "--input-shape", "96x96"],
            "224 x 224 alone",
            "random",
        ),
        (["backbones", "--measure", "VGG61"], "VGG61", "VGG16"),
        (["train", str(SAMPLE), "--device", "gpu:²", "--out", "out"], "gpu:²", "cpu"),
    ],
)
def test_wrong_usage_is_two_sentences_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], wrong: str, remedy: str
) -> None:
    try:
        status = cli.run(arguments)
    except SystemExit as end:
        status = int(str(end.code))
    output = capsys.readouterr()
    assert status == 2
    assert output.out == ""
    message, hint = output.err.strip().splitlines()
    assert wrong in message
    assert remedy in hint
    assert "Traceback" not in output.err


def test_json_alone_is_on_stdout_and_a_failed_training_says_so_there(
    shapes: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()
    out = tmp_path / "taken"
    status, output, errors = call("train", shapes, *SMALL, "--out", out, "--json")
    assert status == 2
    last = json.loads(output.splitlines()[-1])
    assert last["event"] == "failed"
    assert "not empty" in last["message"]
    assert last["message"] in errors
    assert "Traceback" not in errors


def test_an_interrupt_keeps_the_best_epoch_and_is_status_130(shapes: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = ["train", str(shapes), *SMALL, "--epochs", "10000", "--out", str(out), "--json"]
    lines = []
    with subprocess.Popen(
        [sys.executable, "-m", "tlstudio", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(json.loads(line))
                if lines[-1]["event"] == "epoch" and lines[-1]["epoch"] == 3:
                    os.kill(process.pid, signal.SIGINT)
            assert process.wait(timeout=30) == 130
        finally:
            process.kill()
    assert lines[-1]["event"] == "finished"
    assert lines[-1]["stopped"] is True
    assert (out / "model.keras").is_file()


def test_a_project_file_is_trained_with_options_on_top(shapes: Path, tmp_path: Path) -> None:
    from tlstudio.project import runs, store
    from tlstudio.project.spec import Backbone, Pictures, Project, Training

    project = Project(
        pictures=Pictures(source=shapes),
        backbone=Backbone(input_shape=(32, 32)),
        training=Training(epochs=50, batch_size=8),
    )
    path = tmp_path / "Mine.TLSTUDIO"
    store.save(project, path)
    out = tmp_path / "run"
    assert cli.run(["train", str(path), "--epochs", "1", "--out", str(out)]) == 0
    assert runs.read_run(out).project == project.model_copy(
        update={"training": project.training.model_copy(update={"epochs": 1})}
    )


def test_the_demo_predicts_held_out_pictures_and_ends_with_its_result(tmp_path: Path) -> None:
    status, output, errors = call(
        "demo", "--headless", "--json", "--epochs", 2, "--out", tmp_path / "run"
    )
    assert status == 0, errors
    lines = [json.loads(line) for line in output.splitlines()]
    assert lines[-1]["event"] == "finished"
    assert sum(line["event"] == "prediction" for line in lines) == 5


@pytest.mark.slow
def test_the_demo_is_right_in_85_of_100_as_the_mean_of_five_splits(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    accuracies = []
    for seed in range(1, 6):
        out = tmp_path / f"run{seed}"
        assert (
            cli.run(["demo", "--headless", "--json", "--seed", str(seed), "--out", str(out)]) == 0
        )
        accuracies.append(json.loads(capsys.readouterr().out.splitlines()[-1])["val_accuracy"])
    assert sum(accuracies) / 5 >= 0.85, accuracies


def test_an_unwritable_log_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    blocked = {"XDG_STATE_HOME": str(tmp_path / "file"), "XDG_CACHE_HOME": str(tmp_path / "file")}
    done = subprocess.run(
        [sys.executable, "-m", "tlstudio", "backbones"],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | blocked,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_json_is_utf_8_whatever_the_systems_encoding(shapes: Path, tmp_path: Path) -> None:
    source = tmp_path / "Füße 🦶"
    shutil.copytree(shapes, source)
    (source / "disc").rename(source / "Ärmel 🧥")
    done = subprocess.run(
        [sys.executable, "-m", "tlstudio", "scan", str(source), "--json"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Ärmel 🧥" in json.loads(done.stdout.decode("utf-8"))["classes"]


def test_a_reader_that_goes_away_gets_no_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tlstudio", "backbones"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 1
    assert errors == ""


def test_a_missing_project_is_a_failed_event_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = tmp_path / "gone.tlstudio"
    assert cli.run(["train", str(missing), "--out", str(tmp_path / "run"), "--json"]) == 2
    output = capsys.readouterr()
    assert json.loads(output.out)["event"] == "failed"
    assert "gone.tlstudio" in output.err


def test_a_table_that_cannot_be_written_takes_no_answer_away(
    capsys: pytest.CaptureFixture[str], run: Path, shapes: Path, tmp_path: Path
) -> None:
    command = ["predict", str(run), str(shapes / "disc"), "--json", "--csv", str(tmp_path)]
    assert cli.run(command) == 1
    output = capsys.readouterr()
    assert len(json.loads(output.out)) == 10
    assert "is a folder" in output.err


def test_an_option_on_top_of_a_project_leaves_its_batchnorm(shapes: Path, tmp_path: Path) -> None:
    from tlstudio.cli_arguments import parse, project_from
    from tlstudio.project import store
    from tlstudio.project.spec import FreezePlan, Pictures, Project

    plan = FreezePlan(strategy="all", batchnorm=True)
    store.save(Project(pictures=Pictures(source=shapes), freeze=plan), tmp_path / "p.tlstudio")
    for option in (["--strategy", "top"], ["--unfreeze-from", "block5a_add"]):
        command = ["train", str(tmp_path / "p.tlstudio"), *option, "--out", "run"]
        assert project_from(parse(command)).freeze.batchnorm


def test_a_second_interrupt_ends_a_job_that_hangs(run: Path, tmp_path: Path) -> None:
    """As on a network share that does not answer."""
    script = tmp_path / "hangs.py"
    script.write_text(HANGS, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, script, str(run)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"reading\n"
    process.send_signal(signal.SIGINT)
    assert any(b"again" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    process.stdout.close()
    process.stderr.close()


HANGS = """
import sys, threading
from tlstudio import cli
from tlstudio.data import decode

def wait(path):
    print("reading", flush=True)
    threading.Event().wait()

decode.open_regular = wait
sys.exit(cli.run(["predict", sys.argv[1], "a.png"]))
"""
