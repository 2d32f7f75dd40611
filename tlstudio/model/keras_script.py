"""A project as a plain Keras script, which makes the same model and trains it by the same rules.

Text and plain arithmetic, quick enough to be made anew with each decision.
"""

from collections.abc import Iterator, Sequence
from textwrap import indent

from tlstudio.events import LayerRow
from tlstudio.model import catalog
from tlstudio.model.keras_augment import augmentation_section
from tlstudio.model.keras_pictures import FoundPictures, pictures_section
from tlstudio.model.keras_training import TrainingScript
from tlstudio.model.python_source import Section, bracketed, quoted
from tlstudio.project.freeze_plan import BATCH_NORM, first_layer_of_top, trainable_layers
from tlstudio.project.head_size import POOLING_TYPES
from tlstudio.project.spec import Backbone, FreezePlan, Head, Project
from tlstudio.project.store import NAMED_WEIGHTS

DROPOUT = "Dropout"


def keras_script(
    project: Project, layers: Sequence[LayerRow], found: FoundPictures | None = None
) -> str:
    """The script, for a backbone with these layers, and for what a scan of the pictures found.

    Its functions `make_base`, `set_trainable` and `make_model` make the model without reading any
    picture. Raises TlstudioError for a backbone that there is not, and as `trainable_layers` does.
    """
    trainable = trainable_layers(project.freeze, layers)
    trained = [index for index, row in enumerate(layers) if row.name in trainable and row.params]
    first = min(trained, default=len(layers))
    augmentation = augmentation_section(project.training.augmentation)
    constants, *training = TrainingScript(
        project.training,
        trains_backbone=any(layers[index].trainable_params for index in trained),
        pretrained=project.backbone.pretrained,
        augments=augmentation is not None,
        drops=any(row.type == DROPOUT for row in layers[first:]),
    ).sections()
    return _joined(
        [
            _titled("1. The pictures", pictures_section(project, found or FoundPictures())),
            _titled("2. The backbone and its weights", _base_section(project.backbone)),
            _titled("3. The freeze plan", _freeze_section(project.freeze, layers, layers[:first])),
            _titled("4. The head", _model_section(project.backbone, project.head)),
            _titled("5. The training", constants),
            *([augmentation] if augmentation else ()),
            *training,
        ]
    )


def _base_section(backbone: Backbone) -> Section:
    known = catalog.facts(backbone.name)
    bundled = known is catalog.LITE0 and backbone.weights in ("bundled", "imagenet")
    weights = "None"
    if bundled:
        weights = 'resource("weights", "efficientnet_lite0.weights.h5")'
    elif backbone.weights in NAMED_WEIGHTS and backbone.weights != "random":
        weights = quoted(backbone.weights)
    shape = "input_shape=(*IMAGE_SIZE, 3)"
    if known is catalog.LITE0:
        network = "EfficientNetLite0"
        arguments = ["include_top=False", f"weights_path={weights}", shape]
    else:
        network = f"keras.applications.{known.name}"
        arguments = ["include_top=False", f"weights={weights}", shape]
    arguments += _chosen_arguments(backbone)
    lines = [_WHERE_FROM] if known is catalog.LITE0 else []
    if backbone.weights in NAMED_WEIGHTS:
        lines.append(bracketed(f"return {network}(", arguments, ")", 4))
    else:
        lines += [
            bracketed(f"base = {network}(", arguments, ")", 4),
            "# A file of this network alone; tlstudio also finds its layers in a larger one.",
            bracketed("base.load_weights(", [quoted(backbone.weights)], ")", 4),
            "return base",
        ]
    imports = {"Lite0"} if known is catalog.LITE0 else set()
    return Section(
        _function("make_base()", "The network without its classifier.", lines),
        frozenset(imports | ({"resource"} if bundled else set())),
    )


def _chosen_arguments(backbone: Backbone) -> list[str]:
    """What else the network is made with, such as its width; called as Keras calls it."""
    names = Backbone.model_fields.keys() - {"name", "weights", "input_shape"}
    usual = Backbone()
    values = {name: getattr(backbone, name) for name in sorted(names)}
    return [f"{name}={value}" for name, value in values.items() if value != getattr(usual, name)]


def _freeze_section(
    plan: FreezePlan, layers: Sequence[LayerRow], prefix: Sequence[LayerRow]
) -> Section:
    """`prefix` is what comes before all that is trained."""
    frozen_norms = not plan.batchnorm and any(row.type == BATCH_NORM for row in layers)
    but_norms = ", but for BatchNorm, which keeps its statistics" if frozen_norms else ""
    match plan.strategy:
        case "head":
            words = "The head alone is trained."
            lines = ["base.trainable = False"]
        case "all":
            words = f"Every layer is trained{but_norms}."
            lines = ["base.trainable = True"]
            if frozen_norms:
                lines += _freeze_norms("base.layers")
        case "top":
            words = f"The top layers are trained{but_norms}."
            start = plan.unfreeze_from or first_layer_of_top(layers)
            lines = [
                "base.trainable = True",
                bracketed("start = base.get_layer(", [quoted(start)], ")", 4),
                "first = base.layers.index(start)",
                "for layer in base.layers[:first]:",
                "    layer.trainable = False",
            ]
            if frozen_norms:
                lines += _freeze_norms("base.layers[first:]")
        case "custom":
            words = "Exactly the named layers are trained."
            names = [quoted(name) for name in plan.layers]
            lines = [
                "base.trainable = True",
                bracketed("trained = [", names, "]", 4),
                "for layer in base.layers:",
                "    layer.trainable = layer.name in trained",
            ]
    if any(row.type == DROPOUT for row in prefix):
        lines.append(_SWITCH_DROPOUT_OFF)
    return Section(_function("set_trainable(base)", words, lines))


