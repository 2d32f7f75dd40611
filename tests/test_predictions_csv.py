import csv
import io

from tlstudio.events import Prediction, Score
from tlstudio.predictions_csv import predictions_csv


def test_a_row_a_picture_and_a_column_a_class() -> None:
    table = predictions_csv(
        [
            Prediction('pets, "all"/a b.png', (Score("dogs", 0.75), Score("cats", 0.25))),
            Prediction("notes.txt", error="notes.txt is no picture."),
            Prediction("그림.png", (Score("cats", 0.4), Score("dogs", 1e-7)), unknown=True),
        ]
    )
    assert list(csv.reader(io.StringIO(table))) == [
        ["path", "class", "probability", "unknown", "cats", "dogs"],
        ['pets, "all"/a b.png', "dogs", "0.750000", "false", "0.250000", "0.750000"],
        ["notes.txt", "", "", "", "", ""],
        ["그림.png", "cats", "0.400000", "true", "0.400000", "0.000000"],
    ]


def test_a_class_that_is_not_among_the_best_of_a_picture_is_left_empty() -> None:
    table = predictions_csv(
        [Prediction("a.png", (Score("dogs", 1.0),)), Prediction("b.png", (Score("cats", 1.0),))]
    )
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["cats"], row["dogs"]) for row in rows] == [("", "1.000000"), ("1.000000", "")]


def test_without_pictures_there_is_only_the_header() -> None:
    assert predictions_csv([]) == "path,class,probability,unknown\n"
