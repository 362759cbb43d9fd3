"""Ways to damage a file of a cache; each takes the file and a source of randomness."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np

__all__ = ["DAMAGE"]

Damage = Callable[[Path, Random], None]


def empty(file: Path, random: Random) -> None:
    file.write_bytes(b"")


def truncate(file: Path, random: Random) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: random.randrange(len(content))])


def shorten(file: Path, random: Random) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def extend(file: Path, random: Random) -> None:
    file.write_bytes(file.read_bytes() + random.randbytes(random.randint(1, 5000)))


def zero(file: Path, random: Random) -> None:
    """Zero the second half: in arrays and weights, the headers stay valid."""
    content = file.read_bytes()
    half = len(content) // 2
    file.write_bytes(content[:half] + bytes(len(content) - half))


def zero_all(file: Path, random: Random) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def flip(file: Path, random: Random) -> None:
    """Change one bit anywhere."""
    content = bytearray(file.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    file.write_bytes(bytes(content))


def flip_last(file: Path, random: Random) -> None:
    """Change one bit of the last value."""
    content = bytearray(file.read_bytes())
    content[-1 if file.suffix != ".json" else len(content) // 2] ^= 1 << random.randrange(7)
    file.write_bytes(bytes(content))


def retype(file: Path, random: Random) -> None:
    """Give the content another type, in a file that is valid."""
    if file.suffix == ".npy":
        np.save(file, np.nan_to_num(np.load(file)).astype(random.choice(["f8", "f2", "i4", ">f4"])))
    elif file.suffix == ".npz":
        with np.load(file) as saved:
            arrays = {name: saved[name] for name in saved.files}
        np.savez(file, **{name: a if a.dtype.kind == "U" else a.astype("f2") for name, a in arrays.items()})
    elif file.suffix == ".safetensors":
        _retype_weights(file)
    else:
        file.write_text(json.dumps({name: str(value) for name, value in json.loads(file.read_text()).items()}))


def reshape(file: Path, random: Random) -> None:
    """Give the content another shape or order, in a file that is valid."""
    if file.suffix == ".npy":
        array = np.load(file)
        np.save(file, random.choice([array[:-1], array.ravel(), array[::-1], np.asfortranarray(array)[..., ::-1]]))
    elif file.suffix == ".npz":
        with np.load(file) as saved:
            np.savez(
                file, **{name: saved[name][..., ::-1] if saved[name].ndim else saved[name] for name in saved.files}
            )
    elif file.suffix == ".json":
        file.write_text("[" * 100_000)
    else:
        swap_halves(file, random)


def swap_halves(file: Path, random: Random) -> None:
    content = file.read_bytes()
    half = len(content) // 2
    file.write_bytes(content[half:] + content[:half])


def remove(file: Path, random: Random) -> None:
    file.unlink()


def become_folder(file: Path, random: Random) -> None:
    file.unlink()
    file.mkdir()
    (file / "other").write_text("other")


def become_fifo(file: Path, random: Random) -> None:
    file.unlink()
    os.mkfifo(file)


def become_link_to_nowhere(file: Path, random: Random) -> None:
    file.unlink()
    file.symlink_to("nowhere")


def lose_folder(file: Path, random: Random) -> None:
    shutil.rmtree(file.parent)


def folder_becomes_file(file: Path, random: Random) -> None:
    shutil.rmtree(file.parent)
    file.parent.write_text("other")


def _retype_weights(file: Path) -> None:
    """Store the float32 tensors as int32 in the header; the bytes stay."""
    content = file.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = content[8 : 8 + size].replace(b'"F32"', b'"I32"')
    file.write_bytes(content[:8] + header + content[8 + size :])


_ALL: list[Damage] = [
    empty, truncate, shorten, extend, zero, zero_all, flip, flip_last, retype, reshape, swap_halves, remove,
    become_folder, become_fifo, become_link_to_nowhere, lose_folder, folder_becomes_file,
]  # fmt: skip

DAMAGE: dict[str, Damage] = {damage.__name__: damage for damage in _ALL if damage is not become_fifo or os.name != "nt"}
