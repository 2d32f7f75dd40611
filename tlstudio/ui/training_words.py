"""What a training has switched on, in a few words."""

from tlstudio.project.spec import (
    Augmentation,
    FeaturePrecision,
    Optimizer,
    Precision,
    Schedule,
    Training,
)
from tlstudio.ui import numbers

OPTIMIZERS: dict[Optimizer, str] = {
    "adam": "Adam",
    "adamw": "AdamW",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
}
SCHEDULES: dict[Schedule, str] = {"constant": "Constant", "cosine": "Cosine"}
PRECISIONS: dict[Precision, str] = {
    "auto": "Automatic",
    "float32": "Single, 32 bits",
    "mixed_float16": "Mixed half, 16 bits",
}
FEATURE_PRECISIONS: dict[FeaturePrecision, str] = {
    "auto": "Automatic",
    "float16": "Half, 16 bits",
    "float32": "Single, 32 bits",
}


def augmentation(how: Augmentation) -> str:
    match how.mode:
        case "off":
            return "Off"
        case "views":
            return f"{numbers.count(how.views, 'version')} each"
        case "live":
            return "New each epoch"


def switched_on(training: Training, trains_backbone: bool) -> list[str]:
    """All beyond plain training but the augmentation, the most telling first; numbers that stand
    alone are epochs.
    """
    said = []
    if training.head_epochs and trains_backbone:
        said.append(f"head first {training.head_epochs}")
    if training.schedule == "cosine":
        said.append("cosine")
    if training.early_stopping:
        said.append(f"early stop {training.early_stopping}")
    if training.class_weights:
        said.append("class weights")
    if training.label_smoothing:
        said.append(f"smoothing {training.label_smoothing:g}")
    if training.warmup:
        said.append(f"warm-up {training.warmup}")
    if training.reduce_on_plateau:
        said.append(f"plateau {training.reduce_on_plateau}")
    if training.clip_norm:
        said.append(f"clip {training.clip_norm:g}")
    if training.precision != "auto":
        said.append(
            {"float32": "single", "mixed_float16": "mixed half"}[training.precision] + " precision"
        )
    if training.features != "auto":
        said.append("half features" if training.features == "float16" else "single features")
    return said
