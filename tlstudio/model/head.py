"""The head as Keras layers, and the whole model: pictures in, probabilities out."""

from collections.abc import Sequence

import keras

from tlstudio.model.backbone import preprocess
from tlstudio.project.spec import Head

POOLINGS = {
    "gap": keras.layers.GlobalAveragePooling2D,
    "gmp": keras.layers.GlobalMaxPooling2D,
    "flatten": keras.layers.Flatten,
}


def head_layers(head: Head, classes: int, seed: int) -> list[keras.layers.Layer]:
    """The head's layers in order, named as in `project.head_size.head_rows`.

    The first is the pooling, the last the classifier, whose output is float32 whatever the
    dtype policy. Every random number is drawn from `seed`, so that two heads start alike.
    """
    layers = [POOLINGS[head.pooling](name="pooling")]
    for number, dense in enumerate(head.dense, start=1):
        initializer = keras.initializers.GlorotUniform(seed=seed + number)
        layers.append(
            keras.layers.Dense(
                dense.units,
                activation=dense.activation,
                kernel_initializer=initializer,
                name=f"dense_{number}",
            )
        )
        if dense.dropout:
            layers.append(
                keras.layers.Dropout(dense.dropout, seed=seed + number, name=f"dropout_{number}")
            )
    if head.dropout:
        layers.append(keras.layers.Dropout(head.dropout, seed=seed, name="dropout"))
    layers.append(
        keras.layers.Dense(
            classes,
            activation="softmax",
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
            dtype="float32",
            name="predictions",
        )
    )
    return layers


def whole_model(
    backbone: keras.Model, layers: Sequence[keras.layers.Layer], backbone_name: str
) -> keras.Model:
    """RGB pictures from 0 to 255 in, class probabilities out, with preprocessing inside.

    Shares the layer objects of `backbone` and `layers`, so that it has what they learned.
    """
    picture = keras.Input(backbone.input_shape[1:], name="picture")
    features = backbone(preprocess(picture, backbone_name))
    return keras.Model(picture, put_on(features, layers), name="tlstudio")


def put_on(x: keras.KerasTensor, layers: Sequence[keras.layers.Layer]) -> keras.KerasTensor:
    """What the layers, one after another, make of `x`."""
    for layer in layers:
        x = layer(x)
    return x
