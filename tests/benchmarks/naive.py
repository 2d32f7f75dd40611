"""What a person would write without tlstudio: Keras as its guides teach it, in its best plain form.

`image_dataset_from_directory` with prefetching, the frozen backbone inside the model, `fit`; on
request with the decoded pictures kept in memory by `cache()`. The same network, weights, layers
to train, head and optimizer as tlstudio's.
"""

import time
from pathlib import Path

SIDE, BATCH = 224, 32


def train(
    pictures: str, epochs: int, cached: bool = False, top: bool = False, seed: int = 1
) -> dict[str, object]:
    """Seconds of each epoch, the first with all that comes before it, and the last accuracy.

    `pictures` has a folder a class, or the folders train and val of that kind.
    """
    import keras

    from tlstudio.model import backbone as backbones
    from tlstudio.project.spec import FreezePlan

    began = time.perf_counter()
    keras.utils.set_random_seed(seed)
    backbone = backbone_with_weights()
    if top:
        from tlstudio.project.freeze_plan import trainable_layers

        chosen = trainable_layers(FreezePlan(strategy="top"), backbones.layer_rows(backbone))
        for layer in backbone.layers:
            layer.trainable = layer.name in chosen
    else:
        backbone.trainable = False
    parts = _datasets(Path(pictures), seed)
    classes = len(parts[0].class_names)
    train_set, val_set = ((part.cache() if cached else part).prefetch(-1) for part in parts)

    inputs = keras.Input((SIDE, SIDE, 3))
    x = backbone(keras.layers.Rescaling(1 / 128, -127 / 128)(inputs), training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    model = keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
    rate = 1e-4 if top else 2e-3
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    ends = []
    end_of_epoch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter())
    )
    history = model.fit(
        train_set, validation_data=val_set, epochs=epochs, callbacks=[end_of_epoch], verbose=0
    )
    seconds = [end - start for start, end in zip([began, *ends], ends, strict=False)]
    return {"epochs": seconds, "val_accuracy": history.history["val_accuracy"][-1]}


def decode(pictures: str) -> float:
    """Seconds a picture to decode and resize all, once the disk has been read."""
    import keras

    read = keras.utils.image_dataset_from_directory
    dataset = read(pictures, image_size=(SIDE, SIDE), batch_size=8, verbose=False).prefetch(-1)
    number = 0
    for _ in range(2):
        began = time.perf_counter()
        number = sum(len(labels) for _, labels in dataset)
        ended = time.perf_counter()
    return (ended - began) / number


def _datasets(pictures: Path, seed: int):
    import keras

    read = keras.utils.image_dataset_from_directory
    options = {"image_size": (SIDE, SIDE), "batch_size": BATCH, "seed": seed, "verbose": False}
    if (pictures / "train").is_dir():
        return read(pictures / "train", **options), read(pictures / "val", shuffle=False, **options)
    return read(pictures, validation_split=0.25, subset="both", **options)


def backbone_with_weights():
    from tlstudio.control import Control
    from tlstudio.model import backbone as backbones
    from tlstudio.project.spec import Backbone

    loading = backbones.load(Backbone(), Control())
    while True:
        try:
            next(loading)
        except StopIteration as end:
            return end.value
