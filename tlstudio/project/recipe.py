"""The usual recipe of fine-tuning practice, which one choice puts into a training."""

from tlstudio.project.spec import Augmentation, Training

UNEVEN = 2.0
"""From how many times the smallest class's pictures in the largest one, classes are weighted."""


def usual_recipe(training: Training, trains_backbone: bool, imbalance: float) -> Training:
    """The training with what is usually right for all that makes a recipe.

    `trains_backbone` says whether the plan trains backbone layers, `imbalance` how many times
    the pictures of the smallest class the largest has. Epochs, batch size, optimizer, learning
    rate, seed and device stay as they are, as does augmentation that is on: it was chosen.
    """
    chosen = training.augmentation.mode != "off"
    return training.model_copy(
        update={
            "head_epochs": 5 if trains_backbone else 0,
            "schedule": "cosine",
            "warmup": 1,
            "class_weights": imbalance >= UNEVEN,
            "label_smoothing": 0.1,
            "clip_norm": 1.0 if trains_backbone else 0.0,
            "early_stopping": 8,
            "reduce_on_plateau": 0,
            "augmentation": training.augmentation if chosen else Augmentation(mode="views"),
        }
    )
