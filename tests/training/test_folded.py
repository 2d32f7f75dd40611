import keras
import numpy as np
import pytest
import tensorflow as tf
from small_networks import with_trained_norms

from tlstudio.control import Control
from tlstudio.model.backbone import build
from tlstudio.project.spec import Backbone
from tlstudio.training.folded import fold
from tlstudio.training.prefix import Prefix, Runner


def pictures(side: int, number: int = 4) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (number, side, side, 3), np.uint8)


def said(model: keras.Model, inputs: np.ndarray, device: str = "/CPU:0") -> np.ndarray:
    prefix = Prefix(model, work=1_000_000, key="", dtype="float32")
    with Runner(prefix, device, Control()) as runner:
        padded = np.resize(inputs, (runner.batch, *inputs.shape[1:]))
        return runner(padded)[: len(inputs)]


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("EfficientNetLite0", 32),
        ("MobileNetV3Small", 32),
        ("EfficientNetB0", 32),
        pytest.param("ConvNeXtTiny", 32, marks=pytest.mark.slow),
        pytest.param("MobileNet", 32, marks=pytest.mark.slow),
        pytest.param("DenseNet121", 32, marks=pytest.mark.slow),
        pytest.param("Xception", 71, marks=pytest.mark.slow),
        pytest.param("NASNetMobile", 32, marks=pytest.mark.slow),
    ],
)
def test_a_folded_network_says_what_the_network_does(name: str, side: int) -> None:
    model = with_trained_norms(
        build(Backbone(name=name, weights="random", input_shape=(side,) * 2))
    )
    inputs = pictures(side)
    expected = model.predict(inputs.astype(np.float32), verbose=0).reshape(4, -1)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(said(model, inputs) / scale, expected / scale, atol=1e-5)


@pytest.mark.parametrize("kind", ["scale", "no scale", "bias", "activation", "two readers", "axis"])
def test_only_what_can_be_folded_is(kind: str) -> None:
    picture = keras.Input((8, 8, 3))
    x = keras.layers.DepthwiseConv2D(
        3,
        use_bias=kind == "bias",
        bias_initializer="normal",
        activation="relu" if kind == "activation" else None,
    )(picture)
    axis = 1 if kind == "axis" else -1
    y = keras.layers.BatchNormalization(axis=axis, scale=kind != "no scale")(x)
    model = with_trained_norms(keras.Model(picture, [x, y] if kind == "two readers" else y))
    inputs = pictures(8)
    outputs = keras.tree.flatten(model(inputs.astype(np.float32)))
    expected = np.concatenate([keras.ops.reshape(o, (4, -1)) for o in outputs], axis=1)
    np.testing.assert_allclose(said(model, inputs), expected, rtol=1e-4, atol=1e-3)


def test_norms_cost_nothing_but_an_addition() -> None:
    """What TensorFlow does not do by itself, and a tenth of the time of such a network."""
    spec = Backbone(name="MobileNetV2", weights="random", input_shape=(32, 32), alpha=0.35)
    folded = fold(with_trained_norms(build(spec)), 1, "float32")
    options = tf.compat.v1.RunOptions(output_partition_graphs=True)
    about = tf.compat.v1.RunMetadata()
    with tf.compat.v1.Session(graph=folded.graph) as session:
        session.run(folded.rows.name, {folded.pictures.name: pictures(32, 1)}, options, about)
    nodes = [node for graph in about.partition_graphs for node in graph.node]
    multiplied = [node.name for node in nodes if node.op == "Mul"]
    assert not [name for name in multiplied if "divide" not in name]  # but for preprocessing


def test_a_gpu_would_be_told_the_same() -> None:
    """Where there is none, TensorFlow runs what is meant for it on the CPU."""
    spec = Backbone(name="MobileNetV2", weights="random", input_shape=(32, 32), alpha=0.35)
    model = with_trained_norms(build(spec))
    on_cpu, on_gpu = (said(model, pictures(32), device) for device in ("/CPU:0", "/GPU:0"))
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-4, atol=1e-5)


def test_another_model_of_the_same_layers_changes_nothing() -> None:
    """Such as the suffix of another phase: rows must be the same, bit for bit."""
    model = with_trained_norms(
        build(Backbone(name="EfficientNetLite0", weights="random", input_shape=(32, 32)))
    )
    inputs = pictures(32)
    before = said(model, inputs)
    x = start = keras.Input(model.get_layer("block6b_dwconv").input.shape[1:])
    for name in ("block6b_dwconv", "block6b_bn"):
        x = model.get_layer(name)(x)
    assert keras.Model(start, x).count_params()
    np.testing.assert_array_equal(said(model, inputs), before)
