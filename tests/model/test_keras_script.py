"""The script of a project, against what tlstudio itself makes and does."""

import ast
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tlstudio.control import Control
from tlstudio.data.decode import decode
from tlstudio.errors import TlstudioError
from tlstudio.events import Epoch, LayerRow
from tlstudio.host import jobs
from tlstudio.model import backbone as backbones
from tlstudio.model.catalog import CATALOG
from tlstudio.model.freeze import freeze
from tlstudio.model.head import head_layers, whole_model
from tlstudio.model.keras_pictures import FoundPictures, found_pictures
from tlstudio.model.keras_script import keras_script
from tlstudio.model.weights import bundled_values
from tlstudio.project.freeze_plan import trainable_layers
from tlstudio.project.spec import (
    Augmentation,
    Backbone,
    DenseLayer,
    FreezePlan,
    Head,
    Pictures,
    Project,
    Training,
)
from tlstudio.training.loop import balancing_weights
from tlstudio.training.phases import phases_of
from tlstudio.training.schedule import rates
from tlstudio.training.state import State
from tlstudio.training.steps import make_optimizer

TWO = FoundPictures(("cats", "dogs"))
PETS = Pictures(source=Path("pets"))
RUFF = shutil.which("ruff", path=Path(sys.executable).parent)


def rows(first: str = "block0_conv") -> list[LayerRow]:
    """Blocks of a convolution, BatchNorm and Dropout."""
    made = [LayerRow("input", "InputLayer", "stem", (8, 8, 3), 0, False, 0)]
    for number in range(4):
        block, shape = f"block{number}", (8, 8, 4)
        made += [
            LayerRow(f"{block}_conv", "Conv2D", block, shape, 100, False, 100),
            LayerRow(f"{block}_bn", "BatchNormalization", block, shape, 16, False, 8),
            LayerRow(f"{block}_drop", "Dropout", block, shape, 0, False, 0),
        ]
    made[1] = replace(made[1], name=first)
    return made


def small(name: str, weights: str = "random", **fields: Any) -> Backbone:
    return Backbone(name=name, weights=weights, input_shape=(32, 32), **fields)


def run(script: str) -> dict[str, Any]:
    """What the script defines, without its `main`; Keras counts names as in a new process."""
    keras.utils.clear_session()
    names: dict[str, Any] = {"__name__": "script"}
    exec(compile(script, "script.py", "exec"), names)
    return names


def called(script: str) -> list[str]:
    """The functions that `main` calls, in order."""
    main = next(
        part
        for part in ast.parse(script).body
        if isinstance(part, ast.FunctionDef) and part.name == "main"
    )
    calls = [node.func for node in ast.walk(main) if isinstance(node, ast.Call)]
    calls.sort(key=lambda call: call.lineno)
    return [call.attr if isinstance(call, ast.Attribute) else call.id for call in calls]


# The model


def of_tlstudio(project: Project, classes: int) -> tuple[keras.Model, keras.Model]:
    """The backbone and the model as the train job makes them."""
    backbone = backbones.build(project.backbone)
    freeze(backbone, trainable_layers(project.freeze, backbones.layer_rows(backbone)))
    head = head_layers(project.head, classes, project.training.seed)
    return backbone, whole_model(backbone, head, project.backbone.name)


def of_script(project: Project, layers: list[LayerRow]) -> tuple[keras.Model, keras.Model]:
    names = run(keras_script(project, layers, TWO))
    base = names["make_base"]()
    model = names["make_model"](base)
    names["set_trainable"](base)
    return base, model


def facts(model: keras.Model) -> list[tuple[object, ...]]:
    return [
        (
            layer.name,
            type(layer).__name__,
            layer.output.shape,
            layer.trainable or isinstance(layer, keras.Model),
            layer.count_params(),
            getattr(layer, "rate", None),
            getattr(layer, "activation", None),
            layer.dtype_policy.name,
        )
        for layer in model.layers
        if isinstance(layer, keras.layers.Layer)
    ]


def count(weights: list[keras.Variable]) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


