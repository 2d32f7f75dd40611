import pytest

from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.spec import Training
from tlstudio.training.phases import phases_of

LAYERS = frozenset({"top_conv", "top_bn"})


def test_the_plan_alone_is_one_phase_with_all_that_was_chosen() -> None:
    training = Training(epochs=7, learning_rate=0.3, schedule="cosine", warmup=2)
    (plan,) = phases_of(training, LAYERS, trains_backbone=True)
    assert (plan.name, plan.trainable, plan.epochs) == ("plan", LAYERS, 7)
    assert (plan.rate, plan.schedule, plan.warmup) == (0.3, "cosine", 2)


def test_the_head_comes_first_at_the_rate_of_a_head_with_the_backbone_frozen() -> None:
    training = Training(
        epochs=7, head_epochs=3, optimizer="sgd", learning_rate=1e-5, schedule="cosine", warmup=2
    )
    head, plan = phases_of(training, LAYERS, trains_backbone=True)
    assert (head.name, head.trainable, head.epochs) == ("head", frozenset(), 3)
    assert head.rate == suited_rate("sgd", trains_backbone=False)
    assert (head.schedule, head.warmup) == ("constant", 0)
    mine = training.model_copy(update={"head_learning_rate": 0.4})
    assert [phase.rate for phase in phases_of(mine, LAYERS, True)] == [0.4, 1e-5]
    assert (plan.trainable, plan.epochs, plan.rate) == (LAYERS, 7, 1e-5)
    assert (plan.schedule, plan.warmup) == ("cosine", 2)


def test_a_head_alone_needs_no_phase_before_it() -> None:
    (plan,) = phases_of(Training(epochs=7, head_epochs=3), frozenset(), trains_backbone=False)
    assert (plan.name, plan.trainable, plan.epochs) == ("plan", frozenset(), 7)


@pytest.mark.parametrize("trains_backbone", [True, False])
def test_where_no_rate_is_chosen_the_plan_has_one_that_suits_it(trains_backbone: bool) -> None:
    *_, plan = phases_of(Training(optimizer="rmsprop"), LAYERS, trains_backbone)
    assert plan.rate == suited_rate("rmsprop", trains_backbone)
