"""EfficientNet-Lite0, which keras.applications does not have.

EfficientNet-B0 (Tan and Le 2019) without squeeze-and-excite, with ReLU6 for swish and with a stem
and a head that no Lite variant scales, so that it also runs well on a CPU and quantised.
"""

from pathlib import Path

import keras
from keras import KerasTensor, layers

# (kernel, stride, expansion, filters, repeats) of the seven blocks.
BLOCKS = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


def EfficientNetLite0(  # noqa: N802 - a network is called like those of keras.applications
    *,
    include_top: bool,
    weights_path: Path | None,
    input_shape: tuple[int, int, int],
) -> keras.Model:
    """The network on inputs already scaled by `(x - 127) / 128`.

    `input_shape` is (rows, columns, 3), each side at least 32. The output is the class
    probabilities (1000,) with its top, else the features (rows / 32, columns / 32, 1280), rounded
    up. `weights_path` is a `.weights.h5` of the network with its top; None leaves it untrained.
    """
    inputs = layers.Input(input_shape, name="input")
    x = _batch_norm(_conv(inputs, 32, 3, 2, "stem_conv"), "stem_bn")
    x = layers.ReLU(6.0, name="stem_relu")(x)
    for number, (kernel, stride, expansion, filters, repeats) in enumerate(BLOCKS, start=1):
        for repeat in range(repeats):
            x = _block(
                x,
                kernel=kernel,
                stride=stride if repeat == 0 else 1,
                expansion=expansion,
                filters=filters,
                name=f"block{number}{'abcd'[repeat]}",
            )
    x = _batch_norm(_conv(x, 1280, 1, 1, "top_conv"), "top_bn")
    features = layers.ReLU(6.0, name="top_relu")(x)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(features)
    x = layers.Dropout(0.2, name="top_dropout")(x)
    outputs = layers.Dense(1000, activation="softmax", name="predictions")(x)
    model = keras.Model(inputs, outputs, name="efficientnetlite0")
    if weights_path is not None:
        model.load_weights(weights_path)
    return model if include_top else keras.Model(inputs, features, name=model.name)


def _block(
    inputs: KerasTensor, *, kernel: int, stride: int, expansion: int, filters: int, name: str
) -> KerasTensor:
    """An inverted residual: expand, convolve each channel, project; add where shapes allow."""
    channels = inputs.shape[-1]
    x = inputs
    if expansion != 1:
        x = _conv(x, channels * expansion, 1, 1, f"{name}_expand_conv")
        x = layers.ReLU(6.0, name=f"{name}_expand_relu")(_batch_norm(x, f"{name}_expand_bn"))
    x = layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer="he_normal",
        name=f"{name}_dwconv",
    )(x)
    x = layers.ReLU(6.0, name=f"{name}_relu")(_batch_norm(x, f"{name}_bn"))
    x = _batch_norm(_conv(x, filters, 1, 1, f"{name}_project_conv"), f"{name}_project_bn")
    if stride == 1 and channels == filters:
        x = layers.Add(name=f"{name}_add")([inputs, x])
    return x


def _conv(x: KerasTensor, filters: int, kernel: int, stride: int, name: str) -> KerasTensor:
    return layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _batch_norm(x: KerasTensor, name: str) -> KerasTensor:
    return layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=name)(x)
