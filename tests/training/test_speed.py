"""How long a backbone takes is measured, one after another, and can be stopped."""

import json
from types import SimpleNamespace

import pytest

from tlstudio.backbone_events import Measured
from tlstudio.control import Cancelled, Control
from tlstudio.errors import TlstudioError
from tlstudio.events import Progress, Warned
from tlstudio.project.spec import Backbone
from tlstudio.training import devices, speed

SMALL = Backbone(name="MobileNetV2", weights="imagenet", alpha=0.35, input_shape=(32, 32))
LARGE = SMALL.model_copy(update={"input_shape": (192, 192)})


def test_each_backbone_is_measured_in_turn_and_more_pixels_take_longer(monkeypatch):
    monkeypatch.setattr(speed, "SECONDS", 0.2)
    events = list(speed.measure([SMALL, LARGE], "cpu", Control()))

    assert [type(event) for event in events] == [Progress, Measured, Progress, Measured]
    small, large = events[1::2]
    assert (small.name, small.device) == ("MobileNetV2", "cpu")
    assert 0 < small.seconds_per_picture < large.seconds_per_picture < 1


def test_a_stop_ends_it():
    control = Control()
    job = speed.measure([SMALL], "cpu", control)
    next(job)
    control.stop()

    with pytest.raises(Cancelled):
        list(job)


def test_a_device_that_is_not_there_is_said():
    with pytest.raises(TlstudioError, match="no device 'gpu:9'"):
        list(speed.measure([SMALL], "gpu:9", Control()))


def test_what_memory_is_too_small_for_is_left_out_and_the_rest_measured(monkeypatch):
    monkeypatch.setattr(speed, "SECONDS", 0.01)
    free = SimpleNamespace(available=2**30)
    monkeypatch.setattr(speed.psutil, "virtual_memory", lambda: free)
    huge = Backbone(name="ConvNeXtXLarge", input_shape=(32, 32))
    events = list(speed.measure([huge, SMALL], "cpu", Control()))

    assert [type(event) for event in events] == [Progress, Warned, Progress, Measured]
    assert "ConvNeXt XLarge takes about 22.0 GB of memory, and 1.0 GB" in events[1].message
    assert events[3].name == "MobileNetV2"


def test_alone_it_fails_so_that_whoever_asked_hears_of_an_end(monkeypatch):
    free = SimpleNamespace(available=2**30)
    monkeypatch.setattr(speed.psutil, "virtual_memory", lambda: free)

    with pytest.raises(TlstudioError, match=r"1\.0 GB are free"):
        list(speed.measure([Backbone(name="ConvNeXtXLarge")], "cpu", Control()))


def test_a_time_is_the_best_of_all_measurements_of_that_network(monkeypatch):
    def measured(spec, seconds):
        monkeypatch.setattr(speed, "_measured", lambda *_: seconds)
        (found,) = [e for e in speed.measure([spec], "cpu", Control()) if isinstance(e, Measured)]
        return found.seconds_per_picture

    small = SMALL.model_copy(update={"input_shape": (40, 40)})
    wide = small.model_copy(update={"alpha": 0.5})
    assert measured(small, 0.5) == 0.5
    assert measured(small.model_copy(update={"weights": "random"}), 0.2) == 0.2
    assert measured(small, 0.9) == 0.2
    assert measured(wide, 0.7) == 0.7


def test_notes_that_cannot_be_read_are_made_anew(monkeypatch):
    monkeypatch.setattr(speed, "_measured", lambda *_: 0.4)
    speed._notes().write_text("cut sho")
    spec = SMALL.model_copy(update={"input_shape": (48, 48)})
    assert list(speed.measure([spec], "cpu", Control()))[-1].seconds_per_picture == 0.4
    monkeypatch.setattr(speed, "_measured", lambda *_: 0.6)
    assert list(speed.measure([spec], "cpu", Control()))[-1].seconds_per_picture == 0.4


def test_a_time_on_other_hardware_is_another_time(monkeypatch):
    spec = SMALL.model_copy(update={"input_shape": (56, 56)})
    told = []
    for cores, seconds in ((4, 0.2), (2, 0.6)):
        monkeypatch.setattr(speed.os, "cpu_count", lambda cores=cores: cores)
        monkeypatch.setattr(speed, "_measured", lambda *_, seconds=seconds: seconds)
        told.append(list(speed.measure([spec], "cpu", Control()))[-1].seconds_per_picture)
    assert told == [0.2, 0.6]


def test_a_note_that_is_no_time_does_not_count(monkeypatch):
    spec = SMALL.model_copy(update={"input_shape": (64, 64)})
    monkeypatch.setattr(speed, "_measured", lambda *_: 0.4)
    list(speed.measure([spec], "cpu", Control()))
    notes = dict.fromkeys(json.loads(speed._notes().read_text()), "soon")
    speed._notes().write_text(json.dumps(notes))
    assert list(speed.measure([spec], "cpu", Control()))[-1].seconds_per_picture == 0.4


def test_it_runs_on_the_device_that_was_asked_for_beside_a_gpu_too(monkeypatch):
    monkeypatch.setattr(devices, "prepare", lambda: ("A GPU",))
    asked = []

    def measured(_prefix, device, _control):
        asked.append(device)
        return 0.1

    monkeypatch.setattr(speed, "_measured", measured)
    told = [
        event.device
        for device in ("cpu", "auto", "gpu:0")
        for event in speed.measure([SMALL], device, Control())
        if isinstance(event, Measured)
    ]
    assert asked == ["/CPU:0", "/GPU:0", "/GPU:0"]
    assert told == ["cpu", "gpu:0", "gpu:0"]