@pytest.mark.parametrize(
    "decisions",
    [
        pytest.param({"backbone": small("EfficientNetLite0")}, id="Lite0, head only"),
        pytest.param(
            {
                "backbone": small("MobileNetV2", alpha=0.35),
                "freeze": FreezePlan(strategy="top"),
                "head": Head(dense=(DenseLayer(units=64, activation="gelu", dropout=0.3),)),
            },
            id="MobileNetV2, top layers",
        ),
        pytest.param(
            {
                "backbone": small("MobileNet", alpha=0.25),
                "freeze": FreezePlan(strategy="top", unfreeze_from="conv_pw_12", batchnorm=True),
                "head": Head(pooling="gmp", dense=(DenseLayer(units=8), DenseLayer(units=4))),
            },
            id="MobileNet, from a layer on with BatchNorm",
        ),
        pytest.param(
            {
                "backbone": small("VGG16"),
                "freeze": FreezePlan(
                    strategy="custom", layers=("block1_conv2", "block5_conv1", "block5_conv3")
                ),
                "head": Head(pooling="flatten", dropout=0.0),
            },
            id="VGG16, chosen layers",
        ),
        pytest.param(
            {
                "backbone": small("EfficientNetB0"),
                "freeze": FreezePlan(strategy="top", unfreeze_from="block4a_expand_conv"),
            },
            id="EfficientNet-B0 with its Dropout",
        ),
        pytest.param(
            {
                "backbone": small("EfficientNetLite0"),
                "freeze": FreezePlan(strategy="all"),
            },
            id="Lite0, everything",
        ),
    ],
)
def test_the_script_makes_the_same_model(decisions: dict[str, Any]) -> None:
    project = Project(pictures=PETS, **decisions)
    backbone, model = of_tlstudio(project, 2)
    base, twin = of_script(project, list(backbones.layer_rows(backbone)))
    assert facts(base) == facts(backbone)
    assert facts(twin) == facts(model)
    assert count(twin.trainable_weights) == count(model.trainable_weights)
    assert count(twin.non_trainable_weights) == count(model.non_trainable_weights)
    assert twin.output_shape == model.output_shape


@pytest.mark.parametrize(
    "name", ["MobileNetV2", "EfficientNetLite0", "VGG16", "DenseNet121", "EfficientNetB0"]
)
def test_preprocessing_is_that_of_the_saved_model(name: str) -> None:
    project = Project(pictures=PETS, backbone=small(name), head=Head(dropout=0.0))
    names = run(keras_script(project, rows(), TWO))
    channels = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Activation("linear")])
    twin = names["make_model"](channels)
    model = whole_model(channels, head_layers(project.head, 2, 1), name)
    twin.set_weights(model.get_weights())
    picture = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_array_equal(twin(picture), model(picture))


def test_what_keras_puts_into_the_network_itself_is_not_done_twice() -> None:
    spec = small("EfficientNetB0", "imagenet")
    assert "preprocessing" not in keras_script(Project(pictures=PETS, backbone=spec), rows(), TWO)


def test_bundled_weights_are_loaded() -> None:
    spec = small("EfficientNetLite0", "bundled")
    base = run(keras_script(Project(pictures=PETS, backbone=spec), rows(), TWO))["make_base"]()
    types = tuple(type(layer).__name__ for layer in base.layers)
    for weight, wanted in zip(base.weights, bundled_values(types), strict=True):
        np.testing.assert_array_equal(weight, wanted)


def test_a_weights_file_is_loaded(tmp_path: Path) -> None:
    model = backbones.build(small("MobileNetV2", alpha=0.35))
    path = tmp_path / 'it\'s "mine".weights.h5'
    model.save_weights(path)
    spec = small("MobileNetV2", str(path), alpha=0.35)
    base = run(keras_script(Project(pictures=PETS, backbone=spec), rows(), TWO))["make_base"]()
    for loaded, saved in zip(base.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, saved)


# The training


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("clip_norm", [0.0, 1.5])
def test_the_optimizer_is_the_same(optimizer: str, clip_norm: float) -> None:
    training = Training(optimizer=optimizer, clip_norm=clip_norm, label_smoothing=0.1)
    project = Project(pictures=PETS, training=training)
    names = run(keras_script(project, rows(), TWO))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    names["compile_model"](model, names["LEARNING_RATE"])
    [phase] = phases_of(training, frozenset(), trains_backbone=False)
    config = make_optimizer(training.optimizer, clip_norm).get_config()
    assert model.optimizer.get_config() == config | {
        "learning_rate": pytest.approx(phase.rate),
        "name": model.optimizer.name,
    }
    assert model.loss.get_config()["label_smoothing"] == 0.1


