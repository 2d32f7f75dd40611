"""The command line: the same jobs as the window, with the same events."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tlstudio import cli_output as output
from tlstudio.advice_events import Advice
from tlstudio.backbone_events import Measured, WeightsMatched
from tlstudio.cli_advice import AUTO, chosen_instead, taken
from tlstudio.cli_arguments import (
    advised_project,
    head_from,
    model_from,
    parse,
    project_from,
)
from tlstudio.cli_backbones import Times, backbones_document, measuring, print_backbones
from tlstudio.cli_values import checked
from tlstudio.control import Control
from tlstudio.errors import TlstudioError
from tlstudio.events import (
    CANCELLED,
    Event,
    Failed,
    Finished,
    Prediction,
    Progress,
    Warned,
    to_json,
)
from tlstudio.host import jobs
from tlstudio.paths import resource, runs_folder, write_whole
from tlstudio.predictions_csv import predictions_csv
from tlstudio.project.runs import new_run_folder, read_pictures
from tlstudio.project.spec import Backbone, FreezePlan, Head, Pictures, Project, Training
from tlstudio.project.store import NAMED_WEIGHTS


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status: 0, 1, 2 or 130 as the contract says."""
    options = parse(arguments)
    try:
        return COMMANDS[options.command](options)
    except TlstudioError as error:
        failed = Failed(error.message, error.hint, error.exit_status)
        _print(failed, as_json=options.command in EVENTS and options.json)
        return error.exit_status
    except KeyboardInterrupt:
        _say("Cancelled.")
        return CANCELLED


def _window(options: argparse.Namespace) -> int:
    if options.install_desktop:
        from tlstudio.desktop import install_desktop

        print(f"tlstudio is in the menu now ({install_desktop()}).")
        return 0
    path: Path | None = options.path
    if path is not None and not os.path.exists(path):  # noqa: PTH110  (says no where `stat` refuses)
        raise TlstudioError(
            f"There is no command, project or folder {str(path)!r}.",
            "See `tlstudio --help` for the commands.",
        )
    return _open_window([] if path is None else [path.absolute()])


def _open_window(paths: list[Path], demo: Training | None = None) -> int:
    from tlstudio.qt_libraries import has_display, require_qt

    if not has_display():
        raise TlstudioError(
            "There is no display to open the window on.",
            "Start tlstudio in a desktop session, or use its commands (`tlstudio --help`).",
        )
    require_qt()
    from tlstudio.ui import app

    return app.run(paths, demo)


def _demo(options: argparse.Namespace) -> int:
    from tlstudio.qt_libraries import has_display

    training = checked(Training, Training(), epochs=options.epochs, seed=options.seed)
    if not options.headless and has_display():
        if options.out:
            raise TlstudioError(
                "--out names the run of a demo without the window only.", "Add --headless."
            )
        return _open_window([], training)
    if not options.headless:
        _say("There is no display, so the demo runs without the window.")
    project = Project(pictures=Pictures(source=resource("samples", "emoji")), training=training)
    out = options.out or new_run_folder(runs_folder(), "demo")
    control = Control()
    with _stop_on_interrupt(control):
        last = _show(jobs.run(jobs.TrainRequest(project, out), control), options.json)
        if isinstance(last, Finished):
            request = jobs.PredictRequest(out, _held_out(out), top=3)
            answered = _show(jobs.run(request, control), options.json)
            _print(last, options.json)
            if isinstance(answered, Failed):
                return answered.status
    return _status(last, control)


def _held_out(run_folder: Path) -> tuple[Path, ...]:
    """A picture of each class that the run was not trained on, of five classes at most."""
    by_class = {p.label: Path(p.path) for p in reversed(read_pictures(run_folder, "val"))}
    return tuple(by_class[label] for label in sorted(by_class)[:5])


def _train(options: argparse.Namespace) -> int:
    project = project_from(options)
    if options.strategy == AUTO:
        control = Control()
        with _stop_on_interrupt(control):
            advice = _show(jobs.run(jobs.AdviseRequest(project), control), options.json)
        if not isinstance(advice, Advice):
            return _status(advice, control)
        for sentence in filter(None, (*advice.reasons, chosen_instead(options))):
            _say(sentence)
        project = taken(project, advice, options)
    return _run_training(jobs.TrainRequest(project, options.out), options.json)


def _resume(options: argparse.Namespace) -> int:
    return _run_training(jobs.ResumeRequest(options.run), options.json)


def _run_training(request: jobs.TrainRequest | jobs.ResumeRequest, as_json: bool) -> int:
    control = Control()
    with _stop_on_interrupt(control):
        last = _show(jobs.run(request, control), as_json)
        if isinstance(last, Finished):
            _print(last, as_json)
    return _status(last, control)


