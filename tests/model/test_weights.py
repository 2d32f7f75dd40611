"""Weights come whole or not at all: files of each format, and the download of keras.applications
from a server of the test's own."""

import errno
import os
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from types import MappingProxyType

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications import mobilenet
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

from tlstudio.control import Cancelled, Control
from tlstudio.errors import JobError, TlstudioError
from tlstudio.events import Progress
from tlstudio.model import backbone, weights
from tlstudio.project.spec import Backbone

SMALL = Backbone(name="MobileNet", alpha=0.25, weights="random", input_shape=(128, 128))
DOWNLOAD = SMALL.model_copy(update={"weights": "imagenet"})
FILE = "mobilenet_2_5_128_tf_no_top.h5"


def loaded(spec, control=None):
    """What a job does with `load`: the events and the model."""
    events = []
    job = backbone.load(spec, control or Control())
    while True:
        try:
            events.append(next(job))
        except StopIteration as end:
            return events, end.value


def from_file(path, spec=SMALL):
    return loaded(spec.model_copy(update={"weights": str(path)}))[1]


@pytest.fixture(scope="module", params=[False, True], ids=["no_top", "with_top"])
def trained(request):
    """A network whose weights, BatchNorm's statistics included, are like no fresh network's."""
    model = backbone.build(
        SMALL.model_copy(update={"input_shape": (224, 224)}), include_top=request.param
    )
    numbers = np.random.default_rng(7)
    model.set_weights([numbers.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def small():
    return backbone.build(SMALL)


@pytest.fixture(scope="module")
def wider():
    return backbone.build(SMALL.model_copy(update={"alpha": 0.5}))


def save_legacy_weights(model, path):
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


SAVE = {
    "a.weights.h5": lambda model, path: model.save_weights(path),
    "a.keras": lambda model, path: model.save(path),
    "whole.h5": lambda model, path: model.save(path),
    "weights.h5": save_legacy_weights,
}


def assert_same_weights(model, source):
    for layer in model.layers:
        for ours, theirs in zip(
            layer.get_weights(), source.get_layer(layer.name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", SAVE)
def test_loads_each_format_with_and_without_the_top(trained, name, tmp_path):
    SAVE[name](trained, tmp_path / name)

    assert_same_weights(from_file(tmp_path / name), trained)


def test_nothing_in_a_keras_file_is_run(trained, tmp_path):
    trained.save(tmp_path / "good.keras")
    evil = tmp_path / "evil.keras"
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(evil, "w") as target:
        target.writestr("config.json", '{"module": "os", "class_name": "system", "config": "ls"}')
        target.writestr("metadata.json", good.read("metadata.json"))
        target.writestr("model.weights.h5", good.read("model.weights.h5"))

    assert_same_weights(from_file(evil), trained)


@pytest.mark.parametrize("name", SAVE)
def test_a_file_of_another_network_is_refused(wider, name, tmp_path):
    SAVE[name](wider, tmp_path / name)

    with pytest.raises(TlstudioError, match="weights of another network") as error:
        from_file(tmp_path / name)
    assert "width" in error.value.hint


def test_a_file_that_lacks_a_layer_is_never_half_loaded(small, tmp_path):
    path = tmp_path / "a.weights.h5"
    small.save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/batch_normalization_26"]

    with pytest.raises(TlstudioError, match="weights of another network"):
        from_file(path)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-2000])


@pytest.mark.parametrize("name", SAVE)
@pytest.mark.parametrize("harm", [truncate, lambda path: path.write_bytes(b"no weights at all")])
def test_a_damaged_file_is_said_to_be_damaged(small, name, harm, tmp_path):
    SAVE[name](small, tmp_path / name)
    harm(tmp_path / name)

    with pytest.raises(TlstudioError, match=f"{name} is damaged"):
        from_file(tmp_path / name)


def test_a_keras_file_with_damaged_weights_is_said_to_be_damaged(tmp_path):
    path = tmp_path / "inside.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", b"no weights at all")

    with pytest.raises(TlstudioError, match=r"inside\.keras is damaged"):
        from_file(path)


def test_a_missing_file_and_a_strange_ending_are_said(tmp_path):
    with pytest.raises(TlstudioError, match="no weights file at"):
        from_file(tmp_path / "none.weights.h5")
    (tmp_path / "weights.pth").touch()
    with pytest.raises(TlstudioError, match=r"'weights.pth' is no kind of weights") as error:
        from_file(tmp_path / "weights.pth")
    assert ".weights.h5, .h5, .keras" in error.value.hint
    with pytest.raises(TlstudioError, match="'imagnet' is no kind of weights"):
        loaded(SMALL.model_copy(update={"weights": "imagnet"}))


def test_an_ending_that_belongs_to_the_other_format_is_said(small, tmp_path):
    save_legacy_weights(small, tmp_path / "old.weights.h5")
    small.save_weights(tmp_path / "new.weights.h5")
    (tmp_path / "new.weights.h5").rename(tmp_path / "new.h5")

    with pytest.raises(TlstudioError, match=r"by the ending \.h5"):
        from_file(tmp_path / "old.weights.h5")
    with pytest.raises(TlstudioError, match=r"by the ending \.weights\.h5"):
        from_file(tmp_path / "new.h5")


class Server(ThreadingHTTPServer):
    """Serves `content` from every address; how is set by the test."""

    daemon_threads = True
    content = b""
    status = 200
    claims = 0
    """Bytes promised beyond those sent."""
    pause = 0.0
    """Seconds before each 64 KiB."""
    asked = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.content) + self.server.claims))
        self.end_headers()
        for start in range(0, len(self.server.content), 1 << 16):
            time.sleep(self.server.pause)
            try:
                self.wfile.write(self.server.content[start : start + (1 << 16)])
            except OSError:
                return

    def log_message(self, *_):
        pass


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder where Keras keeps downloads."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    return tmp_path / "models"


