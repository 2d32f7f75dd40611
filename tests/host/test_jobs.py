import sys
from types import SimpleNamespace

import pytest
import tensorflow as tf

from tlstudio.control import Control
from tlstudio.events import Description
from tlstudio.host import jobs
from tlstudio.project.spec import Backbone
from tlstudio.training import devices


def test_memory_growth_is_set_before_any_job_uses_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = SimpleNamespace(name="/physical_device:GPU:0")
    grown: list[object] = []
    experimental = tf.config.experimental
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [gpu])
    monkeypatch.setattr(experimental, "set_memory_growth", lambda one, on: grown.append((one, on)))
    monkeypatch.setattr(experimental, "get_device_details", lambda one: {"device_name": "A GPU"})
    devices.prepare.cache_clear()
    try:
        request = jobs.DescribeRequest(Backbone(weights="random", input_shape=(64, 64)))
        *_, last = jobs.run(request, Control())
        assert isinstance(last, Description)
        assert grown == [(gpu, True)]
    finally:
        devices.prepare.cache_clear()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_as_many_files_may_be_open_as_the_system_allows() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, before[1]))
    try:
        jobs.prepare_environment()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == min(hard, jobs.MOST_FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
