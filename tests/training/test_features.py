import errno
import os
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

from tlstudio.control import Cancelled, Control
from tlstudio.data.decode import decode
from tlstudio.errors import JobError
from tlstudio.events import Progress
from tlstudio.model.backbone import build, preprocess
from tlstudio.model.head import head_layers
from tlstudio.project.spec import Backbone, Head, Pooling
from tlstudio.training import features


@pytest.mark.parametrize("pooling", ["gap", "gmp", "flatten"])
def test_extracted_features_equal_the_plain_backbone(
    shapes: Path, tmp_path: Path, pooling: Pooling
) -> None:
    keras.utils.set_random_seed(1)
    spec = Backbone(name="MobileNetV2", weights="random", input_shape=(32, 32), alpha=0.35)
    backbone = build(spec)
    layer = head_layers(Head(pooling=pooling), 3, seed=1)[0]
    prefix = features.prefix_model(backbone, spec.name, layer)
    paths = sorted(shapes.glob("*/*.png")) * 2  # two batches, the second one padded
    events, result = [], None
    job = features.extract(prefix, [str(path) for path in paths], tmp_path, Control())
    try:
        while True:
            events.append(next(job))
    except StopIteration as end:
        result = end.value
    pictures = np.stack([decode(path, (32, 32)) for path in paths]).astype(np.float32)
    inputs = keras.Input((32, 32, 3))
    plain = keras.Model(inputs, layer(backbone(preprocess(inputs, spec.name))))
    np.testing.assert_allclose(result.values, plain.predict(pictures, verbose=0), atol=1e-5)
    assert result.lost == {}
    assert events[-1] == Progress("extract", 60, 60)


def test_many_features_live_in_a_file_that_nobody_has_to_delete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "IN_MEMORY_BYTES", 100)
    values = features.empty((50, 4), tmp_path)
    values[:] = 3.0
    assert isinstance(values, np.memmap)
    assert values.sum() == 600
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_features_has_its_room_on_the_disk_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "IN_MEMORY_BYTES", 100)
    made = tempfile.TemporaryFile
    files = []

    def kept(**options: object) -> object:
        stream = made(**options)  # type: ignore[call-overload]
        files.append(os.dup(stream.fileno()))
        return stream

    monkeypatch.setattr(tempfile, "TemporaryFile", kept)
    for reserved_by in ("the system", "zeros"):
        if reserved_by == "zeros":
            monkeypatch.delattr(os, "posix_fallocate", raising=False)
        values = features.empty((3 << 20, 1), tmp_path)
        assert values.shape == (3 << 20, 1)
        assert os.fstat(files[-1]).st_blocks * 512 >= values.nbytes
        os.close(files[-1])


def test_a_disk_without_room_for_the_features_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(features, "IN_MEMORY_BYTES", 100)
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(JobError, match="disk is full") as caught:
        features.empty((50, 4), tmp_path)
    assert str(tmp_path) in caught.value.message


def test_extraction_stops_between_two_batches(shapes: Path, tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    control = Control()
    paths = [str(path) for path in shapes.glob("*/*.png")] * 20
    done = 0

    def stop_after_one_batch() -> None:
        nonlocal done
        for event in features.extract(model, paths, tmp_path, control):
            assert isinstance(event, Progress)
            done = event.done
            if done:
                control.stop()

    with pytest.raises(Cancelled):
        stop_after_one_batch()
    assert done == features.BATCH
