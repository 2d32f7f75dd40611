import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tlstudio.data.augment import GREY, LUMINANCE, augmented, key_of
from tlstudio.project.spec import Augmentation

RGB = NDArray[np.uint8]
STRENGTHS = [name for name in Augmentation.model_fields if name not in ("mode", "views")]


def only(**strengths: float) -> Augmentation:
    """Those strengths, and 0 for all others."""
    return Augmentation(**dict.fromkeys(STRENGTHS, 0.0) | strengths)  # type: ignore[arg-type]


def smooth(rows: int = 60, columns: int = 80) -> RGB:
    """A picture of soft colours in the middle of the range, unlike itself turned or mirrored."""
    y, x = np.mgrid[0:rows, 0:columns]
    colours = (90 + 40 * x / columns, 110 + 40 * y / rows, 120 + 20 * np.sin(x / 9 + y / 5))
    return np.stack(colours, axis=-1).astype(np.uint8)


def noise(rows: int, columns: int) -> RGB:
    return np.random.default_rng(0).integers(0, 256, (rows, columns, 3), np.uint8)


def versions(picture: RGB, how: Augmentation, count: int = 200) -> list[RGB]:
    return [augmented(picture, how, "test", i) for i in range(count)]


def test_the_same_seed_gives_the_same_pixels_and_another_gives_others() -> None:
    picture = smooth()
    how = Augmentation(cutout=0.3)
    seeds: list[tuple[int | str, ...]] = [(1, "a", 2), (1, "a", 3), (2, "a", 2), (1, "b", 2)]
    seeds += [("1", "a", 2), (1, "a2"), (12,), (1, 2), ("é",), ("\udce9",), ()]
    seen = {augmented(picture, how, *seed).tobytes() for seed in seeds}
    assert len(seen) == len(seeds)
    assert seen == {augmented(picture, how, *seed).tobytes() for seed in seeds}


def test_a_number_is_a_number_whatever_its_type() -> None:
    picture, how = smooth(), Augmentation()
    same = augmented(picture, how, np.int64(7), "a")  # type: ignore[arg-type]
    assert np.array_equal(same, augmented(picture, how, 7, "a"))


def test_another_process_gives_the_same_pixels() -> None:
    script = (
        "import sys, numpy as np; from tlstudio.data.augment import augmented;"
        "from tlstudio.project.spec import Augmentation;"
        "p = np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3);"
        "sys.stdout.write(augmented(p, Augmentation(), 3, 'é').tobytes().hex())"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    picture = np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3)
    assert done.stdout == augmented(picture, Augmentation(), 3, "é").tobytes().hex()


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(8, 70),
    columns=st.integers(8, 70),
    seed=st.integers(0, 2**40),
    strengths=st.fixed_dictionaries(
        {name: st.floats(0, 180 if name == "rotation" else 0.9) for name in STRENGTHS}
    ),
)
def test_any_shape_and_strengths(
    rows: int, columns: int, seed: int, strengths: dict[str, Any]
) -> None:
    picture = noise(rows, columns)
    picture.setflags(write=False)
    before = picture.copy()
    changed = augmented(picture, Augmentation(**strengths), seed)
    assert changed.shape == picture.shape
    assert changed.dtype == np.uint8
    assert changed.flags.writeable
    assert np.array_equal(picture, before)


def test_without_strengths_nothing_changes_but_it_is_a_copy() -> None:
    picture = noise(20, 30)
    changed = augmented(picture, only(), 1)
    assert np.array_equal(changed, picture)
    assert not np.shares_memory(changed, picture)


def test_a_view_of_a_larger_array_is_taken_as_it_is_seen() -> None:
    whole = noise(40, 60)
    part = whole[::2, 5:35]
    assert np.array_equal(
        augmented(part, Augmentation(), 1), augmented(part.copy(), Augmentation(), 1)
    )


def test_a_sure_flip_mirrors_each_pixel() -> None:
    picture = noise(31, 20)
    assert np.array_equal(augmented(picture, only(flip=1), 1), picture[:, ::-1])
    assert np.array_equal(augmented(picture, only(flip_vertical=1), 1), picture[::-1])
    assert np.array_equal(augmented(picture, only(flip=1, flip_vertical=1), 1), picture[::-1, ::-1])


def test_a_flip_is_as_likely_as_it_says() -> None:
    picture = noise(8, 8)
    changed = [not np.array_equal(v, picture) for v in versions(picture, only(flip=0.25), 1000)]
    assert 0.2 < np.mean(changed) < 0.3


def test_each_strength_draws_for_itself() -> None:
    picture = smooth()
    for i in range(5):
        flipped = augmented(picture, only(flip=1), i)
        both = augmented(picture, only(flip=1, brightness=0.5), i)
        assert np.array_equal(both, augmented(flipped, only(brightness=0.5), i))


def marked(row: int, column: int, side: int = 101) -> RGB:
    """Black with a white spot around a pixel."""
    y, x = np.mgrid[0:side, 0:side]
    spot = np.hypot(y - row, x - column) < 4
    return np.repeat(255 * spot[..., None], 3, axis=2).astype(np.uint8)


def centre_of_light(picture: RGB) -> NDArray[np.float64]:
    """Row and column, from the middle of the picture."""
    light = picture[..., 0].astype(float)
    places = np.mgrid[0 : light.shape[0], 0 : light.shape[1]]
    middle = (np.array(light.shape) - 1) / 2
    return np.asarray((places * light).sum(axis=(1, 2)) / light.sum() - middle)


