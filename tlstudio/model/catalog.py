"""What is known of each backbone before TensorFlow is loaded: sizes, accuracy, preprocessing.

Parameters are those of Keras; top-1 accuracies and sizes are the published ones of
https://keras.io/api/applications, for MobileNetV3 of its documentation there, and for
EfficientNet-Lite0 of its authors
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).
"""

import difflib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tlstudio.errors import TlstudioError
from tlstudio.paths import resource
from tlstudio.project.spec import Backbone

BYTES_PER_PARAMETER = 4
"""In single precision, as weights are published and loaded."""
LARGEST_INPUT = 2048
"""Pixels of a side: a batch of larger pictures takes gigabytes in the first layers."""
MIN_ALPHA = 0.05
"""Of the 32 channels that MobileNet starts with, one is left."""
MAX_ALPHA = 2.0
"""Of `spec.Backbone`."""


@dataclass(frozen=True, slots=True)
class BackboneFacts:
    name: str
    """As in keras.applications."""
    label: str
    family: str
    params: int
    """Without its top, at width 1."""
    params_with_top: int
    """With the top of 1000 classes."""
    input_shape: tuple[int, int]
    """Rows and columns that it was trained at."""
    min_input: int
    """Least rows and columns."""
    top1: float | None
    """Published ImageNet accuracy, 0 to 1."""
    size_mb: int
    """Weights with the top, in MiB."""
    weights: tuple[str, ...]
    """bundled, imagenet; random and a file are always possible."""
    preprocessing: str
    """tf, caffe, torch, lite, efficientnet, or none where all of it is part of the network."""
    arguments: tuple[str, ...]
    """The fields of `spec.Backbone` that its constructor has beside the input shape."""
    weights_file: str
    """What keras.applications calls the weights without the top at width 1; empty if bundled."""

    @property
    def top_tied(self) -> bool:
        """Whether the weights of its own top go with `input_shape` alone, since that flattens; all
        other networks average, which any size can be.
        """
        return self.family == "VGG"


_ARGUMENTS = {
    "MobileNet": ("alpha", "depth_multiplier"),
    "MobileNetV2": ("alpha",),
    "MobileNetV3": ("alpha", "minimalistic"),
}


def _keras(
    name: str,
    label: str,
    family: str,
    params: int,
    params_with_top: int,
    side: int,
    min_input: int,
    top1: float,
    size_mb: int,
    preprocessing: str,
    weights_file: str,
) -> BackboneFacts:
    return BackboneFacts(
        name=name,
        label=label,
        family=family,
        params=params,
        params_with_top=params_with_top,
        input_shape=(side, side),
        min_input=min_input,
        top1=top1,
        size_mb=size_mb,
        weights=("imagenet",),
        preprocessing=preprocessing,
        arguments=_ARGUMENTS.get(family, ()),
        weights_file=weights_file,
    )


LITE0 = BackboneFacts(
    name="EfficientNetLite0",
    label="EfficientNet-Lite0",
    family="EfficientNet-Lite",
    params=3_413_024,
    params_with_top=4_694_024,
    input_shape=(224, 224),
    min_input=32,
    top1=0.751,
    size_mb=18,
    weights=("bundled",),
    preprocessing="lite",
    arguments=(),
    weights_file="",
)

_TF = "weights_tf_dim_ordering_tf_kernels_notop.h5"