@pytest.mark.parametrize(
    ("schedule", "warmup"), [("cosine", 0), ("cosine", 2), ("constant", 2), ("cosine", 9)]
)
def test_each_step_has_the_same_rate(schedule: str, warmup: int) -> None:
    training = Training(schedule=schedule, warmup=warmup, epochs=5, reduce_on_plateau=2)
    names = run(keras_script(Project(pictures=PETS, training=training), rows(), TWO))
    callback = names["LearningRate"]()
    model = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=None))
    callback.set_model(model)
    callback.set_params({"steps": 3})
    callback.on_train_begin()
    [phase] = phases_of(training, frozenset(), trains_backbone=False)
    state = State(np.random.default_rng())
    for number, loss in enumerate([1.0, 1.1, 1.0, 0.9, 0.9]):
        wanted = rates(phase, number, 3) * state.factor
        found = []
        for batch in range(3):
            callback.on_train_batch_begin(batch)
            found.append(model.optimizer.learning_rate)
        assert found == pytest.approx(list(wanted))
        callback.on_epoch_end(number, {"val_loss": loss})
        state.take(Epoch(number + 1, 5, 1.0, 0.5, loss, 0.5, 1.0, False), None, 2)


def test_classes_are_weighted_alike() -> None:
    project = Project(pictures=PETS, training=Training(class_weights=True))
    labels = np.array([0, 0, 0, 1, 0, 0])
    train = tf.data.Dataset.from_tensor_slices((np.zeros(6), np.eye(2)[labels])).batch(4)
    weights = run(keras_script(project, rows(), TWO))["balancing_weights"](train)
    assert list(weights.values()) == pytest.approx(list(balancing_weights(labels, 2)))


def test_random_changes_leave_the_size_and_the_range_as_they_are() -> None:
    how = Augmentation(mode="live", flip_vertical=0.5, cutout=0.3)
    project = Project(pictures=PETS, training=Training(augmentation=how))
    pictures = np.random.default_rng(0).uniform(0, 255, (5, 16, 16, 3)).astype(np.float32)
    train = tf.data.Dataset.from_tensor_slices((pictures, np.eye(5))).batch(4)
    changed = list(run(keras_script(project, rows(), TWO))["augmented"](train))
    values = np.concatenate([batch for batch, _ in changed])
    assert values.shape == pictures.shape
    assert 0 <= values.min() < values.max() <= 255
    assert np.abs(values - pictures).mean() > 5


def test_the_head_has_a_phase_of_its_own_only_where_more_is_trained() -> None:
    training = Training(head_epochs=7)
    script = keras_script(Project(pictures=PETS, training=training), rows())
    assert "HEAD_EPOCHS" not in script
    plan = FreezePlan(strategy="top")
    script = keras_script(Project(pictures=PETS, training=training, freeze=plan), rows())
    assert "HEAD_EPOCHS = 7" in script
    assert "HEAD_LEARNING_RATE = 0.002" in script
    mine = training.model_copy(update={"head_learning_rate": 0.03})
    script = keras_script(Project(pictures=PETS, training=mine, freeze=plan), rows())
    assert "HEAD_LEARNING_RATE = 0.03" in script
    assert "\nLEARNING_RATE = 0.0001" in script
    calls = [name for name in called(script) if name in ("compile_model", "set_trainable", "fit")]
    assert calls == ["compile_model", "fit", "set_trainable", "compile_model", "fit"]


# The text

NASTY = st.text(min_size=1) | st.sampled_from(
    ['"""', "'", "\\", "\n", "{seed}", "%s", '"); evil()  # ', "\u2028", "\ud800", "日本語" * 20]
)
SHARE = st.floats(0.01, 0.9)


