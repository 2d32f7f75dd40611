"""The project: the five decisions of a person as one immutable, serialisable value."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Pooling = Literal["gap", "gmp", "flatten"]
Activation = Literal["relu", "gelu", "silu", "tanh", "sigmoid", "linear"]
Strategy = Literal["head", "top", "all", "custom"]
Optimizer = Literal["adam", "adamw", "sgd", "rmsprop"]
Schedule = Literal["constant", "cosine"]
AugmentationMode = Literal["off", "views", "live"]
Precision = Literal["auto", "float32", "mixed_float16"]
FeaturePrecision = Literal["auto", "float16", "float32"]
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]


class Decision(BaseModel):
    """Base of all parts of a project: immutable, and nothing unknown goes in."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Pictures(Decision):
    """Where the labelled pictures are: a folder with one subfolder a class, or a CSV."""

    source: Path
    validation: float = Field(0.25, gt=0.0, lt=1.0)
    """Fraction held out for validation where the folder has no split of its own."""


class Backbone(Decision):
    """Which network, with which weights, at which input size."""

    name: str = "EfficientNetLite0"
    weights: str = "bundled"
    """bundled, imagenet, random, or the path of a weights file."""
    input_shape: tuple[int, int] = (224, 224)
    """Rows and columns in pixels."""
    alpha: float = Field(1.0, gt=0.0, le=2.0)
    """Width multiplier; only the MobileNet families have one."""
    depth_multiplier: int = Field(1, ge=1, le=8)
    """Filters that each depthwise convolution has a channel; only MobileNet has it."""
    minimalistic: bool = False
    """Without squeeze-and-excitation, hard swish and 5x5 convolutions; only MobileNetV3 has it."""

    @property
    def pretrained(self) -> bool:
        return self.weights != "random"


class FreezePlan(Decision):
    """Which backbone layers are trainable; everything else is frozen.

    `head` trains none, `all` trains all, `top` trains the blocks from `unfreeze_from` on (those
    with about the top third of the layers where that is empty), `custom` trains exactly `layers`.
    """

    strategy: Strategy = "head"
    unfreeze_from: str = ""
    """A layer's name; only for `top`."""
    layers: tuple[str, ...] = ()
    """Only for `custom`."""
    batchnorm: bool = False
    """Whether BatchNorm is trained too where its block is."""


class DenseLayer(Decision):
    units: int = Field(256, ge=1, le=65536)
    activation: Activation = "relu"
    dropout: Rate = 0.0
    """Share of the outputs dropped in training."""


class Head(Decision):
    """What is put on the backbone, before the classifier of one softmax unit a class."""

    pooling: Pooling = "gap"
    dense: tuple[DenseLayer, ...] = ()
    dropout: Rate = 0.2
    """Before the classifier."""


class Augmentation(Decision):
    """Random changes to training pictures, none of which is in the saved model.

    `views` makes `views` versions of each picture once, of which an epoch takes one; `live` makes
    a new version in each epoch. A strength of 0 leaves that change out.
    """

    mode: AugmentationMode = "off"
    views: int = Field(8, ge=1, le=64)
    flip: float = Field(0.5, ge=0.0, le=1.0)
    """How likely left and right are swapped."""
    flip_vertical: float = Field(0.0, ge=0.0, le=1.0)
    """How likely up and down are swapped."""
    rotation: float = Field(10.0, ge=0.0, le=180.0)
    """At most so many degrees to either side."""
    zoom: float = Field(0.1, ge=0.0, le=0.9)
    """At most so much larger or smaller, as a share of the size."""
    shift: float = Field(0.1, ge=0.0, le=0.9)
    """At most so far to each side, as a share of the width and the height."""
    brightness: float = Field(0.2, ge=0.0, le=0.9)
    """At most so much lighter or darker, as a share; contrast and colour alike."""
    contrast: float = Field(0.2, ge=0.0, le=0.9)
    colour: float = Field(0.2, ge=0.0, le=0.9)
    cutout: float = Field(0.0, ge=0.0, le=0.9)
    """Side of a grey square somewhere in the picture, as a share of the picture's shorter one."""


class Training(Decision):
    optimizer: Optimizer = "adam"
    learning_rate: float | None = Field(None, gt=0.0, le=10.0)
    """None: what suits the optimizer and the plan, see `project.learning_rate`."""
    epochs: int = Field(20, ge=1, le=10_000)
    head_epochs: int = Field(0, ge=0, le=10_000)
    """Epochs for the head alone before those; only where the plan trains backbone layers."""
    head_learning_rate: float | None = Field(None, gt=0.0, le=10.0)
    """In these; None: what suits the optimizer."""
    schedule: Schedule = "constant"
    """cosine lets the rate fall to 0 over `epochs`."""
    warmup: int = Field(0, ge=0, le=10_000)
    """Of `epochs`, so many first ones in which the rate rises from 0."""
    batch_size: int = Field(32, ge=1, le=4096)
    class_weights: bool = False
    """Whether pictures of rare classes count more, so that all classes count alike."""
    label_smoothing: Rate = 0.0
    clip_norm: float = Field(0.0, ge=0.0, le=1e6)
    """Largest norm of all gradients together; 0: any."""
    early_stopping: int = Field(0, ge=0, le=10_000)
    """End a phase after so many epochs without a better one, that is one of higher validation
    accuracy, or of lower loss where that ties; 0: never.
    """
    reduce_on_plateau: int = Field(0, ge=0, le=10_000)
    """Halve the rate after so many epochs without a better validation loss; 0: never."""
    augmentation: Augmentation = Augmentation()
    seed: int = Field(1, ge=0, lt=2**31)
    """Of the split, the initial weights, dropout and the order of the pictures."""
    device: str = "auto"
    """auto (a GPU where there is one), cpu, gpu:N, or gpus (all of them together)."""
    precision: Precision = "auto"
    """auto computes in half precision on GPUs and in single precision on CPUs."""
    features: FeaturePrecision = "auto"
    """How features are kept: auto is float16 where rows are large, and float32 where small."""


class Project(Decision):
    pictures: Pictures
    backbone: Backbone = Backbone()
    freeze: FreezePlan = FreezePlan()
    head: Head = Head()
    training: Training = Training()
