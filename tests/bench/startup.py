"""Starting up: the time before anything happens."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from common import Row, compare

EAGER = "import torch, matplotlib.pyplot, sklearn.datasets, av, pydantic, ruamel.yaml, tqdm, click, pluggy"


def rows() -> Iterator[Row]:
    """Time ``--help`` against importing everything that a render may need."""

    def run(*words: str) -> None:
        subprocess.run([sys.executable, *words], check=True, capture_output=True)

    a, b = compare(lambda: run("-m", "noisereel", "--help"), lambda: run("-c", EAGER), 5)
    yield Row("`noisereel --help`, against an eager import of everything", a, b, "20×")