def _backbones(options: argparse.Namespace) -> int:
    times: Times = {}
    if request := measuring(options):
        control = Control()
        with _stop_on_interrupt(control):
            for event in jobs.run(request, control):
                if isinstance(event, Measured):
                    times[event.name] = event.seconds_per_picture
                else:
                    output.print_event(event)
        if isinstance(event, Failed):
            return event.status
    if options.json:
        _print_json(backbones_document(times))
    else:
        print_backbones(times)
    return 0


def _describe(options: argparse.Namespace) -> int:
    backbone, freeze = model_from(options, Backbone(), FreezePlan())
    head = head_from(options, Head())
    if options.include_top and head != Head():
        what = "With --include-top the network has its own classifier, and no head is shown."
        output.print_event(Warned(what, "Leave --include-top out to see the head."))
    request = jobs.DescribeRequest(
        backbone=backbone,
        freeze=freeze,
        head=head,
        classes=options.classes,
        include_top=options.include_top,
    )
    if request.backbone.weights in NAMED_WEIGHTS:
        return _answer(request, options)
    control = Control()
    with _stop_on_interrupt(control):
        *_, matched = jobs.run(jobs.MatchRequest(request.backbone), control)
    if isinstance(matched, WeightsMatched):
        status = _answer(request, options, matched)
        if matched.refused and not status:
            # What a training with them would end with.
            raise TlstudioError(matched.refused, matched.hint)
        return status
    output.print_event(matched)
    return _status(matched, control)


def _scan(options: argparse.Namespace) -> int:
    return _answer(jobs.ScanRequest(options.source), options)


def _advise(options: argparse.Namespace) -> int:
    return _answer(jobs.AdviseRequest(advised_project(options), options.rank), options)


def _evaluate(options: argparse.Namespace) -> int:
    return _answer(jobs.EvaluateRequest(options.run, options.data), options)


def _predict(options: argparse.Namespace) -> int:
    # A CSV has a column a class, whatever --top says.
    top = sys.maxsize if options.csv else options.top
    return _answer(jobs.PredictRequest(options.run, tuple(options.pictures), top), options)


def _answer(
    request: jobs.Request, options: argparse.Namespace, weights: WeightsMatched | None = None
) -> int:
    """Run a job that answers with one document, with what a weights file has where one is named."""
    control = Control()
    predictions: list[Prediction] = []
    with _stop_on_interrupt(control):
        for event in jobs.run(request, control):
            last = event
            if isinstance(event, Prediction):
                predictions.append(event)
            elif isinstance(event, Warned | Progress):
                output.print_event(event)
    if isinstance(last, Failed):
        output.print_event(last)
        return last.status
    if options.json:
        document = output.document(last, predictions, getattr(options, "top", 0))
        _print_json(document | {"weights": asdict(weights)} if weights else document)
    else:
        output.print_answer(last, predictions, getattr(options, "top", 0))
        if weights:
            output.print_weights(weights)
    if isinstance(request, jobs.PredictRequest) and options.csv:
        # Last, so that a table that cannot be written takes no answer away.
        write_whole(options.csv, predictions_csv(predictions))
    return 0


def _show(events: Iterable[Event], as_json: bool) -> Event:
    """Print a job's events as they come; return the last one, printed only if it has failed."""
    for event in events:
        last = event
        if not isinstance(event, Finished):
            _print(event, as_json)
    return last


def _print(event: Event, as_json: bool) -> None:
    if not as_json:
        output.print_event(event)
        return
    if event.event not in ("batch", "predicted"):
        print(json.dumps(to_json(event), ensure_ascii=False), flush=True)
    if isinstance(event, Failed):
        output.print_event(event)


def _status(last: Event, control: Control) -> int:
    if isinstance(last, Failed):
        return last.status
    # A training also ends early, with a warning, when it cannot go on.
    return CANCELLED if control.stopping else 0


@contextmanager
def _stop_on_interrupt(control: Control) -> Iterator[None]:
    """Ctrl+C asks the job to stop and keep what it has; a second one ends at once."""

    def stop(*_: object) -> None:
        # At once even where a thread waits for a disk that does not answer.
        signal.signal(signal.SIGINT, lambda *_: os._exit(CANCELLED))
        control.stop()
        _say("Stopping; press Ctrl+C again to end at once.")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


COMMANDS = {
    "window": _window,
    "demo": _demo,
    "backbones": _backbones,
    "describe": _describe,
    "scan": _scan,
    "advise": _advise,
    "train": _train,
    "resume": _resume,
    "evaluate": _evaluate,
    "predict": _predict,
}

EVENTS = ("train", "resume", "demo")
"""The commands that print one event a line."""
