from tlstudio.ui.elided import ElidedLabel


def test_a_long_line_needs_no_room_and_ends_in_dots(qtbot):
    line = ElidedLabel("muted")
    qtbot.addWidget(line)
    line.setText("a line of text that is too long for its place")
    assert line.minimumSizeHint().width() == 0
    line.resize(80, 20)
    assert line.shown.endswith("…")
    line.resize(800, 20)
    assert line.shown == line.text()
    line.grab()