@pytest.fixture
def server(small, home, monkeypatch):
    small.set_weights([np.full(w.shape, 0.25) for w in small.get_weights()])
    save_legacy_weights(small, home.parent / "served.h5")
    server = Server(("127.0.0.1", 0), Handler)
    server.content = (home.parent / "served.h5").read_bytes()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setattr(
        mobilenet, "BASE_WEIGHT_PATH", f"http://127.0.0.1:{server.server_port}/net/"
    )
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_downloads_once_and_reports_how_far_it_is(server, home):
    server.pause = 0.02
    events, model = loaded(DOWNLOAD)
    fetched = [event for event in events if event.stage == "download"]
    size = len(server.content)

    assert [event.done for event in fetched] == sorted({event.done for event in fetched})
    assert fetched[0].done > 0
    assert all(event.total == size and event.detail == FILE for event in fetched)
    assert all(float(w.min()) == float(w.max()) == 0.25 for w in model.get_weights())
    assert [path.name for path in home.iterdir()] == [FILE]

    events, again = loaded(DOWNLOAD)
    assert server.asked == 1
    assert [event for event in events if event.stage == "download"] == []
    assert float(again.get_weights()[0].max()) == 0.25


def test_weights_of_the_nearest_trained_size_serve_any_input(server, home):
    server.content = b""
    with pytest.raises(TlstudioError):
        loaded(DOWNLOAD.model_copy(update={"input_shape": (96, 160)}))

    assert [path.name for path in home.iterdir()] == ["mobilenet_2_5_224_tf_no_top.h5"]


def test_keras_goes_back_to_its_own_way_of_fetching(server):
    plain = file_utils.urlretrieve
    loaded(DOWNLOAD)

    assert file_utils.urlretrieve is plain


def assert_offline_help(error, home):
    assert "/net/" + FILE in error.value.hint
    assert str(home) in error.value.hint
    assert "weights file" in error.value.hint
    assert list(home.iterdir()) == []