@st.composite
def projects(draw: st.DrawFn) -> tuple[Project, list[LayerRow], FoundPictures]:
    source = Path(draw(st.sampled_from(["/pets", "pets.csv"]) | NASTY.map(lambda t: f"/p/{t}")))
    known = draw(st.sampled_from(CATALOG))
    layers = rows(draw(NASTY))
    names = [row.name for row in layers]
    backbone = Backbone(
        name=known.name,
        weights=draw(st.sampled_from(["bundled", "imagenet", "random"]) | NASTY),
        input_shape=(draw(st.integers(32, 500)), 224),
        alpha=draw(SHARE) if "alpha" in known.arguments else 1.0,
    )
    plan = FreezePlan(
        strategy=draw(st.sampled_from(["head", "top", "all", "custom"])),
        unfreeze_from=draw(st.sampled_from(["", names[1], names[4]])),
        layers=draw(st.lists(st.sampled_from(names), unique=True).map(tuple)),
        batchnorm=draw(st.booleans()),
    )
    head = Head(
        pooling=draw(st.sampled_from(["gap", "gmp", "flatten"])),
        dense=draw(st.lists(st.builds(DenseLayer, dropout=SHARE | st.just(0.0)), max_size=2)),
        dropout=draw(SHARE | st.just(0.0)),
    )
    some = st.integers(0, 20)
    augmentation = draw(
        st.builds(
            Augmentation,
            mode=st.sampled_from(["off", "views", "live"]),
            rotation=SHARE | st.just(0.0),
            colour=SHARE | st.just(0.0),
            cutout=SHARE | st.just(0.0),
        )
    )
    training = draw(
        st.builds(
            Training,
            optimizer=st.sampled_from(["adam", "adamw", "sgd", "rmsprop"]),
            learning_rate=st.none() | st.floats(1e-7, 10),
            head_epochs=some,
            head_learning_rate=st.none() | st.floats(1e-7, 10),
            schedule=st.sampled_from(["constant", "cosine"]),
            warmup=some,
            early_stopping=some,
            reduce_on_plateau=some,
            class_weights=st.booleans(),
            label_smoothing=SHARE | st.just(0.0),
            clip_norm=SHARE | st.just(0.0),
            device=st.sampled_from(["auto", "cpu", "gpus", "gpu:1", '"); evil()']),
            precision=st.sampled_from(["auto", "float32", "mixed_float16"]),
            augmentation=st.just(augmentation),
        )
    )
    project = Project(
        pictures=Pictures(source=source, validation=draw(SHARE)),
        backbone=backbone,
        freeze=plan,
        head=head,
        training=training,
    )
    is_split = draw(st.booleans())
    classes = draw(
        st.lists(NASTY, unique=True, max_size=5) | st.just([f"c{i:02}" for i in range(50)])
    )
    folders = ("train", "val") if is_split and source.suffix != ".csv" else ("", "")
    return (
        project,
        layers,
        FoundPictures(tuple(classes), *folders, is_split, draw(some), draw(some)),
    )


@settings(deadline=None, max_examples=80)
@given(projects())
def test_every_project_becomes_a_script_that_names_its_decisions(
    made: tuple[Project, list[LayerRow], FoundPictures],
) -> None:
    project, layers, found = made
    script = keras_script(project, layers, found)
    tree = ast.parse(script)
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "evil" not in called
    assert str(project.pictures.source) in strings
    if found.classes and len(found.classes) < 50:
        assert set(found.classes) <= strings
    backbone, training = project.backbone, project.training
    if backbone.weights not in ("bundled", "imagenet", "random"):
        assert backbone.weights in strings
    if backbone.alpha != 1.0:
        assert f"alpha={backbone.alpha}" in script
    if project.freeze.strategy == "custom":
        assert set(project.freeze.layers) <= strings
    for number in (
        training.epochs,
        training.batch_size,
        training.seed,
        training.learning_rate,
        training.early_stopping,
        training.reduce_on_plateau,
        training.label_smoothing,
        training.clip_norm,
        project.head.dropout,
        *(dense.units for dense in project.head.dense),
    ):
        assert not number or number in strings
    if training.augmentation.mode != "off":
        assert training.augmentation.colour == 0 or "RandomSaturation" in script
        assert training.augmentation.rotation in strings | {0.0}


def test_text_from_outside_never_changes_the_code() -> None:
    """Every string is one value, whatever it holds: the code around it stays the same."""

    def shape(text: str) -> str:
        plan = FreezePlan(strategy="top", unfreeze_from=text)
        project = Project(
            pictures=Pictures(source=Path("/pets") / text),
            backbone=small("VGG16", f"{text}.h5"),
            freeze=plan,
        )
        tree = ast.parse(keras_script(project, rows(text), FoundPictures((text, "dogs"))))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                node.value = ""
        return ast.dump(tree)

    plain = shape("block0_conv")
    for text in ('"', "'\"", '"""\nevil()\n"""', "\\", "\\'", "{evil()}", "\n", "\r", "\x0c", "\0"):
        assert shape(text) == plain, repr(text)


