"""What a job does with `backbone.load`."""

from tlstudio.control import Control
from tlstudio.model import backbone


def loaded(spec, control=None):
    """The events and the network."""
    events = []
    job = backbone.load(spec, control or Control())
    while True:
        try:
            events.append(next(job))
        except StopIteration as end:
            return events, end.value
