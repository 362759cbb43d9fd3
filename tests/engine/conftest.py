"""The command line in this process, and small scenes to try it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageSequence

SMALL = """\
dataset: {swiss-roll: {n: 120}}
schedule: {linear: {steps: 12}}
sampler: forward
film: {frames: 6, fps: 20, hold: 0, size: [160, 120]}
"""


class Done(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def noisereel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command line here, in an empty folder and with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOISEREEL_CACHE", str(tmp_path / "cache"))

    def run(*arguments: object) -> Done:
        from noisereel.cli.main import main

        with pytest.raises(SystemExit) as exit_:
            main([*map(str, arguments)])
        captured = capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return Done(exit_.value.code, captured.out, captured.err)

    return run


@pytest.fixture
def scene(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small scene, with lines added and words replaced."""

    def write(more: str = "", name: str = "scene.yaml", **changed: str) -> Path:
        text = SMALL
        for old, new in changed.items():
            line = next(line for line in text.splitlines() if line.startswith(f"{old}:"))
            text = text.replace(line, f"{old}: {new}" if new else "")
        (tmp_path / name).write_text(text + more, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., Path]:
    """Writes a plugin file from the body of a module; noisereel's names are imported."""

    def write(body: str, name: str = "mine.py") -> Path:
        (tmp_path / name).write_text(f"from noisereel import *\nfrom noisereel import hookimpl\n{body}")
        return tmp_path / name

    return write


def frames_of(path: Path) -> np.ndarray:
    """All frames of a GIF or PNG as RGBA, shape (frames, H, W, 4)."""
    with Image.open(path) as film:
        return np.stack([np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(film)])


@pytest.fixture
def pixels() -> Callable[[Path], np.ndarray]:
    """Reads all frames of a file back."""
    return frames_of


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def files() -> Callable[[Path], dict[str, bytes]]:
    """Reads all files below a folder."""
    return files_in