# ruff: noqa: E501 - a table reads best with one row a network
# fmt: off
CATALOG: tuple[BackboneFacts, ...] = (
    LITE0,
    _keras("VGG16", "VGG16", "VGG", 14_714_688, 138_357_544, 224, 32, 0.713, 528, "caffe", f"vgg16_{_TF}"),
    _keras("VGG19", "VGG19", "VGG", 20_024_384, 143_667_240, 224, 32, 0.713, 549, "caffe", f"vgg19_{_TF}"),
    _keras("ResNet50", "ResNet50", "ResNet", 23_587_712, 25_636_712, 224, 32, 0.749, 98, "caffe", f"resnet50_{_TF}"),
    _keras("ResNet101", "ResNet101", "ResNet", 42_658_176, 44_707_176, 224, 32, 0.764, 171, "caffe", f"resnet101_{_TF}"),
    _keras("ResNet152", "ResNet152", "ResNet", 58_370_944, 60_419_944, 224, 32, 0.766, 232, "caffe", f"resnet152_{_TF}"),
    _keras("ResNet50V2", "ResNet50 V2", "ResNetV2", 23_564_800, 25_613_800, 224, 32, 0.760, 98, "tf", f"resnet50v2_{_TF}"),
    _keras("ResNet101V2", "ResNet101 V2", "ResNetV2", 42_626_560, 44_675_560, 224, 32, 0.772, 171, "tf", f"resnet101v2_{_TF}"),
    _keras("ResNet152V2", "ResNet152 V2", "ResNetV2", 58_331_648, 60_380_648, 224, 32, 0.780, 232, "tf", f"resnet152v2_{_TF}"),
    _keras("MobileNet", "MobileNet", "MobileNet", 3_228_864, 4_253_864, 224, 32, 0.704, 16, "tf", "mobilenet_1_0_224_tf_no_top.h5"),
    _keras("MobileNetV2", "MobileNetV2", "MobileNetV2", 2_257_984, 3_538_984, 224, 32, 0.713, 14, "tf", "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"),
    _keras("MobileNetV3Small", "MobileNetV3 Small", "MobileNetV3", 939_120, 2_554_968, 224, 32, 0.681, 10, "none", "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"),
    _keras("MobileNetV3Large", "MobileNetV3 Large", "MobileNetV3", 2_996_352, 5_507_432, 224, 32, 0.756, 21, "none", "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5"),
    _keras("DenseNet121", "DenseNet121", "DenseNet", 7_037_504, 8_062_504, 224, 32, 0.750, 33, "torch", f"densenet121_{_TF}"),
    _keras("DenseNet169", "DenseNet169", "DenseNet", 12_642_880, 14_307_880, 224, 32, 0.762, 57, "torch", f"densenet169_{_TF}"),
    _keras("DenseNet201", "DenseNet201", "DenseNet", 18_321_984, 20_242_984, 224, 32, 0.773, 80, "torch", f"densenet201_{_TF}"),
    _keras("NASNetMobile", "NASNet Mobile", "NASNet", 4_269_716, 5_326_716, 224, 32, 0.744, 23, "tf", "nasnet_mobile_no_top.h5"),
    _keras("NASNetLarge", "NASNet Large", "NASNet", 84_916_818, 88_949_818, 331, 32, 0.825, 343, "tf", "nasnet_large_no_top.h5"),
    _keras("EfficientNetB0", "EfficientNet-B0", "EfficientNet", 4_049_571, 5_330_571, 224, 32, 0.771, 29, "efficientnet", "efficientnetb0_notop.h5"),
    _keras("EfficientNetB1", "EfficientNet-B1", "EfficientNet", 6_575_239, 7_856_239, 240, 32, 0.791, 31, "efficientnet", "efficientnetb1_notop.h5"),
    _keras("EfficientNetB2", "EfficientNet-B2", "EfficientNet", 7_768_569, 9_177_569, 260, 32, 0.801, 36, "efficientnet", "efficientnetb2_notop.h5"),
    _keras("EfficientNetB3", "EfficientNet-B3", "EfficientNet", 10_783_535, 12_320_535, 300, 32, 0.816, 48, "efficientnet", "efficientnetb3_notop.h5"),
    _keras("EfficientNetB4", "EfficientNet-B4", "EfficientNet", 17_673_823, 19_466_823, 380, 32, 0.829, 75, "efficientnet", "efficientnetb4_notop.h5"),
    _keras("EfficientNetB5", "EfficientNet-B5", "EfficientNet", 28_513_527, 30_562_527, 456, 32, 0.836, 118, "efficientnet", "efficientnetb5_notop.h5"),
    _keras("EfficientNetB6", "EfficientNet-B6", "EfficientNet", 40_960_143, 43_265_143, 528, 32, 0.840, 166, "efficientnet", "efficientnetb6_notop.h5"),
    _keras("EfficientNetB7", "EfficientNet-B7", "EfficientNet", 64_097_687, 66_658_687, 600, 32, 0.843, 256, "efficientnet", "efficientnetb7_notop.h5"),
    _keras("EfficientNetV2B0", "EfficientNetV2-B0", "EfficientNetV2", 5_919_312, 7_200_312, 224, 32, 0.787, 29, "none", "efficientnetv2-b0_notop.h5"),
    _keras("EfficientNetV2B1", "EfficientNetV2-B1", "EfficientNetV2", 6_931_124, 8_212_124, 240, 32, 0.798, 34, "none", "efficientnetv2-b1_notop.h5"),
    _keras("EfficientNetV2B2", "EfficientNetV2-B2", "EfficientNetV2", 8_769_374, 10_178_374, 260, 32, 0.805, 42, "none", "efficientnetv2-b2_notop.h5"),
    _keras("EfficientNetV2B3", "EfficientNetV2-B3", "EfficientNetV2", 12_930_622, 14_467_622, 300, 32, 0.820, 59, "none", "efficientnetv2-b3_notop.h5"),
    _keras("EfficientNetV2S", "EfficientNetV2-S", "EfficientNetV2", 20_331_360, 21_612_360, 384, 32, 0.839, 88, "none", "efficientnetv2-s_notop.h5"),
    _keras("EfficientNetV2M", "EfficientNetV2-M", "EfficientNetV2", 53_150_388, 54_431_388, 480, 32, 0.853, 220, "none", "efficientnetv2-m_notop.h5"),
    _keras("EfficientNetV2L", "EfficientNetV2-L", "EfficientNetV2", 117_746_848, 119_027_848, 480, 32, 0.857, 479, "none", "efficientnetv2-l_notop.h5"),
    _keras("ConvNeXtTiny", "ConvNeXt Tiny", "ConvNeXt", 27_820_128, 28_589_128, 224, 32, 0.813, 109, "none", "convnext_tiny_notop.h5"),
    _keras("ConvNeXtSmall", "ConvNeXt Small", "ConvNeXt", 49_454_688, 50_223_688, 224, 32, 0.823, 192, "none", "convnext_small_notop.h5"),
    _keras("ConvNeXtBase", "ConvNeXt Base", "ConvNeXt", 87_566_464, 88_591_464, 224, 32, 0.853, 339, "none", "convnext_base_notop.h5"),
    _keras("ConvNeXtLarge", "ConvNeXt Large", "ConvNeXt", 196_230_336, 197_767_336, 224, 32, 0.863, 755, "none", "convnext_large_notop.h5"),
    _keras("ConvNeXtXLarge", "ConvNeXt XLarge", "ConvNeXt", 348_147_968, 350_196_968, 224, 32, 0.867, 1310, "none", "convnext_xlarge_notop.h5"),
    _keras("InceptionV3", "Inception V3", "Inception", 21_802_784, 23_851_784, 299, 75, 0.779, 92, "tf", f"inception_v3_{_TF}"),
    _keras("InceptionResNetV2", "Inception-ResNet V2", "InceptionResNet", 54_336_736, 55_873_736, 299, 75, 0.803, 215, "tf", f"inception_resnet_v2_{_TF}"),
    _keras("Xception", "Xception", "Xception", 20_861_480, 22_910_480, 299, 71, 0.790, 88, "tf", f"xception_{_TF}"),
)
# fmt: on


