"""What becomes of the freeze plan when the backbone changes."""

from tlstudio.project.freeze_plan import after_weights_change
from tlstudio.project.spec import Backbone, FreezePlan
from tlstudio.ui import freeze_edit


class KeptPlans:
    """Keeps what was chosen layer by layer, should a person go back to that backbone."""

    def __init__(self) -> None:
        self._plans: dict[str, tuple[FreezePlan, str]] = {}
        """Each with the weights that it was chosen for."""

    def after_change(self, plan: FreezePlan, old: Backbone, new: Backbone) -> FreezePlan:
        """The plan for the new backbone, which may be the same with other weights."""
        weights = old.weights
        if new.name != old.name:
            self._plans.pop(old.name, None)
            if freeze_edit.names_layers(plan):
                self._plans[old.name] = plan, weights
            other = freeze_edit.after_backbone_change(plan), weights
            plan, weights = self._plans.get(new.name, other)
        return after_weights_change(plan, weights, new.weights)

    def clear(self) -> None:
        """What follows is about another project."""
        self._plans.clear()
