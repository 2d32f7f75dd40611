"""The whole table of benchmarks, each row against its rivals in the same run.

    python tests/benchmarks/table.py [--rows head-cold,decode] [--pictures 2000] [--json FILE]

Each measurement runs in a fresh process, but for the training with another head, which follows one
with the first head as in the window. Imports do not count. The naive Keras script (naive.py)
is measured over three epochs, and its ten are the first and nine times the mean of the others.
The second rival is the same script with `cache()` on the decoded pictures.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import pictures
import splits
from measure import measured

EPOCHS = 10
NAIVE_EPOCHS = 3
SEEDS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    ours: str
    naive: str
    cached: str
    """The naive script with `cache()`."""
    ratio: float
    cached_ratio: float | None
    wanted: str
    met: bool


class Bench:
    """What several rows measure together is measured once."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.number = number
        self._homes = 0

    @property
    def photographs(self) -> Path:
        return self.photographs_of(self.number)

    def photographs_of(self, number: int) -> Path:
        folder = self.folder / f"photographs {number}"
        return folder if folder.is_dir() else pictures.photographs(folder, number)

    @cached_property
    def few(self) -> Path:
        """For what does not depend on how many there are."""
        return pictures.photographs(self.folder / "few", 64)

    def camera(self, grain: float) -> Path:
        return pictures.camera_pictures(self.folder / f"camera {grain}", 16, grain)

    def new_home(self) -> Path:
        """A place where nothing has been kept yet."""
        self._homes += 1
        return self.folder / f"home {self._homes}"

    def naive(self, cached: bool, top: bool = False) -> list[float]:
        """Seconds of each of a few epochs."""
        options = {"pictures": self.photographs, "epochs": NAIVE_EPOCHS}
        options |= {"cached": cached, "top": top}
        return list(measured("naive.train", self.new_home(), **options)["epochs"])

    @cached_property
    def naive_head(self) -> tuple[float, float]:
        """Seconds of ten epochs, without and with `cache()`."""
        plain, cached = (_of_all(self.naive(cached)) for cached in (False, True))
        return plain, cached

    @cached_property
    def warm_home(self) -> tuple[Path, float]:
        """Where a first training has kept its features, and its seconds."""
        home = self.new_home()
        found = measured("studio.train", home, pictures=self.photographs, epochs=EPOCHS)
        assert found["hits"] == 0
        return home, found["seconds"]


def head_cold(bench: Bench) -> Iterator[Row]:
    _, ours = bench.warm_home
    yield _faster(f"head only, {EPOCHS} epochs, cold cache", ours, bench.naive_head, 20)


def head_warm(bench: Bench) -> Iterator[Row]:
    home, _ = bench.warm_home
    found = measured("studio.train_again", home, pictures=bench.photographs, epochs=EPOCHS)
    assert found["misses"] == 0
    what = f"head only, {EPOCHS} epochs, warm cache, another head"
    yield _faster(what, found["seconds"], bench.naive_head, 150)


def top(bench: Bench) -> Iterator[Row]:
    options = {"pictures": bench.photographs, "epochs": NAIVE_EPOCHS, "top": True}
    options["features"] = "float16"
    ours = _later(measured("studio.train", bench.new_home(), **options)["epochs"])
    rivals = _later(bench.naive(False, top=True)), _later(bench.naive(True, top=True))
    yield _faster("top third trainable, an epoch after the first, float16", ours, rivals, 3.5)


def extraction(bench: Bench) -> Iterator[Row]:
    """Of more pictures too, since each extraction begins with building what it runs."""
    for number in (bench.number, 4 * bench.number):
        photographs = bench.photographs_of(number)
        tries = sorted(_extraction(bench, photographs) for _ in range(3))
        ratio, rate, roofline = tries[1]
        yield Row(
            f"extraction of {number:,} pictures against the roofline",
            f"{rate:.0f}/s",
            f"roofline {roofline:.0f}/s",
            "",
            ratio,
            None,
            "0.9",
            ratio >= 0.9,
        )


def _extraction(bench: Bench, photographs: Path) -> tuple[float, float, float]:
    """The share of the roofline, and the two rates. Machines change their pace, so one core is
    measured before the extraction and after it.
    """
    before = measured("studio.one_core", bench.new_home(), pictures=photographs)
    found = measured("studio.train", bench.new_home(), pictures=photographs, epochs=1)
    after = measured("studio.one_core", bench.new_home(), pictures=photographs)
    rate = found["misses"] / found["extract"]
    a_picture = statistics.mean(one["graph"] + one["decode"] for one in (before, after))
    roofline = before["cores"] / a_picture
    return rate / roofline, rate, roofline


def decode(bench: Bench) -> Iterator[Row]:
    for grain in (0, 4):
        camera = bench.camera(grain)
        size = statistics.mean(path.stat().st_size for path in camera.rglob("*.jpg"))
        ours, naive = (
            measured(f"{module}.decode", bench.new_home(), pictures=camera)
            for module in ("studio", "naive")
        )
        yield Row(
            f"decode of 12 megapixels, JPEG of {size / 1e6:.1f} MB",
            f"{1000 * ours:.1f} ms",
            f"{1000 * naive:.1f} ms",
            "",
            naive / ours,
            None,
            "2 x",
            naive >= 2 * ours,
        )