def facts(name: str) -> BackboneFacts:
    """The facts of a backbone by its name in whatever case.

    Raises TlstudioError that names the nearest ones when there is none.
    """
    by_name = {known.name.lower(): known for known in CATALOG}
    found = by_name.get(name.lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), by_name, n=3, cutoff=0.5)
        choices = " or ".join(by_name[match].name for match in near)
        meant = f"Did you mean {choices}? " if choices else ""
        raise TlstudioError(
            f"There is no backbone named {name!r}.",
            f"{meant}`tlstudio backbones` lists all of them.",
        )
    return found


def given_arguments(known: BackboneFacts, spec: Backbone) -> dict[str, object]:
    """What its constructor is given of `spec` beside the input shape."""
    return {name: getattr(spec, name) for name in known.arguments}


def canonical(spec: Backbone) -> Backbone:
    """The same with its name as the catalogue writes it. Raises TlstudioError as `facts` does."""
    return spec.model_copy(update={"name": facts(spec.name).name})


# Where keras.applications downloads from: by network, or by family in small letters.
_STORE = "https://storage.googleapis.com/"
_PLACES = {
    "EfficientNet": "keras-applications",
    "ResNetV2": "tensorflow/keras-applications/resnet",
    "EfficientNetV2": "tensorflow/keras-applications/efficientnet_v2",
    "VGG16": "tensorflow/keras-applications/vgg16",
    "VGG19": "tensorflow/keras-applications/vgg19",
    "MobileNetV2": "tensorflow/keras-applications/mobilenet_v2",
    "MobileNetV3": "tensorflow/keras-applications/mobilenet_v3",
    "InceptionV3": "tensorflow/keras-applications/inception_v3",
    "InceptionResNetV2": "tensorflow/keras-applications/inception_resnet_v2",
}
_OTHER_NAMES_THERE = {
    "nasnet_mobile_no_top.h5": "NASNet-mobile-no-top.h5",
    "nasnet_large_no_top.h5": "NASNet-large-no-top.h5",
}