def test_rotation_turns_to_both_sides_as_far_as_it_says() -> None:
    picture = marked(50, 80)
    places = np.array([centre_of_light(v) for v in versions(picture, only(rotation=30))])
    assert np.hypot(*places.T) == pytest.approx(30, abs=0.3)
    angles = np.degrees(np.arctan2(places[:, 0], places[:, 1]))
    assert np.abs(angles).max() < 30.5
    assert angles.min() < -25
    assert angles.max() > 25
    half_turns = [centre_of_light(v) for v in versions(picture, only(rotation=180))]
    assert min(column for _, column in half_turns) < -29


def test_a_rotation_keeps_its_angle_in_a_picture_that_is_not_square() -> None:
    picture = np.ascontiguousarray(np.pad(marked(50, 80), ((0, 0), (50, 50), (0, 0))))
    places = np.array([centre_of_light(v) for v in versions(picture, only(rotation=40), 50)])
    assert np.hypot(*places.T) == pytest.approx(30, abs=0.3)


def test_zoom_makes_larger_and_smaller_as_far_as_it_says() -> None:
    picture = marked(50, 80)
    offsets = np.array([centre_of_light(v)[1] for v in versions(picture, only(zoom=0.2))])
    assert offsets.min() == pytest.approx(24, abs=1)
    assert offsets.max() == pytest.approx(36, abs=1)


def test_shift_goes_to_all_sides_as_far_as_it_says() -> None:
    picture = marked(50, 50)
    places = np.array([centre_of_light(v) for v in versions(picture, only(shift=0.3))])
    assert np.abs(places).max() < 30.6
    assert (places.min(axis=0) < -27).all()
    assert (places.max(axis=0) > 27).all()
    assert abs(np.corrcoef(places.T)[0, 1]) < 0.2


def test_outside_is_the_picture_mirrored_and_not_black() -> None:
    picture = smooth()
    low, high = picture.min(axis=(0, 1)), picture.max(axis=(0, 1))
    how = only(flip=0.5, flip_vertical=0.5, rotation=180, zoom=0.9, shift=0.9)
    for changed in versions(picture, how):
        assert (changed >= low).all()
        assert (changed <= high).all()


def test_a_shifted_picture_goes_on_mirrored_at_its_edge() -> None:
    ramp = np.repeat(np.arange(100, 200, dtype=np.uint8)[None, :, None], 8, axis=0)
    picture = np.repeat(ramp, 3, axis=2)
    for changed in versions(picture, only(shift=0.5), 20):
        steps = np.abs(np.diff(changed[4, :, 0].astype(int)))
        assert steps.max() <= 2  # neighbours everywhere, also across the edge


def means(changed: list[RGB]) -> NDArray[np.float64]:
    return np.array([v.mean() for v in changed])


def test_brightness_changes_the_mean_within_bounds() -> None:
    picture = smooth()
    share = means(versions(picture, only(brightness=0.3))) / picture.mean()
    assert share.min() == pytest.approx(0.7, abs=0.02)
    assert share.max() == pytest.approx(1.3, abs=0.02)


def test_contrast_leaves_the_mean_and_changes_the_spread() -> None:
    picture = smooth()
    changed = versions(picture, only(contrast=0.5))
    luminance = np.array([v.mean(axis=(0, 1)) @ LUMINANCE for v in changed])
    assert luminance == pytest.approx(picture.mean(axis=(0, 1)) @ LUMINANCE, abs=0.6)
    spread = np.array([v.std() for v in changed]) / picture.std()
    assert spread.min() == pytest.approx(0.5, abs=0.03)
    assert spread.max() == pytest.approx(1.5, abs=0.03)


def saturation(picture: RGB) -> float:
    return float(np.ptp(picture.astype(int), axis=-1).mean())


def test_colour_changes_saturation_and_leaves_greys_alone() -> None:
    picture = smooth()
    changed = versions(picture, only(colour=0.5))
    share = np.array([saturation(v) for v in changed]) / saturation(picture)
    assert share.min() == pytest.approx(0.5, abs=0.03)
    assert share.max() == pytest.approx(1.5, abs=0.03)
    grey = np.repeat(picture[..., :1], 3, axis=2)
    for same in versions(grey, only(colour=0.9), 20):
        assert np.abs(same.astype(int) - grey).max() <= 1


def test_values_that_leave_the_range_are_clipped() -> None:
    picture = np.full((8, 8, 3), 250, np.uint8)
    brightest = max(means(versions(picture, only(brightness=0.9), 50)))
    assert brightest == 255


def test_cutout_is_one_whole_grey_square_anywhere() -> None:
    picture = np.full((40, 60, 3), 9, np.uint8)
    places = set()
    for changed in versions(picture, only(cutout=0.5), 600):
        rows, columns = np.nonzero((changed == GREY).all(axis=-1))
        assert len(rows) == 20 * 20
        assert np.ptp(rows) == np.ptp(columns) == 19
        assert (changed[changed != GREY] == 9).all()
        places.add((int(rows.min()), int(columns.min())))
    assert {row for row, _ in places} == set(range(21))
    assert {column for _, column in places} == set(range(41))


def test_the_key_is_of_the_strengths_alone() -> None:
    base = Augmentation()
    assert key_of(base) == key_of(Augmentation(mode="live", views=3))
    keys = {key_of(base.model_copy(update={name: 0.123})) for name in STRENGTHS}
    assert len(keys) == len(STRENGTHS)
    assert key_of(base) not in keys
