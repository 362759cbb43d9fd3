"""Memory: peak private memory of whole renders, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from tempfile import TemporaryDirectory

from common import Row

CHILD = """
import sys, threading, time
from pathlib import Path
from noisereel.cli import main

def private():
    # Anonymous pages only: those of memory-mapped arrays belong to their file, and the system can reclaim them.
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))

def watch():
    global peak
    while True:
        peak = max(peak, private())
        time.sleep(0.01)

peak = 0
threading.Thread(target=watch, daemon=True).start()
try:
    main(sys.argv[1:])
finally:
    print("peak", peak)
"""


def peak(frames: int, folder: str) -> float:
    """Return the peak private memory of a render with this number of frames, in MiB."""
    words = ["render", "swiss-roll-forward", "-o", f"{folder}/{frames}.mp4", "--size", "640x480", "--no-cache"]
    command = [sys.executable, "-c", CHILD, *words, "--set", f"film.frames={frames}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.rsplit("peak", 1)[1]) / 1024


def rows() -> Iterator[Row]:
    """Compare 1,000 frames with 50."""
    with TemporaryDirectory() as folder:
        few, many = peak(50, folder), peak(1000, folder)
    yield Row("peak private memory, 1,000 frames above 50", many - few, None, "≤ 16 MiB", f"{few:.0f} MiB at 50", "MiB")
