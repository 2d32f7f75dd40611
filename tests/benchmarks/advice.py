"""Is the advice right? All three strategies trained on data sets of different size and kind.

    python tests/benchmarks/advice.py [--sets emoji digits ...] [--seeds 3] [--cost]

Each set is measured by the advise job and then trained with each strategy through the engine, with
what the advice says of pooling and augmentation, and the epochs and learning rate that it gives to
that strategy. A seed is another split, the same for all strategies. Prints a Markdown table; the
advised strategy is to be within 1.5 points of the best. Takes about 40 minutes on two idle cores.
`--cost` instead measures what the advice costs on 1,000 pictures, against one extraction.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import mean

from advice_pictures import SETS
from measure import measured

WITHIN = 1.5
"""Points of accuracy."""
COLUMNS = (
    "data set",
    "pictures",
    "classes",
    "LogME",
    "confidence",
    "probe, lower two thirds",
    "probe, last third",
    "advised",
    "head",
    "top",
    "all",
    "advised to best",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the pictures that are made")
    parser.add_argument("--cost", action="store_true")
    options = parser.parse_args()
    if options.cost:
        print_cost()
        return
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    for name in options.sets:
        print(row(name, options.seeds, options.share), flush=True)


def row(name: str, seeds: int, share: float) -> str:
    make, side = SETS[name]
    with tempfile.TemporaryDirectory() as parent:
        pictures, home = make(Path(parent) / "pictures", share), Path(parent) / "home"
        said = measured("advice.asked", home, pictures=pictures, side=side)
        results = measured(
            "advice.compared", home, pictures=pictures, side=side, seeds=seeds, said=said
        )
    means = {strategy: 100 * mean(values) for strategy, values in results.items()}
    short = max(means.values()) - means[said["strategy"]]
    cells = [
        name,
        f"{said['pictures']:,}",
        said["classes"],
        f"{said['logme']:.2f}",
        f"{said['confidence']:.2f}",
        f"{100 * said['below']:.1f} %",
        f"{100 * said['above']:.1f} %",
        f"{said['strategy']} {said['unfreeze_from']}".strip(),
        *(f"{means[strategy]:.1f} %" for strategy in ("head", "top", "all")),
        f"{-short:.1f}{'' if short <= WITHIN else ' (!)'}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def asked(pictures: str, side: int) -> dict[str, object]:
    """What the advise job says of the training pictures, at an input of `side` pixels."""
    from tlstudio.advice_events import Advice
    from tlstudio.control import Control
    from tlstudio.host import jobs
    from tlstudio.project.spec import Backbone, Pictures, Project
    from tlstudio.training.advice_rules import best_above, best_below

    backbone = Backbone(input_shape=(side, side))
    project = Project(pictures=Pictures(source=Path(pictures)), backbone=backbone)
    *_, advice = jobs.run(jobs.AdviseRequest(project), Control())
    assert isinstance(advice, Advice), advice
    return {
        "pictures": advice.size.pictures,
        "classes": advice.size.classes,
        "logme": advice.similarity.logme,
        "confidence": advice.similarity.confidence,
        "below": best_below(advice.similarity.probes).accuracy,
        "above": best_above(advice.similarity.probes).accuracy,
        "strategy": advice.strategy,
        "unfreeze_from": advice.unfreeze_from,
        "pooling": advice.pooling,
        "augmentation": advice.augmentation,
    }


def compared(
    pictures: str, side: int, seeds: int, said: dict[str, object]
) -> dict[str, list[float]]:
    """By strategy the validation accuracy, 0 to 1, with each seed."""
    from tlstudio.control import Control
    from tlstudio.events import Finished
    from tlstudio.host import jobs
    from tlstudio.project.spec import (
        Augmentation,
        Backbone,
        FreezePlan,
        Head,
        Pictures,
        Project,
        Training,
    )
    from tlstudio.training.advice_rules import epochs_for

    results: dict[str, list[float]] = {}
    for strategy in ("head", "top", "all"):
        depth = said["unfreeze_from"] if strategy == said["strategy"] else ""
        for seed in range(1, seeds + 1):
            project = Project(
                pictures=Pictures(source=Path(pictures)),
                backbone=Backbone(input_shape=(side, side)),
                freeze=FreezePlan(strategy=strategy, unfreeze_from=depth),
                head=Head(pooling=said["pooling"]),
                training=Training(
                    epochs=epochs_for(strategy, said["pictures"], Training().batch_size),
                    augmentation=Augmentation(mode=said["augmentation"]),
                    seed=seed,
                ),
            )
            with tempfile.TemporaryDirectory() as parent:
                *_, last = jobs.run(jobs.TrainRequest(project, Path(parent) / "run"), Control())
            assert isinstance(last, Finished), last
            results.setdefault(strategy, []).append(last.val_accuracy)
    return results


def print_cost() -> None:
    from pictures import photographs

    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        source = photographs(folder / "pictures" / "train", 1000).parent
        photographs(source / "val", 8)
        extraction = measured("studio.train", folder / "one", pictures=source, epochs=1)["extract"]
        first, second = measured("advice.times", folder / "other", pictures=source)
    print(
        f"1,000 pictures: extraction {extraction:.1f} s, advice {first:.1f} s "
        f"({first - extraction:+.1f} s; wanted no more than +10), asked again {second:.1f} s"
    )


def times(pictures: str) -> list[float]:
    """Seconds of the advise job, and of the same once more."""
    from tlstudio.control import Control
    from tlstudio.host import jobs
    from tlstudio.project.spec import Pictures, Project

    jobs.warm_up()  # as the engine does when it starts
    project = Project(pictures=Pictures(source=Path(pictures)))
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        list(jobs.run(jobs.AdviseRequest(project), Control()))
        seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
