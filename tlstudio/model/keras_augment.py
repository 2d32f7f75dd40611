"""The part of the Keras script that changes training pictures at random."""

from textwrap import indent

from tlstudio.model.python_source import Section, bracketed
from tlstudio.project.spec import Augmentation

GREY = 128
"""Of the square that is cut out."""


def augmentation_section(how: Augmentation) -> Section | None:
    """The function `augmented`; None where nothing is changed."""
    changes = _changes(how) if how.mode != "off" else []
    if not changes:
        return None
    listed = bracketed("changes = keras.Sequential(", [bracketed("[", changes, "]", 9)], ")", 4)
    lines = [*(f"# {note}" for note in _notes(how)), listed]
    return Section(
        _AUGMENTED.format(changes=indent("\n".join(lines), "    ")), frozenset({"keras", "tf"})
    )


def _changes(how: Augmentation) -> list[str]:
    """Keras layers, in the order in which tlstudio makes its changes."""
    colour = how.colour
    area = f"{how.cutout}**2"
    layers = (
        (how.flip, "RandomFlip", ['"horizontal"']),
        (how.flip_vertical, "RandomFlip", ['"vertical"']),
        (how.rotation, "RandomRotation", [f"{how.rotation} / 360"]),
        (how.zoom, "RandomZoom", [f"{how.zoom}"]),
        (how.shift, "RandomTranslation", [f"{how.shift}", f"{how.shift}"]),
        (how.brightness, "RandomBrightness", [f"{how.brightness}"]),
        (how.contrast, "RandomContrast", [f"{how.contrast}"]),
        # Of x, Keras makes the factor x / (1 - x).
        (
            colour,
            "RandomSaturation",
            [f"({1 - colour:.4g} / {2 - colour:.4g}, {1 + colour:.4g} / {2 + colour:.4g})"],
        ),
        (
            how.cutout,
            "RandomErasing",
            ["(1.0, 1.0)", f"scale=({area}, {area})", f"fill_value={GREY}"],
        ),
    )
    return [bracketed(f"keras.layers.{name}(", args, ")", 13) for on, name, args in layers if on]


def _notes(how: Augmentation) -> list[str]:
    notes = []
    if how.mode == "views":
        notes.append(f"New in each epoch; tlstudio takes one of {how.views} made once.")
    for share in (how.flip, how.flip_vertical):
        if share not in (0.0, 0.5):
            notes.append(f"RandomFlip flips a share of 0.5, not of {share}.")
    return notes


_AUGMENTED = '''\
def augmented(train):
    """The training pictures with random changes, which are no part of the model."""
{changes}

    def change(pictures, labels):
        pictures = changes(pictures, training=True)
        return tf.clip_by_value(pictures, 0, 255), labels

    return train.map(change, num_parallel_calls=tf.data.AUTOTUNE)'''
