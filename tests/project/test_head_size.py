import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlstudio.model.head import head_layers, put_on
from tlstudio.project.head_size import compare_pooling, head_params, head_rows
from tlstudio.project.spec import DenseLayer, Head

VGG16_FEATURES = (7, 7, 512)


def test_first_dense_layer_on_vgg16_costs_what_the_textbook_says() -> None:
    dense = (DenseLayer(units=512),)
    flatten = head_rows(Head(pooling="flatten", dense=dense), VGG16_FEATURES, 5)
    gap = head_rows(Head(pooling="gap", dense=dense), VGG16_FEATURES, 5)
    assert flatten[0].output_shape == (25_088,)
    assert flatten[1].params == 12_845_568
    assert gap[1].params == 262_656


heads = st.builds(
    Head,
    pooling=st.sampled_from(["gap", "gmp", "flatten"]),
    dense=st.lists(
        st.builds(
            DenseLayer,
            units=st.integers(1, 9),
            activation=st.sampled_from(["relu", "gelu", "linear"]),
            dropout=st.sampled_from([0.0, 0.3]),
        ),
        max_size=3,
    ).map(tuple),
    dropout=st.sampled_from([0.0, 0.2]),
)


@settings(max_examples=25, deadline=None)
@given(
    head=heads,
    features=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5)),
    classes=st.integers(2, 4),
)
def test_arithmetic_equals_keras(head: Head, features: tuple[int, int, int], classes: int) -> None:
    inputs = keras.Input(features)
    model = keras.Model(inputs, put_on(inputs, head_layers(head, classes, seed=1)))
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    rows = head_rows(head, features, classes)
    assert [row.name for row in rows] == [layer.name for layer in layers]
    assert [row.type for row in rows] == [type(layer).__name__ for layer in layers]
    assert [row.params for row in rows] == [layer.count_params() for layer in layers]
    assert [row.output_shape for row in rows] == [layer.output.shape[1:] for layer in layers]
    assert head_params(head, features, classes) == model.count_params()


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ((7, 7, 512), "With 512 channels GAP"),
        ((7, 7, 16), "only 16 channels"),
        ((1, 1, 512), "the same"),
    ],
)
def test_advice_follows_the_channel_count(features: tuple[int, int, int], words: str) -> None:
    comparison = compare_pooling(Head(), features, classes=5)
    assert words in comparison.advice
    assert comparison.params["gap"] == comparison.params["gmp"] <= comparison.params["flatten"]