# Widths with published weights.
_WIDTHS = {
    "MobileNet": (0.25, 0.5, 0.75, 1.0),
    "MobileNetV2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
    "MobileNetV3Small": (0.75, 1.0),
    "MobileNetV3Large": (0.75, 1.0),
}

# Sizes that there are weights for; of all other networks at the one that they were trained at.
_SIDES = {"MobileNet": (128, 160, 192, 224), "MobileNetV2": (96, 128, 160, 192, 224)}


def weights_address(known: BackboneFacts, spec: Backbone) -> str:
    """Where keras.applications downloads the ImageNet weights for `spec` from, without the top;
    empty where they are bundled.
    """
    if not known.weights_file:
        return ""
    place = _PLACES.get(known.name) or _PLACES.get(known.family)
    name = _weights_name(known, spec)
    folder = place or f"tensorflow/keras-applications/{known.family.lower()}"
    return f"{_STORE}{folder}/{_OTHER_NAMES_THERE.get(name, name)}"


def weights_file(known: BackboneFacts, spec: Backbone) -> Path:
    """Where that file belongs on this machine, whether it is there or not."""
    if not known.weights_file:
        return resource("weights", "efficientnet_lite0.weights.h5")
    return weights_folder() / _weights_name(known, spec)


def published_widths(known: BackboneFacts, spec: Backbone) -> tuple[float, ...]:
    """Values of alpha that there are ImageNet weights for; the other arguments as in `spec`."""
    return (1.0,) if spec.minimalistic else _WIDTHS.get(known.name, (1.0,))


def weights_shape(known: BackboneFacts, spec: Backbone) -> tuple[int, int]:
    """Rows and columns that those weights were trained at; they serve any input."""
    rows, columns = spec.input_shape
    trained = rows == columns and rows in _SIDES.get(known.name, ())
    return spec.input_shape if trained else known.input_shape


def _weights_name(known: BackboneFacts, spec: Backbone) -> str:
    if "alpha" not in known.arguments:
        return known.weights_file
    side = weights_shape(known, spec)[0]
    if known.name == "MobileNet":
        width = "1_0" if spec.alpha == 1.0 else f"{spec.alpha * 10:.1f}".replace(".", "_")
        return f"mobilenet_{width}_{side}_tf_no_top.h5"
    name = known.weights_file.replace("_1.0_", f"_{spec.alpha}_")
    if spec.minimalistic:
        name = name.replace("_224_", "_minimalistic_224_")
    return name.replace("_224_", f"_{side}_")


def weights_folder() -> Path:
    """Where keras.applications keeps what it downloads."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    if not os.access(home if home.exists() else home.parent, os.W_OK):
        # As `keras.utils.get_file` does.
        home = Path("/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir(), ".keras")
    return home / "models"


def is_cached(known: BackboneFacts, spec: Backbone | None = None) -> bool:
    """Whether the pretrained weights for `spec` can be had without a download; without one, those
    of the network as the catalogue has it.
    """
    as_known = Backbone(name=known.name, input_shape=known.input_shape)
    return weights_file(known, spec or as_known).is_file()
