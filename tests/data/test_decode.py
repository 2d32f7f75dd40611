import errno
import os
import subprocess
import sys
import threading
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tlstudio.control import Cancelled, Control
from tlstudio.data import decode as decode_module
from tlstudio.data.decode import MAX_PIXELS, PICTURE_SUFFIXES, decode, decode_many, thumbnail
from tlstudio.errors import PictureError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quadrants(width: int = 64, height: int = 48) -> Image.Image:
    """Red, green over blue, white."""
    picture = Image.new("RGB", (2, 2))
    picture.putdata([RED, GREEN, BLUE, WHITE])
    return picture.resize((width, height), Image.Resampling.NEAREST)


def corners(array: np.ndarray) -> list[tuple[int, ...]]:
    """The colours a quarter in from each corner, rounded to pure ones."""
    rows, columns = array.shape[:2]
    places = [(r, c) for r in (rows // 4, rows * 3 // 4) for c in (columns // 4, columns * 3 // 4)]
    return [tuple(255 * (int(v) > 127) for v in array[place]) for place in places]


def save(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


def chunk(kind: bytes, body: bytes) -> bytes:
    crc = zlib.crc32(kind + body).to_bytes(4, "big")
    return len(body).to_bytes(4, "big") + kind + body + crc


def png_bomb(path: Path, side: int = 20_000) -> Path:
    """A 1-bit PNG of side x side black pixels in a few kilobytes."""
    header = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )
    return path


def refusal(path: Path) -> PictureError:
    with pytest.raises(PictureError) as caught:
        decode(path, (8, 8))
    with pytest.raises(PictureError) as again:
        thumbnail(path, 8)
    assert again.value.args == caught.value.args
    assert path.name in caught.value.message
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")
    return caught.value


@pytest.mark.parametrize("suffix", sorted(PICTURE_SUFFIXES - {".pfm", ".pbm", ".pgm"}))
def test_every_format_gives_rgb_of_the_asked_size(tmp_path: Path, suffix: str) -> None:
    array = decode(save(tmp_path / f"a{suffix}", quadrants()), (30, 20))
    assert array.shape == (30, 20, 3)
    assert array.dtype == np.uint8
    assert corners(array) == [RED, GREEN, BLUE, WHITE]
    array[:] = 0  # belongs to the caller


def test_formats_that_the_house_names_are_opened() -> None:
    assert {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"} <= PICTURE_SUFFIXES


def test_resizing_is_bilinear_over_the_whole_picture(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    expected = picture.resize((16, 24), Image.Resampling.BILINEAR)
    array = decode(save(tmp_path / "a.png", picture), (24, 16))
    np.testing.assert_array_equal(array, np.asarray(expected))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_is_scaled_and_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257 * 64], [257 * 128, 65535]], dtype=np.uint16)
    path = save(tmp_path / f"a{suffix}", Image.fromarray(values))
    expected = np.array([[0, 64], [128, 255]], dtype=np.uint8)
    np.testing.assert_array_equal(decode(path, (2, 2)), np.stack([expected] * 3, axis=-1))


def test_a_dark_16_bit_picture_stays_dark(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(np.full((4, 4), 200, dtype=np.uint16)))
    assert decode(path, (4, 4)).max() <= 1


def test_big_endian_16_bit_tiff(tmp_path: Path) -> None:
    values = np.array([[0, 257 * 128]], dtype=">u2")
    path = tmp_path / "a.tif"
    tags = [(256, 2), (257, 1), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (279, 4)]
    directory = b"".join(
        tag.to_bytes(2, "big")
        + (3).to_bytes(2, "big")
        + (1).to_bytes(4, "big")
        + value.to_bytes(2, "big")
        + b"\0\0"
        for tag, value in tags
    )
    path.write_bytes(
        b"MM\0*"
        + (12).to_bytes(4, "big")
        + values.tobytes()
        + len(tags).to_bytes(2, "big")
        + directory
        + bytes(4)
    )
    assert decode(path, (1, 2))[0, :, 0].tolist() == [0, 128]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, np.nan, 1.0]], np.float32), [0, 0, 255]),
        (np.array([[0.0, 0.0, 0.0]], np.float32), [0, 0, 0]),
        (np.array([[-3e38, 0.0, 3e38]], np.float32), [0, 128, 255]),
        (np.array([[-1e-45, 0.0, 0.0]], np.float32), [0, 255, 255]),
        (np.array([[0, 32896, 65535]], np.int32), [0, 128, 255]),
        (np.array([[0, 50_000, 100_000]], np.int32), [0, 128, 255]),
    ],
)
def test_32_bit_grey_keeps_its_range(
    tmp_path: Path, values: np.ndarray, expected: list[int]
) -> None:
    path = save(tmp_path / "a.tif", Image.fromarray(values))
    assert decode(path, (1, 3))[0, :, 1].tolist() == expected


