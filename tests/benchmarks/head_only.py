"""Head-only training against the naive Keras script, on the same pictures in the same run.

    python tests/benchmarks/head_only.py [--pictures 500] [--epochs 5]

The naive script is what a tutorial teaches: `image_dataset_from_directory`, the frozen backbone
inside the model, `fit`, with prefetching. Both train the same head on EfficientNet-Lite0.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("one", "two", "three", "four")


def make_pictures(folder: Path, number: int) -> None:
    """JPEG pictures of 320 x 320 pixels with some texture, so that decoding costs what it does."""
    random = np.random.default_rng(0)
    for index in range(number):
        label = CLASSES[index % len(CLASSES)]
        (folder / label).mkdir(parents=True, exist_ok=True)
        coarse = random.integers(0, 255, (20, 20, 3)).astype(np.uint8)
        picture = Image.fromarray(coarse).resize((320, 320), Image.Resampling.BICUBIC)
        noise = random.integers(-12, 12, (320, 320, 3))
        pixels = np.clip(np.asarray(picture, np.int16) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / label / f"{index}.jpg", quality=90)


def naive(folder: Path, epochs: int) -> None:
    import keras

    from tlstudio.control import Control
    from tlstudio.model.backbone import load
    from tlstudio.project.spec import Backbone

    loading = load(Backbone(), Control())
    try:
        while True:
            next(loading)
    except StopIteration as end:
        backbone = end.value
    backbone.trainable = False
    began = time.perf_counter()
    options = {"validation_split": 0.25, "seed": 1, "image_size": (224, 224), "batch_size": 32}
    train, val = keras.utils.image_dataset_from_directory(
        folder, subset="both", verbose=False, **options
    )
    inputs = keras.Input((224, 224, 3))
    x = backbone(keras.layers.Rescaling(1 / 128, -127 / 128)(inputs), training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(len(CLASSES), activation="softmax")(keras.layers.Dropout(0.2)(x))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train.prefetch(2), validation_data=val.prefetch(2), epochs=epochs, verbose=0)
    print(json.dumps({"seconds": time.perf_counter() - began}))


def ours(folder: Path, epochs: int) -> None:
    from tlstudio.control import Control
    from tlstudio.events import Finished
    from tlstudio.host import jobs
    from tlstudio.project.spec import Pictures, Project, Training

    project = Project(pictures=Pictures(source=folder), training=Training(epochs=epochs))
    with tempfile.TemporaryDirectory() as parent:
        *_, last = jobs.run(jobs.TrainRequest(project, Path(parent) / "run"), Control())
    assert isinstance(last, Finished), last
    print(json.dumps({"seconds": last.seconds.total}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--only", choices=("naive", "ours"))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.only:
        {"naive": naive, "ours": ours}[options.only](options.folder, options.epochs)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(Path(folder), options.pictures)
        seconds = {}
        for name in ("naive", "ours"):
            command = [sys.executable, __file__, "--only", name, "--folder", folder]
            command += ["--epochs", str(options.epochs)]
            done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
            seconds[name] = json.loads(done.stdout.splitlines()[-1])["seconds"]
    print(f"{options.pictures} pictures, head only, {options.epochs} epochs")
    print(f"naive Keras script   {seconds['naive']:8.1f} s")
    print(f"tlstudio             {seconds['ours']:8.1f} s")
    print(f"ratio                {seconds['naive'] / seconds['ours']:8.1f} times faster")


if __name__ == "__main__":
    main()
