"""The part of the Keras script that reads the pictures, in a folder or a CSV."""

from dataclasses import dataclass
from pathlib import Path

from tlstudio.events import Scan
from tlstudio.model.python_source import Section, bracketed, quoted
from tlstudio.project.spec import Project

KERAS_READS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
"""Endings of the files that `image_dataset_from_directory` takes; it passes over all others."""

MOST_CLASSES = 40
"""More are not listed where a rule names the same ones in the same order."""


@dataclass(frozen=True, slots=True)
class FoundPictures:
    """What the script needs to know of a scan."""

    classes: tuple[str, ...] = ()
    """Names of class folders, or labels in a CSV, in the order of the outputs; empty: not known."""
    train: str = ""
    """The folder of the training part within the source; empty: the source itself."""
    val: str = ""
    """The same of validation; empty where that part is drawn or a CSV names it."""
    is_split: bool = False
    """Whether the source says what is for validation."""
    unusable: int = 0
    """Files that tlstudio leaves out because they cannot be read."""
    other_formats: int = 0
    """Pictures in formats that Keras does not read."""


def found_pictures(scan: Scan) -> FoundPictures:
    """Looks at the name of each picture: not for each keystroke."""
    is_csv = scan.source.lower().endswith(".csv")
    names = dict.fromkeys(scan.classes, "")
    parts = {"train": "", "val": ""}
    examples = {(picture.label, picture.split): picture.path for picture in scan.pictures}
    for (label, part), path in examples.items():
        if is_csv:
            names[label] = label
            continue
        below = list(Path(path).relative_to(scan.source).parts)
        if part:
            parts[part] = below.pop(0)
        # Not the label, from which spaces around a folder's name are taken.
        names[label] = below[0]
    return FoundPictures(
        classes=tuple(names.values()),
        train=parts["train"],
        val=parts["val"],
        is_split=any(part == "val" for _, part in examples),
        unusable=_unusable(scan),
        other_formats=sum(
            not picture.path.lower().endswith(KERAS_READS) for picture in scan.pictures
        ),
    )


def _unusable(scan: Scan) -> int:
    problems = [one.path for one in scan.problems if one.kind != "empty_class"]
    return len(set(problems) - {picture.path for picture in scan.pictures}) if problems else 0


def pictures_section(project: Project, found: FoundPictures) -> Section:
    """The constants of the script, and `load_pictures`, which returns two data sets."""
    if project.pictures.source.suffix.lower() == ".csv":
        return _csv_section(project, found)
    return _folder_section(project, found)


def _folder_section(project: Project, found: FoundPictures) -> Section:
    folder = project.pictures.source
    if found.is_split:
        parts = [f"TRAIN = FOLDER / {quoted(found.train)}", f"VAL = FOLDER / {quoted(found.val)}"]
        rule = "sorted(path.name for path in TRAIN.iterdir() if path.is_dir())"
        load = _TWO_FOLDERS
    else:
        # One that is called train, with nothing beside it, holds the classes.
        folder /= found.train
        parts = []
        rule = "sorted(path.name for path in FOLDER.iterdir() if path.is_dir())"
        load = _ONE_FOLDER.format(validation=project.pictures.validation)
    constants = [
        bracketed("FOLDER = Path(", [quoted(str(folder))], ")"),
        *parts,
        _classes(found, rule),
        *_settings(project),
    ]
    notes = []
    if found.unusable:
        notes.append(f"Files that cannot be read: {found.unusable}. Remove them first.")
    if found.other_formats:
        notes.append(f"Pictures that Keras passes over, such as WebP: {found.other_formats}.")
    return Section("\n".join(constants) + f"\n\n\n{_noted(notes)}{load}", frozenset({"Path"}))


def _csv_section(project: Project, found: FoundPictures) -> Section:
    constants = [
        bracketed("CSV = Path(", [quoted(str(project.pictures.source))], ")"),
        *_settings(project),
    ]
    rule = 'sorted({row["label"].strip() for row in read_rows()})'
    draw = _DRAWN_ROWS.format(validation=project.pictures.validation)
    notes = []
    if found.unusable:
        notes.append(f"Files that cannot be read: {found.unusable}. Remove their lines first.")
    if found.other_formats:
        notes.append(f"Formats that TensorFlow may not read, such as TIFF: {found.other_formats}.")
    functions = [
        _READ_ROWS,
        _classes(found, rule),
        _noted(notes) + (_GIVEN_ROWS if found.is_split else draw),
        _BATCHES,
    ]
    imports = {"csv", "Path", "tf"} if found.is_split else {"csv", "Path", "random", "tf"}
    return Section("\n\n\n".join(["\n".join(constants), *functions]), frozenset(imports))