def _freeze_norms(layers: str) -> list[str]:
    return [
        f"for layer in {layers}:",
        "    if isinstance(layer, keras.layers.BatchNormalization):",
        "        layer.trainable = False",
    ]


def _model_section(backbone: Backbone, head: Head) -> Section:
    lines = [
        'picture = keras.Input((*IMAGE_SIZE, 3), name="picture")',
        *_preprocessing(_mode(backbone)),
    ]
    lines.append(f'x = keras.layers.{POOLING_TYPES[head.pooling]}(name="pooling")(x)')
    for number, dense in enumerate(head.dense, start=1):
        arguments = [
            f"{dense.units}",
            f"activation={quoted(dense.activation)}",
            f'name="dense_{number}"',
        ]
        lines.append(bracketed("x = keras.layers.Dense(", arguments, ")(x)", 4))
        if dense.dropout:
            lines.append(f'x = keras.layers.Dropout({dense.dropout}, name="dropout_{number}")(x)')
    if head.dropout:
        lines.append(f'x = keras.layers.Dropout({head.dropout}, name="dropout")(x)')
    lines += [
        "outputs = keras.layers.Dense(",
        "    len(CLASSES),",
        '    activation="softmax",',
        '    dtype="float32",',
        '    name="predictions",',
        ")(x)",
        'return keras.Model(picture, outputs, name="tlstudio")',
    ]
    words = "Pictures with values from 0 to 255 in, the probability of each class out."
    return Section(_function("make_model(base)", words, lines))


def _mode(backbone: Backbone) -> str:
    mode = catalog.facts(backbone.name).preprocessing
    # Where Keras loads these weights itself, the rest of it is part of the network too.
    return "none" if mode == "efficientnet" and backbone.weights == "imagenet" else mode


def _preprocessing(mode: str) -> Iterator[str]:
    """From `picture` to `x`, what the base says of it."""
    if mode == "none":
        yield "x = base(picture)  # which scales the values itself"
        return
    start = "picture"
    if mode == "caffe":
        yield "x = keras.ops.flip(picture, axis=-1)  # RGB to BGR"
        start = "x"
    arguments = [*_RESCALING[mode], 'dtype="float32"', 'name="preprocessing"']
    yield bracketed("x = keras.layers.Rescaling(", arguments, f")({start})", 4)
    yield "x = base(x)"


def _function(signature: str, words: str, lines: Sequence[str]) -> str:
    body = "\n".join([f'"""{words}"""', *lines])
    return f"def {signature}:\n{indent(body, '    ')}"


def _titled(title: str, section: Section) -> Section:
    return Section(f"# {title}\n{section.source}", section.imports)


def _joined(sections: Sequence[Section]) -> str:
    used = frozenset({"keras"}).union(*(section.imports for section in sections))
    groups = ["\n".join(line for name, line in group if name in used) for group in _IMPORTS]
    start = "\n\n".join([_WHAT, *filter(None, groups), sections[0].source])
    rest = [section.source for section in sections[1:]]
    return "\n\n\n".join([start, *rest, _END])


# As text what `model.backbone.preprocess` does, which a test compares.
_RESCALING = {
    "tf": ("1 / 127.5", "-1.0"),
    "lite": ("1 / 128", "-127 / 128"),
    "caffe": ("1.0", "[-103.939, -116.779, -123.68]"),
    "torch": (
        "[1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)]",
        "[-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225]",
    ),
    # With weights that Keras loads itself, this is part of the network.
    "efficientnet": (
        "[0.229**-0.5, 0.224**-0.5, 0.225**-0.5]",
        "[-134.76764544098123, -129.40634184957977, -114.73040410482156]",
    ),
}

_WHERE_FROM = "# keras.applications does not have this network; tlstudio does."

_SWITCH_DROPOUT_OFF = """\
# What is frozen says the same each time: no Dropout before the first trained layer.
for layer in base.layers:
    if layer.trainable and layer.weights:
        break
    if isinstance(layer, keras.layers.Dropout):
        layer.rate = 0.0"""

# Standard library, then others, each in the order of isort.
_IMPORTS = (
    (
        ("csv", "import csv"),
        ("math", "import math"),
        ("random", "import random"),
        ("Path", "from pathlib import Path"),
    ),
    (
        ("keras", "import keras"),
        ("np", "import numpy as np"),
        ("tf", "import tensorflow as tf"),
        ("Lite0", "from tlstudio.model.efficientnet_lite import EfficientNetLite0"),
        ("resource", "from tlstudio.paths import resource"),
    ),
)

_WHAT = '''\
"""A project of tlstudio in plain Keras: the same model, trained by the same rules.

Figures differ a little: random numbers come in another order, and Keras shrinks
pictures without smoothing and does not turn them as a camera's EXIF says. It is slower:
frozen layers are run anew in each epoch, where tlstudio keeps their outputs.
"""'''

_END = """\
if __name__ == "__main__":
    main()
"""
