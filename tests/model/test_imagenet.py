"""The download of keras.applications, from a server of the test's own."""

import threading
import time

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications import mobilenet, mobilenet_v3
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils
from loading import loaded
from served import serving

from tlstudio.backbone_events import WeightsReady
from tlstudio.control import Cancelled, Control
from tlstudio.errors import JobError, TlstudioError
from tlstudio.events import Progress, Warned
from tlstudio.model import backbone, catalog, download, imagenet
from tlstudio.model.imagenet import fetch
from tlstudio.model.weight_matching import match_file
from tlstudio.project.spec import Backbone

SMALL = Backbone(name="MobileNet", alpha=0.25, weights="random", input_shape=(128, 128))
DOWNLOAD = SMALL.model_copy(update={"weights": "imagenet"})
FILE = "mobilenet_2_5_128_tf_no_top.h5"
HASHED = Backbone(name="MobileNetV3Small", weights="imagenet", alpha=0.75)
HASHED_FILE = "weights_mobilenet_v3_small_224_0.75_float_no_top_v2.h5"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A weights file in which each is a quarter."""
    small = backbone.build(SMALL)
    small.set_weights([np.full(w.shape, 0.25) for w in small.get_weights()])
    path = tmp_path_factory.mktemp("served") / "served.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, small)
    return path.read_bytes()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder where Keras keeps downloads."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    return tmp_path / "models"


@pytest.fixture
def server(content, home, monkeypatch):
    for name in ("http_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(download, "PAUSES", (0.01,))
    with serving() as server:
        server.content = content
        server.version = '"one"'
        for module in (mobilenet, mobilenet_v3):
            monkeypatch.setattr(module, "BASE_WEIGHT_PATH", f"{server.address}/net/")
        yield server


def fetched(spec=DOWNLOAD, control=None):
    return list(fetch(spec, control or Control()))


def downloads(events):
    return [e for e in events if isinstance(e, Progress) and e.stage == "download" and e.total]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_downloads_once_and_reports_how_far_it_is(server, home):
    server.pause = 0.02
    events, model = loaded(DOWNLOAD)
    size = len(server.content)

    done = [event.done for event in downloads(events)]
    assert done == sorted(set(done))
    assert done[0] > 0
    assert all(event.total == size and event.detail == FILE for event in downloads(events))
    assert all(float(w.min()) == float(w.max()) == 0.25 for w in model.get_weights())
    assert names(home) == [FILE]

    events, again = loaded(DOWNLOAD)
    assert len(server.asked) == 1
    assert downloads(events) == []
    assert float(again.get_weights()[0].max()) == 0.25


def test_fetches_without_loading(server, home):
    server.pause = 0.02
    events = fetched()

    assert events[-1] == WeightsReady("MobileNet", str(home / FILE))
    assert downloads(events)
    assert (home / FILE).read_bytes() == server.content
    assert catalog.is_cached(catalog.facts("MobileNet"), DOWNLOAD)
    assert fetched()[-1] == events[-1]
    assert [path for path, _ in server.asked] == [f"/net/{FILE}"]


def test_what_is_bundled_needs_no_fetching(home):
    ready = fetched(Backbone())[-1]

    assert ready.name == "EfficientNetLite0"
    assert ready.path.endswith("efficientnet_lite0.weights.h5")


def test_weights_of_the_nearest_trained_size_serve_any_input(server, home):
    fetched(DOWNLOAD.model_copy(update={"input_shape": (96, 160)}))

    assert names(home) == ["mobilenet_2_5_224_tf_no_top.h5"]


def test_normalization_takes_in_what_was_loaded(monkeypatch):
    spec = Backbone(name="EfficientNetB0", weights="imagenet", input_shape=(32, 32))
    trained = backbone.build(spec)
    layer = trained.get_layer("normalization")
    layer.set_weights([np.full(3, 0.5, "f4"), np.full(3, 4.0, "f4"), np.array(0)])
    layer.finalize_state()
    monkeypatch.setattr(imagenet, "_network", lambda *_: trained)
    _, model = loaded(spec)

    np.testing.assert_allclose(model.get_layer("normalization").mean, layer.mean)
    pictures = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))
    np.testing.assert_allclose(model(pictures), trained(pictures), rtol=1e-4, atol=1e-5)


def test_keras_goes_back_to_its_own_way_of_fetching(server):
    before = file_utils.urlretrieve, file_utils.get_file
    loaded(DOWNLOAD)
    fetched()

    assert (file_utils.urlretrieve, file_utils.get_file) == before


def test_two_downloads_do_not_undo_one_another():
    plain = file_utils.urlretrieve, file_utils.get_file
    first, second = (imagenet._asking(imagenet._Asked(), Control(), load=True) for _ in range(2))
    first.__enter__()
    second.__enter__()
    of_second = file_utils.urlretrieve
    first.__exit__(None, None, None)
    assert file_utils.urlretrieve is of_second
    second.__exit__(None, None, None)
    assert (file_utils.urlretrieve, file_utils.get_file) == plain


def assert_offline_help(error, home):
    assert "/net/" + FILE in error.value.hint
    assert str(home) in error.value.hint
    assert "weights file" in error.value.hint


@pytest.mark.parametrize("job", [loaded, fetched])
def test_offline_says_where_to_get_the_file_and_where_to_put_it(server, home, job):
    server.shutdown()
    server.server_close()

    with pytest.raises(
        TlstudioError, match=r"could not be downloaded \(Connection refused\)"
    ) as error:
        job(DOWNLOAD)
    assert_offline_help(error, home)
    assert "kept" not in error.value.hint
    assert names(home) == []


def test_a_server_without_the_file_is_told(server, home):
    server.status = 404

    with pytest.raises(TlstudioError, match="the server answered 404") as error:
        fetched()
    assert_offline_help(error, home)


def test_a_connection_that_breaks_keeps_what_arrived_and_says_so(server, home):
    server.breaks_after = 1000
    with pytest.raises(TlstudioError, match="the connection closed after 2000 bytes") as error:
        fetched()
    assert_offline_help(error, home)
    assert "the next try goes on with it" in error.value.hint

    server.breaks_after = 0
    server.asked.clear()
    fetched()
    assert server.asked == [(f"/net/{FILE}", "bytes=2000-")]
    assert names(home) == [FILE]


def test_the_proxy_is_named_where_it_is_to_blame(server, home, monkeypatch):
    monkeypatch.setattr(mobilenet, "BASE_WEIGHT_PATH", "http://weights.invalid/net/")
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")

    with pytest.raises(
        TlstudioError, match=r"refused, through the proxy 127\.0\.0\.1:9\)"
    ) as error:
        fetched()
    assert "check the proxy" in error.value.hint
    assert "secret" not in str(error.value)
    monkeypatch.setenv("http_proxy", server.address)
    fetched()
    assert server.asked == [(f"http://weights.invalid/net/{FILE}", None)]


def test_a_full_disk_is_a_failed_job(server, home, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(imagenet, "download", full)

    with pytest.raises(JobError, match="disk is full"):
        loaded(DOWNLOAD)


@pytest.mark.parametrize("job", [backbone.load, fetch])
def test_stop_ends_a_download_at_once_and_the_next_goes_on(server, home, job):
    server.pause = 0.05
    control = Control()
    events = job(DOWNLOAD, control)
    while not downloads([next(events)]):
        pass
    control.stop()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        list(events)

    assert time.monotonic() - start < 0.3
    while any(thread.name == "imagenet-weights" for thread in threading.enumerate()):
        time.sleep(0.01)
    assert names(home) == [f"{FILE}.part", f"{FILE}.part.version"]
    server.pause = 0.0
    fetched()
    assert server.asked[-1][1].startswith("bytes=")
    assert (home / FILE).read_bytes() == server.content


@pytest.mark.parametrize("job", [lambda spec: loaded(spec)[0], fetched])
@pytest.mark.parametrize("cut", [0, 5000])
def test_a_damaged_file_that_keras_has_no_hash_of_is_fetched_anew(server, home, content, job, cut):
    home.mkdir()
    (home / FILE).write_bytes(content[:cut] or b"not what it should be")
    server.pause = 0.02
    events = job(DOWNLOAD)

    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert warned.message == f"{FILE} in {home} was damaged."
    assert (home / FILE).read_bytes() == server.content
    assert len(server.asked) == 1


def test_a_damaged_file_that_is_downloaded_is_said(server, home, content):
    server.content = content[:5000]

    with pytest.raises(TlstudioError, match=f"{home / FILE} are damaged") as error:
        fetched()
    assert "Delete" in error.value.hint


def checked(spec):
    return list(match_file(spec, Control()))


def test_a_check_of_imagenet_weights_finds_sound_ones(server, home):
    fetched()

    assert checked(DOWNLOAD) == [WeightsReady("MobileNet", str(home / FILE))]
    assert len(server.asked) == 1


@pytest.mark.parametrize(("spec", "name"), [(DOWNLOAD, FILE), (HASHED, HASHED_FILE)])
def test_a_check_of_imagenet_weights_finds_damaged_ones_and_leaves_them(server, home, spec, name):
    with pytest.raises(TlstudioError, match="not on this machine"):
        checked(spec)
    home.mkdir()
    (home / name).write_bytes(b"brought by hand, and damaged")
    with pytest.raises(TlstudioError, match=f"{home / name} are damaged"):
        checked(spec)

    assert (home / name).read_bytes() == b"brought by hand, and damaged"
    assert server.asked == []


def test_another_file_than_keras_knows_is_refused_after_its_download(server, home):
    with pytest.raises(JobError, match="its hash differs") as error:
        fetched(HASHED)

    assert "choose a weights file" in error.value.hint
    assert server.asked == [(f"/net/{HASHED_FILE}", None)]
    assert not catalog.is_cached(catalog.facts(HASHED.name), HASHED)


def test_another_file_than_keras_knows_in_the_cache_is_fetched_anew(server, home, monkeypatch):
    home.mkdir()
    (home / HASHED_FILE).write_bytes(b"brought by hand, and damaged")
    key = "small_224_0.75_float"
    right = file_utils.hash_file(_written(home / "x", server.content), algorithm="md5")
    monkeypatch.setitem(mobilenet_v3.WEIGHTS_HASHES, key, ("", right))
    server.pause = 0.02
    events = fetched(HASHED)

    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert warned.message == f"{HASHED_FILE} in {home} was damaged."
    assert (home / HASHED_FILE).read_bytes() == server.content
    assert not any(isinstance(event, Warned) for event in fetched(HASHED))


def loaded_from_here(spec):
    return list(backbone.load(spec, Control(), download=False))


def test_without_a_download_only_what_is_here_is_loaded(server, home):
    with pytest.raises(TlstudioError, match="of MobileNet are not on this machine"):
        loaded_from_here(DOWNLOAD)
    fetched()
    loaded_from_here(DOWNLOAD)

    assert len(server.asked) == 1


def test_without_a_download_a_damaged_file_stays_as_it_is(server, home):
    home.mkdir()
    for spec, name in (DOWNLOAD, FILE), (HASHED, HASHED_FILE):
        (home / name).write_bytes(b"brought by hand, and damaged")
        with pytest.raises(TlstudioError, match=f"{home / name} are damaged"):
            loaded_from_here(spec)
        assert (home / name).read_bytes() == b"brought by hand, and damaged"

    assert server.asked == []


def _written(path, content):
    path.write_bytes(content)
    return path


def test_offline_a_damaged_file_in_the_cache_is_what_is_wrong(server, home):
    home.mkdir()
    (home / HASHED_FILE).write_bytes(b"brought by hand, and damaged")
    server.shutdown()
    server.server_close()

    with pytest.raises(
        TlstudioError, match=f"in {home / HASHED_FILE} are damaged, and could not be downloaded"
    ):
        fetched(HASHED)


@pytest.mark.parametrize("job", [loaded, fetched])
def test_a_width_without_published_weights_is_said(job):
    with pytest.raises(TlstudioError, match=r"no ImageNet .* MobileNet at width 0\.3") as error:
        job(DOWNLOAD.model_copy(update={"alpha": 0.3}))
    assert "0.25, 0.5, 0.75, 1" in error.value.hint


def test_the_dtype_policy_of_the_job_holds(server):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        _, model = loaded(DOWNLOAD)
    finally:
        keras.config.set_dtype_policy(before)

    assert model.get_layer("conv1").compute_dtype == "bfloat16"
