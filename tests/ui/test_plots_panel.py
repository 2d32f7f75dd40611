from tlstudio.events import Batch
from tlstudio.ui.plots_panel import PlotsPanel


def test_it_says_what_comes_until_a_training_begins(qtbot):
    panel = PlotsPanel()
    qtbot.addWidget(panel)
    assert panel._stack.currentIndex() == 0
    panel.clear(20, 9)
    panel.add([Batch(1, 1, 9, 0.5, 0.25)])
    assert panel._stack.currentWidget() is panel.page
    assert list(panel.page.curves.loss.batch.values) == [0.5]
    panel.clear(0, 0)
    assert panel._stack.currentIndex() == 0
    assert not len(panel.page.curves.loss.batch)
