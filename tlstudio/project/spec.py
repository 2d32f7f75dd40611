"""The project: the five decisions of a person as one immutable, serialisable value."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Pooling = Literal["gap", "gmp", "flatten"]
Activation = Literal["relu", "gelu", "silu", "tanh", "sigmoid", "linear"]
Strategy = Literal["head", "top", "all", "custom"]
Optimizer = Literal["adam", "adamw", "sgd", "rmsprop"]
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


class FreezePlan(Decision):
    """Which backbone layers are trainable; everything else is frozen.

    `head` trains none, `all` trains all, `top` trains the blocks from `unfreeze_from` on (the
    top third of the blocks where that is empty), `custom` trains exactly `layers`.
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


class Training(Decision):
    optimizer: Optimizer = "adam"
    learning_rate: float | None = Field(None, gt=0.0, le=10.0)
    """None: what suits the optimizer and the plan, see `project.learning_rate`."""
    epochs: int = Field(20, ge=1, le=10_000)
    batch_size: int = Field(32, ge=1, le=4096)
    seed: int = Field(1, ge=0, lt=2**31)
    """Of the split, the initial weights, dropout and the order of the pictures."""
    device: str = "auto"
    """auto (a GPU where there is one), cpu or gpu:N."""


class Project(Decision):
    pictures: Pictures
    backbone: Backbone = Backbone()
    freeze: FreezePlan = FreezePlan()
    head: Head = Head()
    training: Training = Training()
