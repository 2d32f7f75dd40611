"""Computing in half precision, with weights kept in single."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from tlstudio.project.spec import Precision


def is_half(precision: Precision, device: str) -> bool:
    """auto is half where it is faster, on a GPU."""
    return precision == "mixed_float16" or (precision == "auto" and "GPU" in device)


@contextmanager
def half_precision(model: keras.Model, classifier: keras.layers.Layer) -> Iterator[None]:
    """Within, the layers of `model` compute in float16, but for the classifier; what is traced
    or saved afterwards computes in float32 again.
    """
    layers = [
        layer
        for layer in model._flatten_layers(include_self=False)
        if layer is not classifier and not isinstance(layer, keras.Model | keras.layers.InputLayer)
    ]
    policies = [layer.dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer.dtype_policy = "mixed_float16"
        yield
    finally:
        for layer, policy in zip(layers, policies, strict=True):
            layer.dtype_policy = policy
