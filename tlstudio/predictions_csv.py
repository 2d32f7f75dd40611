"""The table of predictions that the command line writes and the window copies."""

import csv
import io
from collections.abc import Sequence

from tlstudio.events import Prediction


def predictions_csv(predictions: Sequence[Prediction]) -> str:
    """`path,class,probability,unknown` and one column a class, with a header.

    Probabilities are 0 to 1. A picture that could not be predicted has only its path.
    """
    classes = sorted({score.label for prediction in predictions for score in prediction.top})
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["path", "class", "probability", "unknown", *classes])
    for prediction in predictions:
        if not prediction.top:
            writer.writerow([prediction.path, "", "", "", *[""] * len(classes)])
            continue
        best = prediction.top[0]
        by_class = {score.label: _number(score.probability) for score in prediction.top}
        writer.writerow(
            [
                prediction.path,
                best.label,
                _number(best.probability),
                str(prediction.unknown).lower(),
                *(by_class.get(name, "") for name in classes),
            ]
        )
    return table.getvalue()


def _number(probability: float) -> str:
    return f"{probability:.6f}"