def accuracy(bench: Bench) -> Iterator[Row]:
    """`cache()` changes no number, so the naive script has it here. With so many pictures to
    validate on, what chance does to the mean is less than what is wanted.
    """
    ours, naive = [], []
    for seed in SEEDS:
        folder = splits.put(bench.photographs, bench.folder / f"split {seed}", seed)
        options = {"pictures": folder, "epochs": EPOCHS, "seed": seed}
        ours.append(measured("studio.train", bench.new_home(), **options)["val_accuracy"])
        options["cached"] = True
        naive.append(measured("naive.train", bench.new_home(), **options)["val_accuracy"])
    yield _as_accurate(f"validation accuracy after {EPOCHS} epochs", ours, naive)


def half(bench: Bench) -> Iterator[Row]:
    """Of the top layers, whose features are large enough to be kept in half precision."""
    found: dict[str, list[float]] = {"float16": [], "float32": []}
    for seed in SEEDS:
        folder = splits.emoji(bench.folder / f"emoji {seed}", seed)
        options = {"pictures": folder, "epochs": EPOCHS, "seed": seed, "top": True}
        for features, accuracies in found.items():
            options["features"] = features
            done = measured("studio.train", bench.new_home(), **options)
            accuracies.append(done["val_accuracy"])
    yield _as_accurate("the same with float16 features, against float32", *found.values())


def delay(bench: Bench) -> Iterator[Row]:
    found = measured("window.delays", bench.new_home(), pictures=bench.photographs, epochs=EPOCHS)
    for name, most in (("p99", 16), ("max", 50)):
        yield Row(
            f"delay of the window's event loop while training, {name}",
            f"{found[name]:.1f} ms",
            "",
            "",
            most / max(found[name], 1e-3),
            None,
            f"under {most} ms",
            found[name] < most,
        )


def start(bench: Bench) -> Iterator[Row]:
    seconds = measured("window_start.seconds", bench.new_home(), runs=5)["median"]
    what = "window shown after launch, without TensorFlow"
    yield Row(what, f"{seconds:.2f} s", "", "", 1 / seconds, None, "under 1 s", seconds < 1)


def drop(bench: Bench) -> Iterator[Row]:
    options = {"training_pictures": bench.few, "camera_pictures": bench.camera(4)}
    seconds = measured("window.drop_to_prediction", bench.new_home(), **options)["median"]
    what = "drop of 12 megapixels to the prediction shown"
    ms = 1000 * seconds
    yield Row(what, f"{ms:.0f} ms", "", "", 300 / ms, None, "under 300 ms", ms < 300)


ROWS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "head-cold": head_cold,
    "head-warm": head_warm,
    "top": top,
    "extraction": extraction,
    "decode": decode,
    "accuracy": accuracy,
    "half": half,
    "delay": delay,
    "start": start,
    "drop": drop,
}


def _faster(what: str, ours: float, rivals: tuple[float, float], wanted: float) -> Row:
    naive, cached = rivals
    return Row(
        what,
        f"{ours:.2f} s",
        f"{naive:.1f} s",
        f"{cached:.1f} s",
        naive / ours,
        cached / ours,
        f"{wanted:g} x",
        naive >= wanted * ours,
    )


def _as_accurate(what: str, ours: list[float], rival: list[float]) -> Row:
    """Of the accuracies with each seed, from 0 to 1."""
    mean, of_rival = 100 * statistics.mean(ours), 100 * statistics.mean(rival)
    points = mean - of_rival
    return Row(
        f"{what}, {len(SEEDS)} seeds, points",
        f"{mean:.1f} %",
        f"{of_rival:.1f} %",
        "",
        points,
        None,
        "no 0.5 less",
        points >= -0.5,
    )


def _later(seconds: list[float]) -> float:
    return statistics.mean(seconds[1:])


def _of_all(seconds: list[float]) -> float:
    return seconds[0] + (EPOCHS - 1) * _later(seconds)


def _show(row: Row) -> str:
    cached_ratio = "" if row.cached_ratio is None else f"{row.cached_ratio:.3g}"
    cells = f"{row.ours:>10}{row.naive:>16}{row.ratio:>8.3g}{row.cached:>10}{cached_ratio:>8}"
    return f"{row.what:<58}{cells}{row.wanted:>14}  {'yes' if row.met else 'NO'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default=",".join(ROWS), help="some of: %(default)s")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--json", type=Path, help="a file to write the rows to")
    options = parser.parse_args()
    names = options.rows.split(",")
    if unknown := set(names) - set(ROWS):
        parser.error(f"there are no rows called {', '.join(sorted(unknown))}")
    print(
        f"{'':<58}{'tlstudio':>10}{'naive':>16}{'ratio':>8}{'cache()':>10}{'ratio':>8}"
        f"{'at least':>14}  met"
    )
    done: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.pictures)
        for name in names:
            for row in ROWS[name](bench):
                done.append(row)
                print(_show(row), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in done], indent=1))
    sys.exit(not all(row.met for row in done))


if __name__ == "__main__":
    main()