def test_offline_says_where_to_get_the_file_and_where_to_put_it(server, home):
    server.shutdown()
    server.server_close()

    with pytest.raises(
        TlstudioError, match=r"could not be downloaded \(Connection refused\)"
    ) as error:
        loaded(DOWNLOAD)
    assert_offline_help(error, home)


def test_a_server_without_the_file_is_told(server, home):
    server.status = 404

    with pytest.raises(TlstudioError, match="the server answered 404") as error:
        loaded(DOWNLOAD)
    assert_offline_help(error, home)


def test_a_connection_that_breaks_leaves_nothing_behind(server, home):
    server.claims = 1000

    with pytest.raises(TlstudioError, match="the connection closed after") as error:
        loaded(DOWNLOAD)
    assert_offline_help(error, home)


def test_two_downloads_do_not_undo_one_another():
    plain = file_utils.urlretrieve
    first, second = (weights._fetching(weights.Fetched(), Control()) for _ in range(2))
    first.__enter__()
    second.__enter__()
    of_second = file_utils.urlretrieve
    first.__exit__(None, None, None)
    assert file_utils.urlretrieve is of_second
    second.__exit__(None, None, None)
    assert file_utils.urlretrieve is plain


def test_two_downloads_of_a_file_do_not_write_into_one_another(server, home, monkeypatch):
    download = weights._download
    written = []

    def watched(address, target, *rest):
        written.append(target)
        download(address, target, *rest)

    monkeypatch.setattr(weights, "_download", watched)
    for _ in range(2):
        loaded(DOWNLOAD)
        (home / FILE).unlink()
    assert len(set(written)) == 2
    assert {path.parent for path in written} == {home}


def test_a_silent_server_is_given_up(server, home, monkeypatch):
    server.pause = 2.0
    monkeypatch.setattr(weights, "TIMEOUT_SECONDS", 0.2)

    with pytest.raises(TlstudioError, match="timed out") as error:
        loaded(DOWNLOAD)
    assert_offline_help(error, home)


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EIO])
def test_a_network_that_goes_away_is_not_blamed_on_the_disk(home, monkeypatch, number):
    class Gone(BytesIO):
        headers = MappingProxyType({"Content-Length": "1000"})

        def read(self, _size):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(mobilenet, "BASE_WEIGHT_PATH", "http://127.0.0.1:9/net/")
    monkeypatch.setattr(weights, "urlopen", lambda *_, **__: Gone())
    with pytest.raises(TlstudioError, match=os.strerror(number)) as error:
        loaded(DOWNLOAD)
    assert_offline_help(error, home)


def test_a_full_disk_is_a_failed_job(server, home, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "_download", full)

    with pytest.raises(JobError, match="disk is full"):
        loaded(DOWNLOAD)


def test_stop_ends_a_download_at_once_and_leaves_nothing_behind(server, home):
    server.pause = 0.05
    control = Control()
    job = backbone.load(DOWNLOAD, control)
    while (event := next(job)).stage != "download":
        pass
    control.stop()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        list(job)

    assert isinstance(event, Progress)
    assert time.monotonic() - start < 0.3
    while any(thread.name == "imagenet-weights" for thread in threading.enumerate()):
        time.sleep(0.01)
    assert list(home.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_said(server, home):
    home.mkdir()
    (home / FILE).write_bytes(b"not what it should be")

    with pytest.raises(TlstudioError, match=f"MobileNet in {home} are damaged") as error:
        loaded(DOWNLOAD)
    assert "Delete" in error.value.hint


def test_a_width_without_published_weights_is_said():
    with pytest.raises(TlstudioError, match=r"no ImageNet .* MobileNet at width 0\.3") as error:
        loaded(DOWNLOAD.model_copy(update={"alpha": 0.3}))
    assert "0.25, 0.5, 0.75, 1" in error.value.hint


def test_the_dtype_policy_of_the_job_holds(server):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        _, model = loaded(DOWNLOAD)
    finally:
        keras.config.set_dtype_policy(before)

    assert model.get_layer("conv1").compute_dtype == "bfloat16"
