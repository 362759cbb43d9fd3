"""Reading files that may be anything."""

import os
from pathlib import Path

import pytest

from noisereel.support.files import read_bytes, regular_file

SPECIAL = ["folder", "pipe", "device", "link to a device", "link to a pipe"]


def special(folder: Path, kind: str) -> Path:
    file = folder / "a"
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        return Path("/dev/zero")
    elif kind == "link to a pipe":
        os.mkfifo(folder / "b")
        file.symlink_to("b")
    else:
        file.symlink_to("/dev/zero")
    return file


@pytest.mark.parametrize("kind", SPECIAL)
def test_only_regular_files_are_read(tmp_path: Path, kind: str) -> None:
    file = special(tmp_path, kind)
    for read in (regular_file, lambda path: read_bytes(path, 10)):
        with pytest.raises(ValueError) as error:
            read(file)
        described = "folder" if kind == "folder" else "pipe or device"
        assert str(error.value) == f"{file}: must be a file, not a {described}"


def test_files_are_read_up_to_a_size(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    assert read_bytes(file, 3) == b"abc"
    assert regular_file(file, 3) == file
    with pytest.raises(ValueError, match=r"has 3\.0 kB; at most 2\.0 kB can be read") as error:
        file.write_bytes(b"x" * 3000)
        read_bytes(file, 2000)
    assert str(error.value).startswith(f"{file}: ")
    with pytest.raises(FileNotFoundError):
        regular_file(tmp_path / "b")


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs a file whose size is given as 0")
def test_a_wrong_size_does_not_matter() -> None:
    with pytest.raises(ValueError) as error:
        read_bytes(Path("/proc/cpuinfo"), 10)
    assert str(error.value) == "/proc/cpuinfo: at most 0.0 kB can be read"
