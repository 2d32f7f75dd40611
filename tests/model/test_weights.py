"""Which weights there can be, and an outline given its values."""

import numpy as np
import pytest

from tlstudio.errors import TlstudioError
from tlstudio.model import backbone, weights
from tlstudio.project.spec import Backbone

SMALL = Backbone(name="MobileNet", alpha=0.25, weights="random", input_shape=(32, 32))


def test_only_one_network_has_bundled_weights():
    weights.check(Backbone())
    assert weights.are_bundled(Backbone(weights="imagenet"))
    assert not weights.are_bundled(Backbone(weights="random"))
    with pytest.raises(TlstudioError, match="No weights of VGG16 are bundled") as error:
        weights.check(Backbone(name="VGG16"))
    assert "imagenet" in error.value.hint


def test_a_file_that_is_not_there_is_said(tmp_path):
    spec = SMALL.model_copy(update={"weights": str(tmp_path / "none.h5")})
    with pytest.raises(TlstudioError, match="no weights file at"):
        weights.check(spec)


def test_an_outline_gets_values_in_the_type_it_has_and_new_ones_where_there_are_none():
    model = backbone.outline(SMALL)
    first, *others = model.weights
    value = np.full(first.shape, 0.5, np.float16)
    weights.give_values(model, [value, *[None] * len(others)])

    np.testing.assert_array_equal(first, value)
    assert first.dtype == "float32"
    assert all(np.isfinite(other).all() for other in others)
    assert model.get_layer("conv_pw_1").get_weights()[0].std() > 0


def test_an_outline_to_be_filled_has_no_values_that_could_pass_for_some():
    model = backbone.outline(SMALL)
    weights.give_values(model)

    assert all(np.isnan(weight).all() for weight in model.weights)
