"""Weights files are data: damaged and hostile ones are refused in a sentence, and nothing in one
leads anywhere else."""

import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest

from tlstudio.errors import TlstudioError
from tlstudio.model import weight_files
from tlstudio.model.weight_files import check, opened

KERNEL = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def weights(tmp_path):
    """A sound file, by hand."""
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        held = file.create_group("layers/dense/vars")
        held.attrs["name"] = "mine"
        held["0"] = KERNEL
    return path


@pytest.fixture
def legacy(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"input", b"mine"]
        file.create_group("input").attrs["weight_names"] = np.zeros(0, "S1")
        file.create_group("mine").attrs["weight_names"] = [b"mine/kernel:0"]
        file["mine/mine/kernel:0"] = KERNEL
    return path


def zipped(weights, compression=zipfile.ZIP_STORED):
    path = weights.with_name("a.keras")
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.write(weights, "model.weights.h5")
    return path


def layers(path):
    with opened(path) as groups:
        return [
            (layer.name, layer.kind, layer.place, [array.values() for array in layer.arrays])
            for group in groups
            for layer in group.layers
        ]


def test_reads_names_places_and_values(weights, legacy):
    for path in (weights, zipped(weights), zipped(weights, zipfile.ZIP_DEFLATED)):
        ((name, kind, place, (kernel,)),) = layers(path)
        assert (name, kind, place) == ("mine", "dense", "dense")
        np.testing.assert_array_equal(kernel, KERNEL)
    ((name, kind, _, (kernel,)),) = layers(legacy)
    assert (name, kind) == ("mine", "")
    np.testing.assert_array_equal(kernel, KERNEL)


def test_long_lists_of_names_are_in_pieces(legacy):
    with h5py.File(legacy, "a") as file:
        del file.attrs["layer_names"]
        file.attrs["layer_names0"] = [b"input"]
        file.attrs["layer_names1"] = [b"mine"]
        # As a whole model has it, among other things.
        whole = file.create_group("model_weights")
        for name in list(file):
            if name != "model_weights":
                file.move(name, f"model_weights/{name}")
        for name in ("layer_names0", "layer_names1"):
            whole.attrs[name] = file.attrs[name]
            del file.attrs[name]

    assert [name for name, *_ in layers(legacy)] == ["mine"]


def truncate(path):
    path.write_bytes(path.read_bytes()[:-500])


@pytest.mark.parametrize("harm", [truncate, lambda path: path.write_bytes(b"no weights at all")])
def test_a_damaged_file_is_said_to_be_damaged(weights, legacy, harm):
    for path in (weights, legacy, zipped(weights)):
        harm(path)
        with pytest.raises(TlstudioError, match=f"{path.name} is damaged"):
            check(path)


def test_damage_within_is_found_when_it_is_read(weights):
    path = zipped(weights, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)

    with pytest.raises(TlstudioError, match=r"a\.keras is damaged"):
        layers(path)


@pytest.mark.parametrize("names", [["mine/bias:0"], ["//"], [b"\xff"], 7])
@pytest.mark.parametrize("which", ["layer_names", "weight_names"])
def test_lists_that_lead_nowhere_are_damage(legacy, names, which):
    with h5py.File(legacy, "a") as file:
        group = file if which == "layer_names" else file["mine"]
        group.attrs[which] = names

    with pytest.raises(TlstudioError, match=r"a\.h5 is damaged"):
        layers(legacy)


def replace_kernel(file, put):
    del file["layers/dense/vars/0"]
    put(file["layers/dense/vars"])


def objects(held):
    held.create_dataset("0", data=["os.system"], dtype=h5py.string_dtype())


def external(held):
    held.create_dataset("0", (3, 4), "f4", external=[("/etc/passwd", 0, 48)])


def virtual(held):
    layout = h5py.VirtualLayout((3, 4), "f4")
    layout[...] = h5py.VirtualSource("/etc/other.h5", "x", (3, 4))
    held.create_virtual_dataset("0", layout)


def link(kind):
    def put(held):
        held["0"] = kind

    return put


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (objects, "not numbers"),
        (external, "from other files"),
        (virtual, "from other files"),
        (link(h5py.ExternalLink("other.h5", "/x")), "links to other places or files"),
        (link(h5py.SoftLink("/layers")), "links to other places or files"),
    ],
)
def test_what_leads_elsewhere_or_is_no_number_is_refused(weights, put, why):
    with h5py.File(weights, "a") as file:
        replace_kernel(file, put)

    for path in (weights, zipped(weights)):
        with pytest.raises(TlstudioError, match=f"{path.name} is refused: .*{why}"):
            layers(path)


def test_a_linked_layer_is_refused_too(weights, legacy):
    with h5py.File(weights, "a") as file:
        file["layers/dense_1"] = h5py.ExternalLink("other.h5", "/layers/dense")
    with h5py.File(legacy, "a") as file:
        del file["mine"]
        file["mine"] = h5py.ExternalLink("other.h5", "/mine")

    for path in (weights, legacy):
        with pytest.raises(TlstudioError, match="is refused: it has links"):
            layers(path)


def test_groups_within_themselves_and_endless_ones_end(weights):
    with h5py.File(weights, "a") as file:
        file["layers/dense/layers"] = file["layers"]
    assert [name for name, *_ in layers(weights)] == ["mine"]

    with h5py.File(weights, "a") as file:
        file.create_group("/".join(["layers"] * 500))
    with pytest.raises(TlstudioError, match="groups within one another"):
        layers(weights)


def test_a_weight_of_a_billion_numbers_is_seen_without_being_read(weights):
    with h5py.File(weights, "a") as file:
        replace_kernel(
            file, lambda held: held.create_dataset("0", (1 << 20, 1 << 20), "f4", chunks=(64, 64))
        )

    tracemalloc.start()
    with opened(weights) as groups:
        assert groups[0].layers[0].arrays[0].shape == (1 << 20, 1 << 20)
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


def test_a_zip_that_only_fills_the_disk_is_refused(weights, monkeypatch):
    with h5py.File(weights, "a") as file:
        file["zeros"] = np.zeros(1 << 20, np.uint8)
    path = zipped(weights, zipfile.ZIP_DEFLATED)
    assert layers(path)

    monkeypatch.setattr(weight_files, "LARGEST_UNPACKED", 1 << 18)
    with pytest.raises(TlstudioError, match=r"a\.keras is refused: it would unpack to"):
        layers(path)
    with pytest.raises(TlstudioError, match=r"a\.keras is refused: it would unpack to"):
        check(path)


def test_a_missing_file_and_a_strange_ending_are_said(tmp_path):
    with pytest.raises(TlstudioError, match="no weights file at"):
        check(tmp_path / "none.weights.h5")
    (tmp_path / "weights.pth").touch()
    with pytest.raises(TlstudioError, match=r"'weights.pth' is no kind of weights") as error:
        check(tmp_path / "weights.pth")
    assert ".weights.h5, .h5, .keras" in error.value.hint
    with pytest.raises(TlstudioError, match="'imagnet' is no kind of weights"):
        check(tmp_path / "imagnet")
