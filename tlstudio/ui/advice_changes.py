"""What advice would change of what is decided: line by line, and as the decisions themselves."""

from dataclasses import dataclass

from tlstudio.advice_events import Advice
from tlstudio.events import LayerRow
from tlstudio.project.freeze_plan import BATCH_NORM, strategy_of
from tlstudio.project.head_size import POOLING_LABELS
from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.spec import FreezePlan, Head, Optimizer, Training
from tlstudio.ui import freeze_edit
from tlstudio.ui.decisions import Decisions
from tlstudio.ui.strategy_depth import depth
from tlstudio.ui.training_words import augmentation

STRATEGIES = {
    "all": "Everything",
    "top": "Top layers",
    "head": "Head only",
    "custom": "Your own choice",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One decision in words, as it is and as it is advised."""

    what: str
    now: str
    advised: str

    @property
    def is_done(self) -> bool:
        return self.now == self.advised


@dataclass(frozen=True, slots=True)
class Parts:
    """The decisions that advice is about."""

    freeze: FreezePlan
    head: Head
    training: Training


def parts_of(decisions: Decisions) -> Parts:
    return Parts(decisions.freeze, decisions.head, decisions.training)


def advised(decisions: Decisions, advice: Advice, optimizer: Optimizer) -> Parts:
    """The decisions with all that is advised; what advice says nothing of stays as it is.

    `optimizer` is the one that the rate was advised for. Another one takes other steps.
    """
    top = advice.unfreeze_from if advice.strategy == "top" else ""
    training = decisions.training
    suited, suits_now = (
        suited_rate(name, advice.strategy != "head", decisions.backbone.pretrained)
        for name in (optimizer, training.optimizer)
    )
    changed = {
        # Where that is what would be chosen anyhow, it keeps following the plan.
        "learning_rate": None
        if advice.learning_rate == suited
        else advice.learning_rate * suits_now / suited,
        "epochs": advice.epochs,
        "augmentation": training.augmentation.model_copy(update={"mode": advice.augmentation}),
    }
    return Parts(
        FreezePlan(
            strategy=advice.strategy,
            unfreeze_from=top,
            batchnorm=decisions.freeze.batchnorm or advice.batchnorm,
        ),
        decisions.head.model_copy(update={"pooling": advice.pooling}),
        training.model_copy(update=changed),
    )


def changes(
    now: Parts, new: Parts, layers: tuple[LayerRow, ...], pretrained: bool
) -> tuple[Change, ...]:
    """Each decision as it is and as it is advised; `layers` are those of the backbone.

    Raises TlstudioError where a plan names a layer that is not among them.
    """
    before = freeze_edit.trained(now.freeze, layers)
    after = freeze_edit.trained(new.freeze, layers)
    return (
        Change("Strategy", *(STRATEGIES[strategy_of(names, layers)] for names in (before, after))),
        Change("Trained", *(_trained(layers, names) for names in (before, after))),
        Change(
            "Learning rate",
            *(
                _rate(part.training, bool(names), pretrained)
                for part, names in ((now, before), (new, after))
            ),
        ),
        Change("Epochs", *(f"{part.training.epochs:,}" for part in (now, new))),
        Change("Pooling", *(POOLING_LABELS[part.head.pooling] for part in (now, new))),
        Change("Augmentation", *(augmentation(part.training.augmentation) for part in (now, new))),
    )


def _trained(layers: tuple[LayerRow, ...], trainable: frozenset[str]) -> str:
    """How much of the backbone, from where on, and whether with BatchNorm."""
    found = depth(layers, trainable)
    start = f", from {found.blocks[found.first]}" if 0 < found.first < len(found.blocks) else ""
    norms = any(row.type == BATCH_NORM and row.name in trainable for row in layers)
    return f"{found.words}{start}{' with BatchNorm' if norms else ''}"


def _rate(training: Training, trains_backbone: bool, pretrained: bool) -> str:
    suited = suited_rate(training.optimizer, trains_backbone, pretrained)
    rate = training.learning_rate or suited
    return f"{rate:.3g}"
