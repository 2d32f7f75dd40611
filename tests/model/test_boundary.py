from collections.abc import Set as AbstractSet
from functools import cache

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_networks import with_trained_norms

from tlstudio.model import catalog
from tlstudio.model.backbone import build, layer_rows
from tlstudio.model.boundary import Boundary, find_boundary, prefix_of, suffix_of
from tlstudio.model.freeze import freeze
from tlstudio.model.head import head_layers
from tlstudio.project.freeze_plan import trainable_layers
from tlstudio.project.spec import Backbone, FreezePlan, Head, Strategy

SMALL = {"MobileNetV2": 0.35, "EfficientNetLite0": 1.0, "EfficientNetB0": 1.0, "DenseNet121": 1.0}


@cache
def small(name: str) -> keras.Model:
    side = max(32, catalog.facts(name).min_input)
    spec = Backbone(
        name=name, weights="random", input_shape=(side, side), alpha=SMALL.get(name, 1.0)
    )
    return build(spec)


def plan(backbone: keras.Model, strategy: Strategy, first: str = "") -> frozenset[str]:
    chosen = FreezePlan(strategy=strategy, unfreeze_from=first)
    return trainable_layers(chosen, layer_rows(backbone))


def pictures(backbone: keras.Model) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (6, *backbone.input_shape[1:]))


def through(backbone: keras.Model, cut: Boundary, x: np.ndarray) -> np.ndarray:
    crossing = prefix_of(backbone, cut)(x, training=False)
    return np.asarray(suffix_of(backbone, cut)(crossing, training=False))


@pytest.mark.parametrize(
    ("name", "first", "layers"),
    [
        ("EfficientNetLite0", "block5a_expand_conv", ("block4c_add",)),
        ("VGG16", "block4_conv1", ("block3_pool",)),
        # Within a residual block: what is summed is kept as well as the branch so far.
        ("ResNet50", "conv5_block3_2_conv", ("conv5_block2_out", "conv5_block3_1_relu")),
        ("ResNet50", "conv5_block1_1_conv", ("conv4_block6_out",)),
        ("DenseNet121", "conv5_block1_1_conv", ("pool4_pool",)),
    ],
)
def test_the_cut_is_where_a_person_would_make_it(
    name: str, first: str, layers: tuple[str, ...]
) -> None:
    backbone = build(Backbone(name=name, weights="random", input_shape=(224, 224)))
    found = find_boundary(backbone, plan(backbone, "top", first))
    assert found is not None
    assert found.layers == layers


def test_with_all_frozen_everything_is_in_the_prefix() -> None:
    backbone = small("MobileNetV2")
    found = find_boundary(backbone, frozenset())
    assert found is not None
    assert found.tensors == tuple(backbone.outputs)
    assert found.work == found.all_work
    assert found.reason == (
        "100 % of the backbone's work is done once, for 5 kB kept a picture where the head begins "
        "with Flatten, 10 kB where it begins with pooling."
    )


@pytest.mark.parametrize("name", ["VGG16", "EfficientNetB0"])
def test_with_all_trained_there_is_no_boundary(name: str) -> None:
    """Nor where only the input is normalised before the first trained layer."""
    backbone = small(name)
    assert find_boundary(backbone, plan(backbone, "all")) is None


def test_work_is_two_operations_a_weight_and_place() -> None:
    inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.Conv2D(16, 3, padding="same", use_bias=False, name="first")(inputs)
    backbone = keras.Model(inputs, keras.layers.Conv2D(4, 1, name="second")(hidden))
    found = find_boundary(backbone, {"second"})
    assert found is not None
    assert found.layers == ("first",)
    assert found.values == 8 * 8 * 16
    values_out = 10 * (8 * 8 * 3 + 8 * 8 * 16)
    assert found.work == 2 * 8 * 8 * 3 * 3 * 3 * 16 + values_out


@pytest.mark.parametrize("name", SMALL)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_prefix_and_suffix_are_the_whole_for_any_plan(name: str, data: st.DataObject) -> None:
    backbone = small(name)
    names = [row.name for row in layer_rows(backbone) if row.trainable_params]
    trainable = data.draw(st.frozensets(st.sampled_from(names), max_size=4))
    holds(backbone, trainable)


def holds(backbone: keras.Model, trainable: AbstractSet[str]) -> None:
    found = find_boundary(backbone, trainable)
    if found is None:
        return
    trained = trainable & {layer.name for layer in backbone.layers if layer.weights}
    assert not trained & {layer.name for layer in prefix_of(backbone, found).layers}
    assert trained <= {layer.name for layer in suffix_of(backbone, found).layers}
    x = pictures(backbone)
    whole = np.asarray(backbone(x, training=False))
    # Random networks put out next to nothing, which would equal anything nearly.
    scale = np.ptp(whole, axis=0).max()
    assert scale > 0
    np.testing.assert_allclose(through(backbone, found, x) / scale, whole / scale, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("facts", catalog.CATALOG, ids=lambda facts: facts.name)
def test_every_backbone_can_be_cut(facts: catalog.BackboneFacts) -> None:
    backbone = small(facts.name)
    small.cache_clear()
    names = [row.name for row in layer_rows(backbone) if row.trainable_params]
    random = np.random.default_rng(len(names))
    holds(backbone, plan(backbone, "top"))
    for number in (1, 2, 4):
        holds(backbone, frozenset(random.choice(names, number).tolist()))
    keras.backend.clear_session()


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in SMALL if name != "DenseNet121"),
        pytest.param("DenseNet121", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("batchnorm", [False, True])
def test_a_step_on_the_suffix_is_the_same_as_on_the_whole(name: str, batchnorm: bool) -> None:
    keras.utils.set_random_seed(1)
    backbone = build(Backbone(name=name, weights="random", input_shape=(64, 64), alpha=SMALL[name]))
    # Untrained and with its BatchNorm frozen, a network hardly answers to its input; with one that
    # is trained it answers too much to be compared but for this.
    if batchnorm:
        for layer in backbone.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.moving_variance.assign(0.3 * layer.moving_variance)
    else:
        with_trained_norms(backbone)
    chosen = FreezePlan(strategy="top", batchnorm=batchnorm)
    trainable = trainable_layers(chosen, layer_rows(backbone))
    freeze(backbone, trainable)
    found = find_boundary(backbone, trainable)
    assert found is not None
    x, y = pictures(backbone), np.array([0, 2, 1, 1, 0, 2])
    suffix = suffix_of(backbone, found)
    crossing = keras.tree.flatten(prefix_of(backbone, found)(x, training=False))
    before = [variable.numpy() for variable in backbone.weights]
    after = []
    for features, fed in ((backbone, x), (suffix, crossing)):
        for variable, value in zip(backbone.weights, before, strict=True):
            variable.assign(value)
        out = features.outputs[0]
        for layer in head_layers(Head(dropout=0.0), 3, seed=1):
            out = layer(out)
        model = keras.Model(features.inputs, out)
        for layer in model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
        model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
        model.train_on_batch(fed, y)
        after.append([variable.numpy() for variable in backbone.weights])
    largest = max(np.abs(one - start).max() for start, one in zip(before, after[0], strict=True))
    assert largest > 1e-4
    for one, other in zip(*after, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.0, atol=min(1e-5, 1e-3 * largest))
