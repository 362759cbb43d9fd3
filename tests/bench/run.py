"""All tables of docs/performance.md: ``make bench``, or ``python tests/bench/run.py drawing startup`` for some."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # for both sides, as noisereel sets it; before torch is imported
sys.path.insert(0, str(Path(__file__).parent))

from common import table

PARTS = {
    "drawing": "Drawing",
    "pictures": "Pictures",
    "encoding": "Encoding",
    "memory": "Memory",
    "empirical": "The empirical denoiser",
    "mixture": "The mixture's denoiser",
    "loops": "The timestep loop",
    "learning": "Learning",
    "startup": "Starting up",
    "api": "The Python API",
}


def main(names: list[str]) -> None:
    """Print the tables of the named parts; of all if none is named."""
    for name in names or PARTS:
        rows = list(importlib.import_module(name).rows())
        print(f"## {PARTS[name]}\n\n{table(rows)}\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