class Script(str):
    """Shown in short: what is wrong with one is told by the formatter and the linter."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self.splitlines())} lines>"


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
# Without shrinking, which would take minutes, and a script tells its fault anyhow.
@settings(deadline=None, max_examples=8, phases=[Phase.generate])
@given(
    scripts=st.lists(
        projects().map(lambda made: Script(keras_script(*made))), min_size=10, max_size=10
    )
)
def test_the_formatter_and_the_linter_leave_it_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, scripts: list[Script]
) -> None:
    folder = tmp_path_factory.mktemp("scripts")
    for number, script in enumerate(scripts):
        (folder / f"script{number}.py").write_text(script, encoding="utf-8")
    for command in (["format", "--diff"], ["check", "--select", "E4,E7,E9,F,I,B"]):
        # In the folder, since the linter sorts imports by what lies beside them.
        done = subprocess.run(
            [RUFF, *command, "--isolated", "--no-cache"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_unknown_layers_and_backbones_are_named() -> None:
    with pytest.raises(TlstudioError, match="no layer named 'x'"):
        keras_script(
            Project(pictures=PETS, freeze=FreezePlan(strategy="custom", layers=("x",))), rows()
        )
    with pytest.raises(TlstudioError, match="no backbone named 'Net'"):
        keras_script(Project(pictures=PETS, backbone=Backbone(name="Net")), rows())


# From the pictures to the saved model


ALL = Training(
    epochs=3,
    head_epochs=1,
    batch_size=8,
    schedule="cosine",
    warmup=1,
    class_weights=True,
    label_smoothing=0.1,
    clip_norm=1.0,
    early_stopping=2,
    reduce_on_plateau=1,
    augmentation=Augmentation(mode="live", flip_vertical=0.5, cutout=0.3),
    device="cpu",
)
PLAIN = Training(epochs=1, batch_size=8, device="cpu", reduce_on_plateau=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "training", "strategy"),
    [
        ("folder", ALL, "top"),
        ("parts", PLAIN, "head"),
        ("csv", ALL, "top"),
        ("csv parts", PLAIN, "head"),
    ],
)
def test_the_whole_script_ends_with_a_model_that_has_learned(
    kind: str,
    training: Training,
    strategy: str,
    shapes: Path,
    tmp_path: Path,
) -> None:
    source = arranged(kind, shapes, tmp_path)
    project = Project(
        pictures=Pictures(source=source),
        backbone=small("EfficientNetLite0", "bundled"),
        freeze=FreezePlan(strategy=strategy),
        training=training,
    )
    backbone, model = of_tlstudio(project, 3)
    *_, scan = jobs.run(jobs.ScanRequest(source), Control())
    script = keras_script(project, backbones.layer_rows(backbone), found_pictures(scan))
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    saved = keras.saving.load_model(tmp_path / "model.keras")
    assert [layer.name for layer in saved.layers] == [layer.name for layer in model.layers]
    assert saved.count_params() == model.count_params()
    pictures = np.stack([decode(path, (32, 32)) for path in files(shapes)])
    chosen = saved.predict(pictures.astype(np.float32), verbose=0).argmax(axis=1)
    labels = [list(scan.classes).index(path.parent.name) for path in files(shapes)]
    assert np.mean(chosen == labels) > 0.5


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.png"))


def arranged(kind: str, shapes: Path, folder: Path) -> Path:
    """The pictures of `shapes` as they are, in parts, or in a CSV without or with these."""
    if kind == "folder":
        return shapes
    if kind == "parts":
        for number, path in enumerate(files(shapes)):
            place = folder / "pets" / ("Training" if number % 4 else "valid") / path.parent.name
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        return folder / "pets"
    source = folder / "it's.csv"
    lines = [
        f"{path};{path.parent.name};{('train' if number % 4 else 'Val') if kind != 'csv' else ''}"
        for number, path in enumerate(files(shapes))
    ]
    source.write_text("\n".join(["path;label;split", *lines]), encoding="utf-8")
    return source
