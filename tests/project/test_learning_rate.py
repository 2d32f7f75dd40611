from typing import get_args

import pytest

from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.spec import Optimizer


@pytest.mark.parametrize("optimizer", get_args(Optimizer))
def test_pretrained_layers_take_smaller_steps_than_a_new_head(optimizer: Optimizer) -> None:
    head, both = suited_rate(optimizer, False), suited_rate(optimizer, True)
    assert 0 < both < head / 10
    random = suited_rate(optimizer, True, pretrained=False)
    assert both < random < head
    assert suited_rate(optimizer, False, pretrained=False) == head