def test_cmyk(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", quadrants().convert("CMYK"), quality=95)
    assert corners(decode(path, (32, 32))) == [RED, GREEN, BLUE, WHITE]


def test_palette(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", quadrants().convert("P", palette=Image.Palette.ADAPTIVE))
    assert corners(decode(path, (32, 32))) == [RED, GREEN, BLUE, WHITE]


def see_through(mode: str) -> Image.Image:
    """Left half black and opaque, right half black and wholly see-through."""
    picture = Image.new("RGBA", (32, 32), (0, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (16, 0, 32, 32))
    return picture.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_lies_on_white(tmp_path: Path, mode: str) -> None:
    array = decode(save(tmp_path / "a.png", see_through(mode)), (32, 32))
    assert array[0, 0].tolist() == [0, 0, 0]
    assert array[0, -1].tolist() == [255, 255, 255]


def test_half_see_through_is_blended(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("RGBA", (4, 4), (255, 0, 0, 128)))
    assert decode(path, (1, 1))[0, 0].tolist() == pytest.approx([255, 127, 127], abs=1)


@pytest.mark.parametrize("transparency", [1, bytes([255, 0])])
def test_palette_with_alpha_lies_on_white(tmp_path: Path, transparency: int | bytes) -> None:
    picture = Image.new("P", (32, 32), 0)
    picture.putpalette([0, 0, 0, 9, 9, 9])
    picture.paste(1, (16, 0, 32, 32))
    array = decode(save(tmp_path / "a.png", picture, transparency=transparency), (32, 32))
    assert array[0, 0].tolist() == [0, 0, 0]
    assert array[0, -1].tolist() == [255, 255, 255]


def test_colour_key_lies_on_white(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", quadrants(), transparency=BLUE)
    assert corners(decode(path, (32, 32))) == [RED, GREEN, WHITE, WHITE]


# What is seen at the corners of the quadrants under each EXIF orientation.
TURNED = {
    1: [RED, GREEN, BLUE, WHITE],
    2: [GREEN, RED, WHITE, BLUE],
    3: [WHITE, BLUE, GREEN, RED],
    4: [BLUE, WHITE, RED, GREEN],
    5: [RED, BLUE, GREEN, WHITE],
    6: [BLUE, RED, WHITE, GREEN],
    7: [WHITE, GREEN, BLUE, RED],
    8: [GREEN, WHITE, RED, BLUE],
}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", TURNED)
def test_pixels_turn_as_exif_says(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"a{suffix}", quadrants(640, 320), exif=exif)
    assert corners(decode(path, (24, 40))) == TURNED[orientation]
    small = thumbnail(path, 64)
    assert small.shape[:2] == ((64, 32) if orientation >= 5 else (32, 64))
    assert corners(small) == TURNED[orientation]


def test_damaged_exif_does_no_harm(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", quadrants(), exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert corners(decode(path, (32, 32))) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".tif"])
def test_an_animation_gives_its_first_frame(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, GREEN, BLUE)]
    path = save(tmp_path / f"a{suffix}", frames[0], save_all=True, append_images=frames[1:])
    assert corners(decode(path, (16, 16))) == [RED] * 4


def test_one_pixel(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("RGB", (1, 1), GREEN))
    assert (decode(path, (32, 16)) == GREEN).all()
    assert thumbnail(path, 64).tolist() == [[list(GREEN)]]


def test_a_thumbnail_of_a_thread_keeps_a_pixel(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("RGB", (2000, 3), RED))
    assert thumbnail(path, 50).shape == (1, 50, 3)


def test_a_jpeg_decoded_small_looks_as_if_decoded_whole(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((1600, 1200), Image.Resampling.BICUBIC)
    path = save(tmp_path / "a.jpg", picture, quality=95)
    with Image.open(path) as whole:
        expected = np.asarray(whole.resize((224, 224), Image.Resampling.BILINEAR))
    difference = np.abs(decode(path, (224, 224)).astype(int) - expected)
    assert difference.mean() < 1
    assert difference.max() < 12


def test_a_small_jpeg_is_decoded_whole(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", quadrants(400, 400), quality=95)
    with Image.open(path) as whole:
        expected = np.asarray(whole.resize((224, 224), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(decode(path, (224, 224)), expected)


@pytest.mark.parametrize("name", ["with space.png", "고양이.png", "🐈‍⬛.png", "caf\u00e9.PNG"])
def test_names_of_all_kinds(tmp_path: Path, name: str) -> None:
    assert decode(save(tmp_path / name, quadrants(), format="PNG"), (4, 4)).shape == (4, 4, 3)


def test_a_name_that_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(PictureError) as caught:
        decode(tmp_path / "caf\udce9\n.png", (8, 8))
    assert str(caught.value).isprintable()


def test_a_text_file_named_jpg(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("P1 dear diary")
    error = refusal(path)
    assert error.kind == "not_a_picture"
    assert "not a picture" in error.message
    assert "JPEG" in error.hint


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.6])
def test_a_truncated_picture(tmp_path: Path, suffix: str, kept: float) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"cut{suffix}", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    error = refusal(path)
    assert error.kind == "truncated"
    assert "cut off" in error.message
    assert "download" in error.hint


def test_a_missing_picture(tmp_path: Path) -> None:
    error = refusal(tmp_path / "gone.jpg")
    assert error.kind == "unreadable"
    assert "not there" in error.message


def test_a_folder_in_place_of_a_picture(tmp_path: Path) -> None:
    folder = tmp_path / "a.jpg"
    folder.mkdir()
    assert refusal(folder).kind == "unreadable"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_a_picture_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = save(tmp_path / "a.png", quadrants())

    class Failing(BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "open", lambda *_: Failing())
    error = refusal(path)
    assert error.kind == "unreadable"
    assert os.strerror(code) in error.message
    assert "allowed" in error.hint


def test_a_bomb_is_refused_and_costs_no_memory(tmp_path: Path) -> None:
    path = png_bomb(tmp_path / "bomb.png")
    assert path.stat().st_size < 200_000
    error = refusal(path)
    assert error.kind == "too_large"
    assert f"{MAX_PIXELS:,}" in error.message
    assert "smaller" in error.hint

    status = Path("/proc/self/status")  # its peak is the child's own, unlike getrusage's
    if not status.exists():
        return
    program = (
        "import sys; from pathlib import Path; from tlstudio.data.decode import decode\n"
        "from tlstudio.errors import PictureError\n"
        "try: decode(Path(sys.argv[1]), (224, 224))\n"
        "except PictureError:\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    print(next(line.split()[1] for line in lines if line.startswith('VmHWM')))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 150_000


@pytest.mark.parametrize(("pixels", "together"), [(31 * 32, 1), (32 * 32, 4)])
def test_large_pictures_are_decoded_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: int, together: int
) -> None:
    monkeypatch.setattr(decode_module, "LARGE_PIXELS", pixels)
    paths = [save(tmp_path / f"{i}.png", quadrants(32, 32)) for i in range(8)]
    everyone = threading.Barrier(together)
    inside, most = [], []
    to_rgb = decode_module._to_rgb

    def counted(picture: Image.Image) -> Image.Image:
        inside.append(picture)
        everyone.wait(timeout=20)
        most.append(len(inside))
        rgb = to_rgb(picture)
        inside.remove(picture)
        return rgb

    monkeypatch.setattr(decode_module, "_to_rgb", counted)
    results = dict(decode_many(paths, (8, 8), Control(), workers=4))
    assert all(isinstance(result, np.ndarray) for result in results.values())
    assert max(most) == together


def test_no_warning_leaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", quadrants(16, 16))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(path, (4, 4)).shape == (4, 4, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert refusal(path).kind == "too_large"


def encoded(format_: str, mode: str) -> bytes:
    stream = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if format_ in ("JPEG", "PNG", "WEBP", "TIFF") else {}
    quadrants(24, 16).convert("L" if mode == "F" else "RGB").convert(mode).save(
        stream, format_, **options
    )
    return stream.getvalue()


FUZZED = [
    encoded(*kind)
    for kind in [
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("WEBP", "RGBA"),
        ("TIFF", "RGB"),
        ("TIFF", "F"),
        ("PPM", "RGB"),
        ("JPEG2000", "RGB"),
    ]
]


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), whole=st.sampled_from(FUZZED))
def test_damaged_bytes_decode_or_are_refused(
    tmp_path: Path, data: st.DataObject, whole: bytes
) -> None:
    damaged = bytearray(whole)
    positions = st.integers(0, len(whole) - 1) | st.integers(0, 80)
    for place, value in data.draw(
        st.lists(st.tuples(positions, st.integers(0, 255)), min_size=1, max_size=8)
    ):
        damaged[min(place, len(whole) - 1)] = value
    path = tmp_path / "fuzzed"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    ((_, result),) = decode_many([path], (8, 8), Control(), workers=1)
    if isinstance(result, PictureError):
        assert result.kind in {"truncated", "not_a_picture", "too_large"}
    else:
        assert result.shape == (8, 8, 3)


def test_many_come_in_order_with_the_bad_ones_named(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i}.png", Image.new("RGB", (9, 9), (i, 0, 0))) for i in range(40)]
    paths[7].write_text("no picture")
    before = threading.active_count()
    results = list(decode_many(paths, (4, 4), Control()))
    assert threading.active_count() == before
    assert [i for i, _ in results] == list(range(40))
    for i, result in results:
        if i == 7:
            assert isinstance(result, PictureError)
        else:
            assert isinstance(result, np.ndarray)
            assert result[0, 0, 0] == i


def test_only_a_few_are_decoded_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", quadrants())
    opened: list[int] = []
    original = Path.open

    def counting(self: Path, *args: str) -> object:
        opened.append(1)
        return original(self, *args)

    monkeypatch.setattr(Path, "open", counting)
    taken = decode_many([path] * 500, (4, 4), Control(), workers=2)
    next(taken)
    taken.close()  # type: ignore[attr-defined]
    assert len(opened) <= 10


def test_stopping_ends_the_threads(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", quadrants())
    control = Control()
    before = set(threading.enumerate())
    taken = decode_many([path] * 500, (4, 4), control)
    next(taken)
    control.stop()
    with pytest.raises(Cancelled):
        next(taken)
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=20)
        assert not thread.is_alive()


def test_threads_agree_with_one(tmp_path: Path) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (20, 300, 400, 3), dtype=np.uint8)
    paths = [save(tmp_path / f"{i}.jpg", Image.fromarray(array)) for i, array in enumerate(noise)]
    many = decode_many(paths, (32, 32), Control(), workers=8)
    for path, (_, array) in zip(paths, many, strict=True):
        np.testing.assert_array_equal(array, decode(path, (32, 32)))


def test_orientation_agrees_with_pillow(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 7
    path = save(tmp_path / "a.png", Image.fromarray(noise), exif=exif)
    with Image.open(path) as picture:
        expected = ImageOps.exif_transpose(picture).resize((20, 20), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(decode(path, (20, 20)), np.asarray(expected))


def test_twelve_megapixels_are_decoded_at_an_eighth_and_hardly_change(tmp_path: Path) -> None:
    rows = columns = np.arange(375 * 8)
    waves = np.sin(rows[:, None] / 60) + np.sin(columns[None] / 25) + np.sin(rows[:, None] / 7)
    grey = Image.fromarray((127 + 42 * waves).astype(np.uint8))
    path = save(tmp_path / "a.jpg", grey.convert("RGB"), quality=90)
    with Image.open(path) as whole:
        expected = np.asarray(whole.resize((224, 224), Image.Resampling.BILINEAR))
    with Image.open(path) as eighth:
        eighth.draft("RGB", (375, 375))
        reduced = np.asarray(eighth.resize((224, 224), Image.Resampling.BILINEAR))
    decoded = decode(path, (224, 224))
    np.testing.assert_array_equal(decoded, reduced)
    assert np.abs(decoded.astype(int) - expected).mean() < 1.5
