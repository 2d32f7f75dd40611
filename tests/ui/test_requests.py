from collections.abc import Iterator
from pathlib import Path

import pytest
from window_fakes import FakeHost

from tlstudio.events import DevicesFound, Event, Predicted, Prediction
from tlstudio.host.jobs import DevicesRequest, PredictRequest
from tlstudio.ui.requests import Requests


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def requests(qtbot, host: FakeHost) -> Iterator[Requests]:
    made = Requests(host)
    yield made
    made.start()  # one that never ran could not be waited for
    made.close()


def predict(name: str) -> PredictRequest:
    return PredictRequest(Path("run"), (Path(name),))


def test_each_hears_of_its_own_request(requests, qtbot) -> None:
    devices: list[Event] = []
    predicted: list[Event] = []
    requests.ask(DevicesRequest(), devices.append)
    requests.ask(predict("a.png"), predicted.append)
    requests.start()
    qtbot.waitUntil(lambda: len(predicted) == 2)
    assert [type(event) for event in devices] == [DevicesFound]
    assert [type(event) for event in predicted] == [Prediction, Predicted]


def test_nothing_more_comes_of_what_was_withdrawn(requests, host, qtbot) -> None:
    host.answers.clear()
    heard: list[Event] = []
    running = requests.ask(predict("a.png"), heard.append)
    waiting = requests.ask(predict("b.png"), heard.append)
    last: list[Event] = []
    requests.ask(DevicesRequest(), last.append)
    requests.start()
    qtbot.waitUntil(lambda: host.requests != [])
    requests.withdraw(running)
    requests.withdraw(waiting)
    host.answers.set()
    qtbot.waitUntil(lambda: last != [])
    assert heard == []
    assert host.requests == [predict("a.png"), DevicesRequest()]
