"""How the command line shows events and answers: as text for people, as JSON for programs."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tlstudio.advice_events import Advice
from tlstudio.backbone_events import WeightsMatched
from tlstudio.cli_advice import print_advice
from tlstudio.events import (
    STAGES,
    Description,
    Epoch,
    Evaluation,
    Event,
    Failed,
    Finished,
    Prediction,
    Progress,
    Scan,
    Started,
    Warned,
)


def print_event(event: Event) -> None:
    """One event of a job, as a line; warnings, failures and progress go to stderr."""
    match event:
        case Progress():
            _progress(event)
        case Started():
            counts = event.pictures
            print(
                f"{event.backbone}, strategy {event.strategy}: {event.trainable_params:,} "
                f"parameters trained, {event.frozen_params:,} frozen, on {event.device}\n"
                f"{counts.train} pictures to train on, {counts.val} to validate with"
                + (f", {counts.skipped} skipped" if counts.skipped else "")
            )
        case Epoch():
            print(
                f"epoch {event.epoch:>3}/{event.epochs}  loss {event.loss:.4f}  accuracy "
                f"{event.accuracy:.3f}  val_loss {event.val_loss:.4f}  val_accuracy "
                f"{event.val_accuracy:.3f}{'  head alone' if event.phase == 'head' else ''}"
                f"{'  best so far' if event.best else ''}",
                flush=True,
            )
        case Prediction():
            print(_prediction_line(event, len(event.top)))
        case Warned():
            sys.stderr.write(f"Warning: {event.message} {event.hint}".rstrip() + "\n")
        case Failed():
            sys.stderr.write(f"{event.message}\n{event.hint}\n")
        case Finished():
            epochs = "1 epoch" if event.epochs == 1 else f"{event.epochs} epochs"
            print(
                f"{'Stopped' if event.stopped else 'Done'} after {epochs} in "
                f"{event.seconds.total:.1f} s: {event.val_accuracy:.1%} of the validation pictures "
                f"are right (epoch {event.best_epoch}).\nSaved in {event.run}"
            )


def _progress(event: Progress) -> None:
    if not sys.stderr.isatty() or event.stage == "validate":
        return
    of = f" {event.done:,} of {event.total:,}" if event.total else ""
    sys.stderr.write(f"\r\x1b[K{STAGES[event.stage]}{of}")
    if not event.total or event.done >= event.total:
        sys.stderr.write("\r\x1b[K")
    sys.stderr.flush()


def print_answer(result: Event, predictions: Sequence[Prediction], top: int) -> None:
    """The answer of a job that answers with one document."""
    match result:
        case Description():
            _print_description(result)
        case Scan():
            _print_scan(result)
        case Evaluation():
            _print_evaluation(result)
        case Advice():
            print_advice(result)
    for prediction in predictions:
        print(_prediction_line(prediction, top))


def print_weights(report: WeightsMatched) -> None:
    """What a weights file has for a backbone."""
    lacking = len(report.missing) + len(report.different)
    print(
        "of the layers below its classifier, the weights file has "
        f"{len(report.matched)} and lacks {lacking}"
    )
    for title, names in (("missing", report.missing), ("not used", report.unused)):
        if names:
            print(f"{title}: {', '.join(names)}")
    for sentence in report.different:
        print(f"different: {sentence}")


def document(result: Event, predictions: Sequence[Prediction], top: int) -> Any:
    """The same as plain JSON values, in the contract's form."""
    if isinstance(result, Scan):
        return {
            "classes": result.classes,
            "pictures": len(result.pictures),
            "problems": [asdict(problem) for problem in result.problems],
        }
    if isinstance(result, Description | Evaluation | Advice):
        return asdict(result)
    return [_prediction_document(prediction, top) for prediction in predictions]


def _prediction_document(prediction: Prediction, top: int) -> dict[str, Any]:
    if prediction.error:
        return {"path": prediction.path, "error": prediction.error}
    scores = [{"class": s.label, "probability": s.probability} for s in prediction.top[:top]]
    return {"path": prediction.path, **scores[0], "unknown": prediction.unknown, "top": scores}


def _prediction_line(prediction: Prediction, top: int) -> str:
    if prediction.error:
        return f"{prediction.path}: {prediction.error}"
    scores = ", ".join(f"{s.label} {s.probability:.1%}" for s in prediction.top[:top])
    return f"{prediction.path}: {'unknown; ' if prediction.unknown else ''}{scores}"


def _print_description(description: Description) -> None:
    print(f"{'layer':<40}{'type':<24}{'output':>16}{'parameters':>13}  trained")
    for layer in description.layers:
        flag = "yes" if layer.trainable and layer.trainable_params else ""
        shape = "x".join("?" if n is None else str(n) for n in layer.output_shape)
        print(f"{layer.name:<40}{layer.type:<24}{shape:>16}{layer.params:>13,}  {flag}")
    for row in description.head:
        shape = "x".join(map(str, row.output_shape))
        flag = "yes" if row.params else ""
        print(f"{row.name:<40}{row.type:<24}{shape:>16}{row.params:>13,}  {flag}")
    params = description.params
    print(
        f"{params.total:,} parameters: {params.trainable:,} trained, {params.non_trainable:,} "
        f"frozen; the frozen part ends at {description.boundary or 'the input'}\n"
        f"{description.boundary_reason}"
    )


def _print_scan(scanned: Scan) -> None:
    for name, count in scanned.classes.items():
        print(f"{count:>7}  {name}")
    print(f"{len(scanned.pictures):>7}  pictures in {len(scanned.classes)} classes")
    for problem in scanned.problems:
        print(f"{problem.kind}: {problem.path}: {problem.detail}")


def _print_evaluation(evaluation: Evaluation) -> None:
    width = max(len(name) for name in evaluation.classes) + 2
    print(f"{'class':<{width}}{'precision':>10}{'recall':>10}{'F1':>10}{'pictures':>10}")
    for name, figures in evaluation.per_class.items():
        numbers = f"{figures.precision:>10.3f}{figures.recall:>10.3f}{figures.f1:>10.3f}"
        if not figures.support:
            numbers = f"{'-':>10}" * 3
        print(f"{name:<{width}}{numbers}{figures.support:>10}")
    total = len(evaluation.pictures)
    print(f"{evaluation.accuracy:.1%} of {total} pictures are right, loss {evaluation.loss:.4f}")
    print(f"calibration error {evaluation.calibration.ece:.3f}")
    print("\nconfusion (rows: true class, columns: said class)")
    for name, row in zip(evaluation.classes, evaluation.confusion, strict=True):
        print(f"{name:<{width}}" + "".join(f"{count:>6}" for count in row))
