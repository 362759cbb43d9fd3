"""Fixtures that run the command line in this process, on small scenes and plugins."""

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
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def noisereel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command line in this process, in an empty folder and with a new cache."""
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
    """Return a function that writes a small scene, with lines added and values replaced or removed."""

    def write(more: str = "", name: str = "scene.yaml", **changes: str) -> Path:
        text = SMALL
        for key, value in changes.items():
            line = next(line for line in text.splitlines() if line.startswith(f"{key}:"))
            text = text.replace(line, f"{key}: {value}" if value else "")
        (tmp_path / name).write_text(text + more, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a plugin file from a module's body; noisereel's names are imported."""

    def write(body: str, name: str = "mine.py") -> Path:
        (tmp_path / name).write_text(f"from noisereel import *\nfrom noisereel import hookimpl\n{body}")
        return tmp_path / name

    return write


def frames_of(path: Path) -> np.ndarray:
    """Return all frames of a GIF or PNG as RGBA, shape (frames, H, W, 4)."""
    with Image.open(path) as film:
        return np.stack([np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(film)])


@pytest.fixture
def pixels() -> Callable[[Path], np.ndarray]:
    """Return a function that reads all frames of a file."""
    return frames_of


def files_in(folder: Path) -> dict[str, bytes]:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture
def files() -> Callable[[Path], dict[str, bytes]]:
    """Return a function that reads all files below a folder."""
    return files_in
