from tlstudio.control import Control
from tlstudio.events import Description, Failed
from tlstudio.host import jobs
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
