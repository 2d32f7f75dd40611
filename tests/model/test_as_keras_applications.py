"""A backbone with downloaded weights says of a picture what that of keras.applications says."""

import keras
import numpy as np
import pytest
from keras.src.utils import file_utils
from loading import loaded

from tlstudio.model import backbone, imagenet
from tlstudio.project.spec import Backbone


@pytest.mark.parametrize(
    ("name", "module", "alpha"),
    [
        ("MobileNetV2", keras.applications.mobilenet_v2, 0.35),
        ("MobileNetV3Small", keras.applications.mobilenet_v3, 0.75),
        ("EfficientNetB0", keras.applications.efficientnet, 1.0),
        pytest.param("ResNet50", keras.applications.resnet, 1.0, marks=pytest.mark.slow),
        pytest.param("ResNet50V2", keras.applications.resnet_v2, 1.0, marks=pytest.mark.slow),
        pytest.param("DenseNet121", keras.applications.densenet, 1.0, marks=pytest.mark.slow),
        pytest.param("NASNetMobile", keras.applications.nasnet, 1.0, marks=pytest.mark.slow),
        pytest.param(
            "EfficientNetV2B0", keras.applications.efficientnet_v2, 1.0, marks=pytest.mark.slow
        ),
        pytest.param("ConvNeXtTiny", keras.applications.convnext, 1.0, marks=pytest.mark.slow),
        pytest.param("InceptionV3", keras.applications.inception_v3, 1.0, marks=pytest.mark.slow),
        pytest.param("Xception", keras.applications.xception, 1.0, marks=pytest.mark.slow),
        pytest.param("VGG16", keras.applications.vgg16, 1.0, marks=pytest.mark.slow),
    ],
)
def test_the_network_and_its_preprocessing_say_the_same(name, module, alpha, tmp_path, monkeypatch):
    # Keras warns where MobileNetV3 is as small as the others here.
    side = 224 if name == "MobileNetV3Small" else 96
    spec = Backbone(name=name, weights="imagenet", input_shape=(side, side), alpha=alpha)
    downloaded = tmp_path / "downloaded.weights.h5"
    _like_trained(backbone.build(spec.model_copy(update={"weights": "random"}))).save_weights(
        downloaded
    )
    for owner, function in ((file_utils, "get_file"), (imagenet, "PLAIN_GET_FILE")):
        monkeypatch.setattr(owner, function, lambda *_, **__: str(downloaded))
    width = {"alpha": alpha} if alpha != 1 else {}
    theirs = getattr(keras.applications, name)(
        include_top=False, weights="imagenet", input_shape=(side, side, 3), **width
    )

    _, ours = loaded(spec)

    inputs = keras.Input((side, side, 3))
    whole = keras.Model(inputs, ours(backbone.preprocess(inputs, name)))
    pictures = np.random.default_rng(1).uniform(0, 255, (2, side, side, 3)).astype(np.float32)
    wanted = theirs(module.preprocess_input(pictures.copy()), training=False)
    assert np.std(wanted) > 0
    np.testing.assert_allclose(
        whole(pictures, training=False), wanted, rtol=0, atol=1e-3 * np.max(np.abs(wanted))
    )


def _like_trained(model: keras.Model) -> keras.Model:
    """With ImageNet's figures where a network normalises its input."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            layer.set_weights(
                [np.array(v, "float32") for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
                + [np.array(w) for w in layer.get_weights()[2:]]
            )
    return model
