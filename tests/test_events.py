from typing import get_args

from tlstudio.events import STAGES, Stage


def test_every_stage_has_a_name_for_people() -> None:
    assert set(STAGES) == set(get_args(Stage))
