from pathlib import Path

import numpy as np
import pytest

from tlstudio.control import Cancelled, Control
from tlstudio.events import Event, Failed
from tlstudio.host import jobs
from tlstudio.inference.weight_values import identifiers, save_weights
from tlstudio.layer_events import WeightsSaved, WeightValues
from tlstudio.project.spec import Backbone

SMALL = Backbone(input_shape=(32, 32))


def ask(request: jobs.Request) -> Event:
    return list(jobs.run(request, Control()))[-1]


def values(layer: str) -> WeightValues:
    answer = ask(jobs.WeightValuesRequest(SMALL, layer))
    assert isinstance(answer, WeightValues)
    return answer


def test_one_weight_is_saved_as_npy(tmp_path: Path) -> None:
    path = tmp_path / "kernel.npy"
    assert ask(jobs.SaveWeightsRequest(SMALL, "top_conv", path)) == WeightsSaved(
        "top_conv", str(path)
    )
    np.testing.assert_array_equal(np.load(path), values("top_conv").values[0])


def test_several_are_saved_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "bn.npz"
    ask(jobs.SaveWeightsRequest(SMALL, "stem_bn", path))
    wanted = values("stem_bn")
    with np.load(path, allow_pickle=False) as saved:
        assert tuple(saved.files) == wanted.names
        for name, value in zip(wanted.names, wanted.values, strict=True):
            np.testing.assert_array_equal(saved[name], value)


def test_weights_of_like_names_are_all_saved(tmp_path: Path) -> None:
    convnext = Backbone(name="ConvNeXtTiny", weights="random", input_shape=(32, 32))
    path = tmp_path / "several.npz"
    ask(jobs.SaveWeightsRequest(convnext, "convnext_tiny_downsampling_block_0", path))
    with np.load(path, allow_pickle=False) as saved:
        assert len(saved.files) == 4
        assert all(name.isidentifier() for name in saved.files)


def test_names_are_those_of_python_and_each_is_another() -> None:
    assert identifiers(("gamma", "inner/gamma")) == ("gamma", "inner_gamma")
    assert identifiers(("a/b", "a_b_1", "a_b")) == ("a_b", "a_b_1", "a_b_2")


def test_what_cannot_be_saved_says_why_and_leaves_no_file(tmp_path: Path) -> None:
    for layer, path, words in [
        ("stem_relu", tmp_path / "none.npy", "has no weights"),
        ("top_conv", tmp_path, "is a folder"),
    ]:
        answer = ask(jobs.SaveWeightsRequest(SMALL, layer, path))
        assert isinstance(answer, Failed)
        assert words in answer.message
    assert not list(tmp_path.iterdir())


def test_a_save_that_is_stopped_leaves_no_file(tmp_path: Path) -> None:
    control = Control()
    control.stop()
    with pytest.raises(Cancelled):
        list(save_weights(SMALL, "top_conv", None, tmp_path / "kernel.npy", 1, control))
    assert not list(tmp_path.iterdir())
