"""Weight files: complete or absent, and in no format that can run code."""

import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from noisereel.learning import load_into, load_weights, read_facts, save_weights
from noisereel.support.errors import NoisereelError


def test_another_library_reads_what_was_written(tmp_path):
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(2.5)}
    save_weights(tmp_path / "w.safetensors", tensors, {"event": [2]})
    loaded = load_file(tmp_path / "w.safetensors")
    assert loaded.keys() == tensors.keys() and all(torch.equal(loaded[k], tensors[k]) for k in tensors)
    assert read_facts(tmp_path / "w.safetensors") == {"event": [2]}
    assert [file.name for file in tmp_path.iterdir()] == ["w.safetensors"]


class Harmful:
    """An object that writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("how", ["pickle", "torch"])
@pytest.mark.parametrize("read", [load_weights, read_facts])
def test_a_pickle_is_refused_whatever_it_is_called(tmp_path, how, read):
    file, ran = tmp_path / "w.safetensors", tmp_path / "ran"
    if how == "pickle":
        file.write_bytes(pickle.dumps(Harmful(ran)))
    else:
        torch.save({"a": Harmful(ran)}, file)
    with pytest.raises(NoisereelError) as error:
        read(file)
    assert str(error.value) == f"{file}: is a pickle, which can run code; only safetensors files are loaded"
    assert not ran.exists()


def test_a_file_that_is_not_there_is_named_once(tmp_path):
    with pytest.raises(NoisereelError) as error:
        read_facts(tmp_path / "w.safetensors")
    assert str(error.value) == f"{tmp_path / 'w.safetensors'}: cannot be read: No such file or directory"


@pytest.mark.parametrize("keep", [0, 4, 60, -1])
def test_a_file_that_is_cut_short_is_named(tmp_path, keep):
    file = tmp_path / "w.safetensors"
    save_weights(file, {"a": torch.zeros(100)}, {})
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(NoisereelError) as error:
        load_weights(file)
    assert str(error.value).startswith(f"{file}: is damaged or not a safetensors file (")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("at", [200, -1, -100])
def test_a_changed_byte_is_noticed(tmp_path, at):
    file = tmp_path / "w.safetensors"
    save_weights(file, {"a": torch.zeros(100), "b": torch.zeros(3)}, {"scene": "x" * 200})
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(NoisereelError, match="is damaged or not a safetensors file"):
        load_weights(file)


def test_a_checksum_is_needed_only_in_the_cache(tmp_path):
    file = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(1)}, file)
    assert load_weights(file).keys() == {"a"}
    with pytest.raises(NoisereelError, match="its content does not match its checksum"):
        load_weights(file, sealed=True)


def test_weights_of_other_programs_are_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(NoisereelError, match="was not saved by noisereel: it does not say which network its weights"):
        read_facts(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("tensors", "mismatch"),
    [
        ({"weight": torch.zeros(3, 2)}, "the network has 'bias', the file does not"),
        (
            {"weight": torch.zeros(3, 2), "bias": torch.zeros(3), "more": torch.zeros(1)},
            "the file has 'more', the network does not",
        ),
        (
            {"weight": torch.zeros(4, 2), "bias": torch.zeros(3)},
            "'weight' has shape (4, 2) in the file and (3, 2) in the network",
        ),
    ],
)
def test_another_networks_weights_are_refused(tmp_path, tensors, mismatch):
    with pytest.raises(NoisereelError) as error:
        load_into(nn.Linear(2, 3), tensors, tmp_path / "w.safetensors")
    assert str(error.value) == f"{tmp_path / 'w.safetensors'}: belongs to another network: {mismatch}"
