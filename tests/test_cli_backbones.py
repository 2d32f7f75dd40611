"""The catalogue as the command line prints it."""

import pytest

from tlstudio.cli_backbones import print_backbones


def test_times_are_printed_with_figures_that_tell_fast_networks_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_backbones({"VGG16": 0.00031, "VGG19": 0.0234, "Xception": 1.25})
    printed = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert " 0.31 ms" in printed["VGG16"]
    assert " 23.4 ms" in printed["VGG19"]
    assert " 1,250 ms" in printed["Xception"]
