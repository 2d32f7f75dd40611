"""What the idea of each family of backbones was, when and where it was published. No TensorFlow."""

from dataclasses import dataclass

from tlstudio.model.catalog import BackboneFacts


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    year: int
    paper: str
    """Its title, and its authors in short."""
    address: str
    idea: str
    """Two sentences."""


FAMILIES = (
    Family(
        "EfficientNet-Lite",
        2020,
        "Higher accuracy on vision models with EfficientNet-Lite (Liu, Google)",
        "https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html",
        "It is EfficientNet without squeeze-and-excitation and with ReLU6 in place of swish, so "
        "that it also runs fast on phones and with 8-bit numbers. Inverted residual blocks widen "
        "the features, filter each channel by itself, and narrow them again.",
    ),
    Family(
        "VGG",
        2014,
        "Very Deep Convolutional Networks for Large-Scale Image Recognition (Simonyan, Zisserman)",
        "https://arxiv.org/abs/1409.1556",
        "Stacks of small 3x3 convolutions see as much as one large one, with fewer weights and "
        "more steps between. Its fully connected layers are what costs: in VGG16 they hold 123.6 "
        "of the 138.4 million parameters, which a head with average pooling saves.",
    ),
    Family(
        "ResNet",
        2015,
        "Deep Residual Learning for Image Recognition (He, Zhang, Ren, Sun)",
        "https://arxiv.org/abs/1512.03385",
        "Skip connections add the input of each residual block to its output, so that a block "
        "only learns what to change. Gradients then reach the first layers undiminished, and "
        "networks of 50 to 152 layers can be trained.",
    ),
    Family(
        "ResNetV2",
        2016,
        "Identity Mappings in Deep Residual Networks (He, Zhang, Ren, Sun)",
        "https://arxiv.org/abs/1603.05027",
        "BatchNorm and ReLU come before each convolution instead of after it, so that nothing at "
        "all lies on the way of the skip connections. Deep networks train more easily, and are a "
        "little more accurate.",
    ),
    Family(
        "MobileNet",
        2017,
        "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications "
        "(Howard and others)",
        "https://arxiv.org/abs/1704.04861",
        "A depthwise separable convolution filters each channel by itself and then mixes them "
        "with a 1x1 convolution, for about a ninth of the work of a 3x3 one. A width multiplier, "
        "alpha, makes all layers narrower where less accuracy will do.",
    ),
    Family(
        "MobileNetV2",
        2018,
        "MobileNetV2: Inverted Residuals and Linear Bottlenecks (Sandler and others)",
        "https://arxiv.org/abs/1801.04381",
        "Inverted residual blocks widen a thin input, filter it channel by channel and narrow it "
        "again, with the skip connection between the thin ends. The narrowing has no activation, "
        "since ReLU would destroy what little the bottleneck can hold.",
    ),
    Family(
        "MobileNetV3",
        2019,
        "Searching for MobileNetV3 (Howard and others)",
        "https://arxiv.org/abs/1905.02244",
        "A search on real phones chose the widths of MobileNetV2's blocks, which were given "
        "squeeze-and-excitation and a swish that is cheap to compute. The minimalistic variant "
        "leaves both out, for hardware that is slow at them.",
    ),
    Family(
        "DenseNet",
        2016,
        "Densely Connected Convolutional Networks (Huang, Liu, van der Maaten, Weinberger)",
        "https://arxiv.org/abs/1608.06993",
        "Each layer of a dense block gets the outputs of all layers before it, side by side "
        "instead of added up. Features are used again rather than learned again, so few "
        "parameters go a long way, at a price in memory.",
    ),
    Family(
        "NASNet",
        2017,
        "Learning Transferable Architectures for Scalable Image Recognition (Zoph and others)",
        "https://arxiv.org/abs/1707.07012",
        "A search on small pictures found two cells, one that keeps the size and one that halves "
        "it. Stacking them makes networks of any size; they are accurate, but their many small "
        "branches make them slow for their number of parameters.",
    ),
    Family(
        "EfficientNet",
        2019,
        "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks (Tan, Le)",
        "https://arxiv.org/abs/1905.11946",
        "Depth, width and picture size grow together by one rule, which beats growing any one of "
        "them alone. B0 was found by a search, and B1 to B7 are B0 grown by that rule.",
    ),
    Family(
        "EfficientNetV2",
        2021,
        "EfficientNetV2: Smaller Models and Faster Training (Tan, Le)",
        "https://arxiv.org/abs/2104.00298",
        "Plain 3x3 convolutions replace depthwise ones in the early stages, where these are slow "
        "on real hardware. Training began with small pictures and ended with large ones, while "
        "augmentation grew stronger.",
    ),
    Family(
        "ConvNeXt",
        2022,
        "A ConvNet for the 2020s (Liu and others)",
        "https://arxiv.org/abs/2201.03545",
        "A ResNet was given, step by step, what made vision transformers strong: 7x7 depthwise "
        "convolutions, LayerNorm, GELU and fewer activations. A plain convolutional network then "
        "is as accurate as they are.",
    ),
    Family(
        "Inception",
        2015,
        "Rethinking the Inception Architecture for Computer Vision (Szegedy and others)",
        "https://arxiv.org/abs/1512.00567",
        "Each module looks at its input through filters of several sizes side by side and joins "
        "what they see. Large filters are taken apart into small ones, 7x7 into 1x7 and 7x1, "
        "which saves most of their cost.",
    ),
    Family(
        "InceptionResNet",
        2016,
        "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning "
        "(Szegedy and others)",
        "https://arxiv.org/abs/1602.07261",
        "Inception modules of several filter sizes are made residual: their joined output is "
        "scaled down and added to their input. That trains much faster than the same modules "
        "without skip connections.",
    ),
    Family(
        "Xception",
        2016,
        "Xception: Deep Learning with Depthwise Separable Convolutions (Chollet)",
        "https://arxiv.org/abs/1610.02357",
        "It takes Inception to its end: space and channels are looked at entirely apart, by "
        "depthwise separable convolutions throughout. With residual connections it is more "
        "accurate than Inception V3 at the same number of parameters.",
    ),
)

# What must become of RGB values from 0 to 255, by `BackboneFacts.preprocessing`.
_PREPROCESSING = {
    "tf": "RGB scaled to -1..1",
    "lite": "RGB scaled to about -1..1",
    "caffe": "BGR, with ImageNet's mean taken off each channel",
    "torch": "RGB scaled to 0..1, then by ImageNet's mean and deviation",
    "efficientnet": "RGB of 0 to 255; the network scales it by ImageNet's mean and deviation",
    "none": "RGB of 0 to 255; the network scales it itself",
}


def family_of(known: BackboneFacts) -> Family:
    return next(family for family in FAMILIES if family.name == known.family)


def preprocessing_words(known: BackboneFacts) -> str:
    """What the network is fed, in words."""
    return _PREPROCESSING[known.preprocessing]
