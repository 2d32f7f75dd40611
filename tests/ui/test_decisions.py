"""What choosing another network makes of the backbone."""

import pytest

from tlstudio.model import catalog
from tlstudio.project.spec import Backbone
from tlstudio.ui.decisions import other_network


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("VGG16", "bundled", "imagenet"),
        ("VGG16", "/a/file.h5", "imagenet"),
        ("VGG16", "random", "imagenet"),
        ("EfficientNetLite0", "random", "bundled"),
        ("EfficientNetLite0", "imagenet", "bundled"),
    ],
)
def test_another_network_begins_with_its_own_pretrained_weights(name, old, new) -> None:
    before = Backbone(name="ResNet50", weights=old, input_shape=(96, 64))
    chosen = other_network(before, catalog.facts(name))
    assert chosen == Backbone(name=name, weights=new)


def test_another_network_gets_the_input_it_was_trained_at_and_its_published_width() -> None:
    old = Backbone(name="MobileNetV2", weights="imagenet", alpha=0.5)
    chosen = other_network(old, catalog.facts("InceptionV3"))
    assert (chosen.input_shape, chosen.alpha) == ((299, 299), 1.0)


def test_the_network_that_is_chosen_already_stays_as_it_is() -> None:
    old = Backbone(weights="/a/file.h5", input_shape=(96, 64))
    assert other_network(old, catalog.facts(old.name)) == old