def _settings(project: Project) -> list[str]:
    rows, columns = project.backbone.input_shape
    return [
        f"IMAGE_SIZE = ({rows}, {columns})  # rows and columns",
        f"BATCH_SIZE = {project.training.batch_size}",
        f"SEED = {project.training.seed}",
    ]


def _classes(found: FoundPictures, rule: str) -> str:
    names = list(found.classes)
    if not names or (len(names) > MOST_CLASSES and names == sorted(names)):
        return f"CLASSES = {rule}"
    return bracketed("CLASSES = [", [quoted(name) for name in names], "]")


def _noted(notes: list[str]) -> str:
    return "".join(f"# {note}\n" for note in notes)


_ONE_FOLDER = '''\
def load_pictures():
    """Training and validation pictures, in batches of (pictures, one-hot labels)."""
    # Drawn from all pictures; tlstudio draws the same share from each class.
    return keras.utils.image_dataset_from_directory(
        FOLDER,
        label_mode="categorical",
        class_names=CLASSES,
        image_size=IMAGE_SIZE,
        batch_size=BATCH_SIZE,
        validation_split={validation},
        subset="both",
        seed=SEED,
    )'''

_TWO_FOLDERS = '''\
def load_pictures():
    """Training and validation pictures, in batches of (pictures, one-hot labels)."""
    # Each class needs a folder in both, if only an empty one.
    options = {
        "label_mode": "categorical",
        "class_names": CLASSES,
        "image_size": IMAGE_SIZE,
        "batch_size": BATCH_SIZE,
    }
    read = keras.utils.image_dataset_from_directory
    return read(TRAIN, seed=SEED, **options), read(VAL, shuffle=False, **options)'''

_READ_ROWS = '''\
def read_rows():
    """The lines of the CSV by column, without those for a test."""
    with CSV.open(encoding="utf-8-sig", newline="") as stream:
        delimiter = ";" if ";" in stream.readline() else ","
        stream.seek(0)
        rows = list(csv.DictReader(stream, delimiter=delimiter))
    return [row for row in rows if not split_of(row).startswith("test")]


def split_of(row):
    return (row.get("split") or "").strip().lower()'''

_GIVEN_ROWS = '''\
def load_pictures():
    """Training and validation pictures, in batches of (pictures, one-hot labels)."""
    rows = read_rows()
    val = [row for row in rows if split_of(row).startswith("val")]
    train = [row for row in rows if not split_of(row).startswith("val")]
    return batches(train, shuffle=True), batches(val)'''

_DRAWN_ROWS = '''\
def load_pictures():
    """Training and validation pictures, in batches of (pictures, one-hot labels)."""
    rows = read_rows()
    # Drawn from all pictures; tlstudio draws the same share from each class.
    random.Random(SEED).shuffle(rows)
    held_out = max(1, round({validation} * len(rows)))
    return batches(rows[held_out:], shuffle=True), batches(rows[:held_out])'''

_BATCHES = '''\
def batches(rows, shuffle=False):
    paths = [str(CSV.parent / row["path"].strip()) for row in rows]
    labels = [CLASSES.index(row["label"].strip()) for row in rows]
    dataset = tf.data.Dataset.from_tensor_slices((paths, labels))
    if shuffle:
        dataset = dataset.shuffle(len(rows), seed=SEED)
    dataset = dataset.map(read_picture, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE)


def read_picture(path, label):
    """A picture of IMAGE_SIZE with values from 0 to 255, and its one-hot label."""
    content = tf.io.read_file(path)
    picture = tf.io.decode_image(content, channels=3, expand_animations=False)
    picture = tf.image.resize(picture, IMAGE_SIZE, antialias=True)
    picture = tf.ensure_shape(picture, (*IMAGE_SIZE, 3))
    return picture, tf.one_hot(label, len(CLASSES))'''
