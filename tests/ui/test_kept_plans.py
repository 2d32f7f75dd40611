from tlstudio.project.spec import Backbone, FreezePlan
from tlstudio.ui.kept_plans import KeptPlans

LITE0 = Backbone()
MOBILE = Backbone(name="MobileNet", weights="imagenet")


def random(spec: Backbone) -> Backbone:
    return spec.model_copy(update={"weights": "random"})


def chosen(batchnorm: bool) -> FreezePlan:
    return FreezePlan(strategy="custom", layers=("block7a_expand_conv",), batchnorm=batchnorm)


def test_a_plan_for_random_weights_trains_no_batchnorm_of_pretrained_ones() -> None:
    kept = KeptPlans()
    other = kept.after_change(chosen(batchnorm=True), random(LITE0), MOBILE)
    assert not other.batchnorm
    assert kept.after_change(other, MOBILE, LITE0) == chosen(batchnorm=False)


def test_a_chosen_batchnorm_is_there_again_whatever_the_other_network_had() -> None:
    kept = KeptPlans()
    other = kept.after_change(chosen(batchnorm=True), LITE0, MOBILE)
    other = kept.after_change(other, MOBILE, random(MOBILE))
    assert kept.after_change(other, random(MOBILE), LITE0) == chosen(batchnorm=True)
