import time

import keras
import psutil

from tlstudio.control import Control
from tlstudio.events import BoundaryFound, Description, Failed
from tlstudio.host import jobs
from tlstudio.model.backbone import build
from tlstudio.model.boundary import NOT_CUT, find_boundary
from tlstudio.project.spec import Backbone, DenseLayer, FreezePlan, Head

VGG16 = Backbone(name="VGG16", weights="random")


def described(request: jobs.DescribeRequest) -> Description:
    last = list(jobs.run(request, Control()))[-1]
    assert isinstance(last, Description), last
    return last


def test_vgg16_with_flatten_and_with_gap() -> None:
    dense = (DenseLayer(units=512),)
    flatten = described(jobs.DescribeRequest(VGG16, head=Head(pooling="flatten", dense=dense)))
    gap = described(jobs.DescribeRequest(VGG16, head=Head(pooling="gap", dense=dense)))
    assert {row.name: row.params for row in flatten.head}["dense_1"] == 12_845_568
    assert {row.name: row.params for row in gap.head}["dense_1"] == 262_656
    assert gap.params.backbone == 14_714_688
    assert gap.params.total == gap.params.trainable + gap.params.non_trainable
    assert gap.params.trainable == gap.params.head
    assert gap.boundary == "block5_pool"


def test_vgg16_with_its_own_top() -> None:
    whole = described(jobs.DescribeRequest(VGG16, include_top=True))
    assert whole.params.total == 138_357_544
    assert whole.head == ()
    assert whole.output_shape == (1000,)


def test_the_plan_shows_in_the_layers_and_totals() -> None:
    plan = FreezePlan(strategy="top", unfreeze_from="block5_conv1")
    description = described(jobs.DescribeRequest(VGG16, freeze=plan))
    trained = [row.name for row in description.layers if row.trainable and row.params]
    assert trained == ["block5_conv1", "block5_conv2", "block5_conv3"]
    assert description.params.trainable == 7_079_424 + description.params.head
    assert description.boundary == "block4_pool"


def test_a_name_in_another_case_is_told_as_the_catalogue_writes_it() -> None:
    spec = Backbone(name="vgg16", weights="random", input_shape=(32, 32))
    assert described(jobs.DescribeRequest(spec)).backbone == "VGG16"


def test_a_name_that_is_not_in_the_catalogue_gets_a_near_one() -> None:
    request = jobs.DescribeRequest(Backbone(name="VGG61", weights="random"))
    last = list(jobs.run(request, Control()))[-1]
    assert isinstance(last, Failed)
    assert last.status == 2
    assert "VGG16" in last.hint


def cut(spec: Backbone, *trained: str) -> BoundaryFound:
    plan = FreezePlan(strategy="custom", layers=trained)
    (found,) = jobs.run(jobs.BoundaryRequest(spec, plan), Control())
    assert isinstance(found, BoundaryFound), found
    return found


def test_the_boundary_of_a_plan_is_that_of_a_training() -> None:
    spec = Backbone(name="ResNet50", weights="random", input_shape=(64, 64))
    for trained in ((), ("conv5_block3_2_conv",), ("conv4_block1_1_conv",)):
        training = find_boundary(build(spec), frozenset(trained))
        assert training is not None
        found = cut(spec, *trained)
        assert found.layers == training.layers
        assert found.last == training.layers[-1]
        assert found.share == training.work / training.all_work
        assert found.reason == training.reason


def test_nothing_can_be_cut_off_where_the_first_layer_is_trained() -> None:
    assert cut(VGG16, "block1_conv1") == BoundaryFound((), "", 0.0, NOT_CUT)


def test_a_cut_after_an_operation_that_is_no_layer_has_the_layer_before_it_as_last() -> None:
    spec = Backbone(name="ConvNeXtTiny", weights="random", input_shape=(64, 64))
    found = cut(spec, "convnext_tiny_stage_1_block_1_depthwise_conv")
    assert found.layers == ("add_3",)
    description = described(jobs.DescribeRequest(spec))
    assert found.last in [row.name for row in description.layers]
    assert found.last.startswith("convnext_tiny_stage_1_block_0")


def test_a_plan_for_another_backbone_is_bad_input() -> None:
    plan = FreezePlan(strategy="top", unfreeze_from="block6a_expand_conv")
    (last,) = jobs.run(jobs.BoundaryRequest(VGG16, plan), Control())
    assert isinstance(last, Failed)
    assert last.status == 2


def test_the_next_plan_is_answered_at_once_and_leaves_no_trace() -> None:
    spec = Backbone(name="EfficientNetLite0", weights="random")
    description = described(jobs.DescribeRequest(spec))
    start = time.perf_counter()
    assert cut(spec, "block6a_expand_conv").last == "block5c_add"
    assert time.perf_counter() - start < 0.15
    again = described(jobs.DescribeRequest(spec))
    assert again == description


def test_a_described_network_takes_no_memory_for_its_weights() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    description = described(jobs.DescribeRequest(VGG16, include_top=True))
    # This is when Keras fills weights that were left without values.
    keras.layers.Lambda(lambda x: 2 * x)(keras.Input((4,)))
    assert process.memory_info().rss - before < description.params.total
