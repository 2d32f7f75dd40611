"""The construction arguments that some networks have: width, depth multiplier, minimalistic."""

from collections.abc import Callable
from math import ceil, floor

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from tlstudio.model import catalog
from tlstudio.model.catalog import BackboneFacts
from tlstudio.project.spec import Backbone
from tlstudio.ui.card import label
from tlstudio.ui.fields import Decimal, Whole
from tlstudio.ui.tooltip import explain, show_below

MOST_DEPTH = 8
STEP = 0.25


class BackboneArguments(QWidget):
    """Edits are decided at once: `change` is called with the fields of a Backbone.

    With ImageNet weights only those values can be set that weights are published for.
    """

    def __init__(self, change: Callable[..., None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.alpha = Width()
        self.alpha_label = label("Width", "muted")
        self.multiplier = Whole("Depth multiplier", 1, MOST_DEPTH)
        self.multiplier_label = label("Depth", "muted")
        self.minimalistic = QCheckBox("Minimalistic")
        self.alpha.valueChanged.connect(lambda alpha: change(alpha=round(alpha, 2)))
        self.multiplier.valueChanged.connect(lambda depth: change(depth_multiplier=depth))
        self.minimalistic.toggled.connect(lambda on: change(minimalistic=on))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for part in (self.alpha_label, self.alpha, self.multiplier_label, self.multiplier):
            row.addWidget(part)
        row.addWidget(self.minimalistic)
        row.addStretch(1)

    def show_backbone(self, facts: BackboneFacts, spec: Backbone) -> None:
        """Show the arguments of this network, or nothing where it has none."""
        published = spec.weights == "imagenet"
        has_alpha = "alpha" in facts.arguments
        has_depth = "depth_multiplier" in facts.arguments
        has_minimalistic = "minimalistic" in facts.arguments
        self.setVisible(bool(facts.arguments))
        shown = {
            self.alpha: has_alpha,
            self.alpha_label: has_alpha,
            self.multiplier: has_depth,
            self.multiplier_label: has_depth,
            self.minimalistic: has_minimalistic,
        }
        for part, visible in shown.items():
            part.setVisible(visible)
        if has_alpha:
            self._show_alpha(facts, spec, published)
        if has_depth:
            self._show_depth(facts, spec, published)
        if has_minimalistic:
            self._show_minimalistic(facts, spec, published)

    def _show_alpha(self, facts: BackboneFacts, spec: Backbone, published: bool) -> None:
        widths = catalog.published_widths(facts, spec) if published else ()
        self.alpha.allow(widths)
        self.alpha.show_value(spec.alpha)
        explain(self.alpha, _why_width(facts, widths))

    def _show_depth(self, facts: BackboneFacts, spec: Backbone, published: bool) -> None:
        self.multiplier.show_value(spec.depth_multiplier)
        self.multiplier.setEnabled(not published or spec.depth_multiplier != 1)
        explain(
            self.multiplier,
            f"ImageNet weights of {facts.label} are published at a depth multiplier of 1 alone. "
            "Random weights have any."
            if published
            else "Depthwise outputs for each channel: 1 is as published",
        )

    def _show_minimalistic(self, facts: BackboneFacts, spec: Backbone, published: bool) -> None:
        with QSignalBlocker(self.minimalistic):
            self.minimalistic.setChecked(spec.minimalistic)
        explain(
            self.minimalistic,
            "Without squeeze-and-excitation, hard swish and 5×5 kernels: quicker on simple chips, "
            "and less accurate" + (", published at width 1 alone" if published else ""),
        )


class Width(Decimal):
    """A width multiplier, which may be held to some widths."""

    def __init__(self) -> None:
        super().__init__("Width multiplier alpha", catalog.MIN_ALPHA, catalog.MAX_ALPHA, 2)
        self.setSingleStep(STEP)
        self._allowed: tuple[float, ...] = ()
        self._typed = ""
        self.lineEdit().textEdited.connect(self._remember)
        self.editingFinished.connect(self._explain_another)

    def allow(self, widths: tuple[float, ...]) -> None:
        """Hold it to these, in rising order; none: any width."""
        self._allowed = widths

    def _remember(self, typed: str) -> None:
        self._typed = typed

    def _explain_another(self) -> None:
        """Where what was typed is not among the widths, say why it has become another."""
        typed, self._typed = self._typed, ""
        if typed and self._allowed and super().valueFromText(typed) not in self._allowed:
            show_below(self, self.toolTip())

    def stepBy(self, steps: int) -> None:
        if not self._allowed:
            # To whole steps, from whatever was typed.
            at = self.value() / STEP
            self.setValue(STEP * (steps + (floor(at) if steps > 0 else ceil(at))))
            return
        at = self._allowed.index(nearest(self._allowed, self.value()))
        self.setValue(self._allowed[min(max(at + steps, 0), len(self._allowed) - 1)])

    def valueFromText(self, text: str) -> float:
        typed = super().valueFromText(text)
        return nearest(self._allowed, typed) if self._allowed else typed


def nearest(widths: tuple[float, ...], width: float) -> float:
    return min(widths, key=lambda one: abs(one - width))


def is_published(spec: Backbone) -> bool:
    """Whether it is built as the catalogue's figures are."""
    return (spec.alpha, spec.depth_multiplier, spec.minimalistic) == (1.0, 1, False)


def as_published(facts: BackboneFacts, spec: Backbone) -> Backbone:
    """The nearest of this network that there are ImageNet weights for."""
    plain = spec.model_copy(update={"depth_multiplier": 1})
    widths = catalog.published_widths(facts, plain)
    return plain.model_copy(update={"alpha": nearest(widths, plain.alpha)})


def _why_width(facts: BackboneFacts, widths: tuple[float, ...]) -> str:
    if not widths:
        return "The width of the network, alpha: 1 is as published"
    listed = " or ".join(f"{width:g}" for width in widths)
    return (
        f"The width of the network, alpha. ImageNet weights of {facts.label} are published at "
        f"{listed}; random weights have any width."
    )
