"""Fuzzing: mutate scenes, damage caches and kill programs. See `make fuzz`.

python tests/fuzz/run.py PART [--seed N] [--count N]
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz import cache, kills, scenes

PARTS = {"scenes": (scenes.faults, 5000), "cache": (cache.faults, 500), "kills": (kills.faults, 200)}
"""Each part: a function of seed, count and folder that yields None for a good case, else the fault; default count."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all if omitted")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--count", type=int, help="number of cases of each part")
    options = parser.parse_args()
    if unknown := {*options.parts} - PARTS.keys():
        parser.error(f"unknown part {', '.join(unknown)}; known: {', '.join(PARTS)}")
    print(f"seed {options.seed}", flush=True)
    return max(_run(part, options.seed, options.count) for part in options.parts or PARTS)


def _run(part: str, seed: int, count: int | None) -> int:
    faults, default = PARTS[part]
    with tempfile.TemporaryDirectory() as folder:
        found = list(_shown(part, faults(seed, count or default, Path(folder))))
    bad = sum(fault is not None for fault in found)
    print(f"{part}: {len(found)} cases, {bad} faults", flush=True)
    return int(bad > 0)


def _shown(part: str, faults: Iterator[str | None]) -> Iterator[str | None]:
    for fault in faults:
        if fault is not None:
            print(f"{part}: {fault}", flush=True)
        yield fault


if __name__ == "__main__":
    sys.exit(main())
