from tlstudio.ui.welcome import WelcomePanel


def test_it_offers_a_folder_and_the_sample(qtbot):
    panel = WelcomePanel()
    qtbot.addWidget(panel)
    with qtbot.waitSignal(panel.openRequested):
        panel.open_button.click()
    with qtbot.waitSignal(panel.sampleRequested):
        panel.sample_button.click()
    panel.grab()
