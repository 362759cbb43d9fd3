"""Writers under failure: full disks, file-size limits, interrupts; nothing is mocked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from noisereel.contracts.writer import Frame, Writer, WriterContext
from noisereel.output.files import opened
from noisereel.support.errors import NoisereelError
from noisereel.support.files import atomic_write
from noisereel_builtins.writers.gif import Gif
from noisereel_builtins.writers.mp4 import Mp4
from noisereel_builtins.writers.png import Png

WRITERS: dict[str, Writer] = {"gif": Gif(), "mp4": Mp4(), "png": Png()}
SIZE = (96, 64)
every_writer = pytest.mark.parametrize("suffix", WRITERS)


def frames(suffix: str, count: int = 60) -> Iterator[Frame]:
    """Yield frames of noise, which no encoder compresses well."""
    draw = np.random.default_rng(0)
    for i in range(1 if WRITERS[suffix].still else count):
        yield Frame(i, Fraction(1, 25), draw.integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8))


def film(path: Path, part: Path, stop: BaseException | None = None) -> None:
    ctx = WriterContext(part, SIZE, Fraction(25))
    with opened(WRITERS[path.suffix[1:]], ctx, path) as sink:
        for frame in frames(path.suffix[1:]):
            sink.write(frame)
        if stop is not None:
            raise stop


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@every_writer
def test_a_full_disk_is_one_clear_line(suffix: str) -> None:
    path = Path(f"renders/film.{suffix}")
    with pytest.raises(NoisereelError) as error:
        film(path, Path("/dev/full"))
    assert str(error.value) == f"cannot write {path}: No space left on device"


@every_writer
@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError("a bug in marks")])
def test_a_failure_in_the_middle_leaves_the_earlier_file(tmp_path: Path, suffix: str, stop: BaseException) -> None:
    path = tmp_path / f"film.{suffix}"
    path.write_bytes(b"earlier")
    with pytest.raises(type(stop)) as error, atomic_write(path) as part:
        film(path, part, stop)
    assert error.value is stop
    assert [file.name for file in tmp_path.iterdir()] == [path.name] and path.read_bytes() == b"earlier"


@every_writer
def test_success_replaces_the_earlier_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    path.write_bytes(b"earlier")
    with atomic_write(path) as part:
        film(path, part)
    assert [file.name for file in tmp_path.iterdir()] == [path.name] and path.stat().st_size > 5000


@pytest.mark.skipif(os.name == "nt", reason="limits the size of files, as POSIX systems can")
@every_writer
def test_a_disk_that_fills_up_while_writing(tmp_path: Path, suffix: str) -> None:
    # A limit on file sizes stands in for a full disk; it is set in another process so that it does not affect this one.
    with atomic_write(tmp_path / f"whole.{suffix}") as part:
        film(tmp_path / f"whole.{suffix}", part)
    size = (tmp_path / f"whole.{suffix}").stat().st_size
    limits = [size // 50, size // 2, size - 1]  # in the first frame, in the middle, in the last byte
    path = tmp_path / f"film.{suffix}"
    path.write_bytes(b"earlier")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    code = f"import test_writers_faults as t; t.limited({str(path)!r}, {limits})"
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, env=env, check=False)
    assert (done.stdout, done.stderr) == (f"cannot write {path}: File too large\n" * 3, "")
    assert {file.name for file in tmp_path.iterdir()} == {f"whole.{suffix}", path.name}
    assert path.read_bytes() == b"earlier"


def limited(path: str, limits: Sequence[int]) -> None:
    """Write the film under each limit on the size of files, in bytes, and print the errors."""
    import resource

    _, hard_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in limits:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard_limit))
        try:
            with atomic_write(Path(path)) as part:
                film(Path(path), part)
        except NoisereelError as error:
            print(error, flush=True)
