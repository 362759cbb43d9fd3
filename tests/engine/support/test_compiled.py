"""--compile: the same film, a summary of the time spent and saved, and a fallback if compilation fails."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

SCENE = """\
dataset: {two-moons: {n: 300}}
schedule: {linear: {steps: 20}}
denoiser: {mlp: {width: 16, depth: 1, steps: 20}}
sampler: ddim
particles: 100
film: {size: [160, 120]}
"""


def still(folder, name, *more, **environment):
    command = [sys.executable, "-m", "noisereel", "still", "s.yaml", "-o", name, *more]
    variables = {**os.environ, "NOISEREEL_CACHE": str(folder / "cache"), **environment}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=True)
    return done, np.asarray(Image.open(folder / name).convert("RGB"), int)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_the_frames_are_the_same_and_the_summary_gives_the_times(tmp_path):
    (tmp_path / "s.yaml").write_text(SCENE)
    plain, expected = still(tmp_path, "a.png")
    done, compiled = still(tmp_path, "b.png", "--compile")
    assert "compiled" not in plain.stdout
    assert re.search(r", compiled in \d+\.\d s, (saved|lost) \d+\.\d s in 19 calls, ", done.stdout)
    assert done.stderr == ""
    # Rounding moves points by less than a visible amount.
    assert np.abs(compiled - expected).max() <= 8
    assert (compiled != expected).mean() < 0.01


def test_a_failed_compilation_falls_back_to_plain_code(tmp_path):
    (tmp_path / "s.yaml").write_text(SCENE)
    _, expected = still(tmp_path, "a.png")
    done, frame = still(tmp_path, "b.png", "--compile", CXX="/nowhere", TORCHINDUCTOR_CACHE_DIR=str(tmp_path / "torch"))
    assert done.stderr.startswith("warning: not compiled: ") and done.stderr.count("\n") == 1
    assert "compiled" not in done.stdout
    assert (frame == expected).all()
