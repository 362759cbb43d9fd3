"""Kill renders and training at random moments: nothing is left or lost, and the next one gives the same film."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from .cache import SCENES

__all__ = ["faults"]

SIGNALS = [signal.SIGINT, signal.SIGTERM] + ([signal.SIGKILL] if hasattr(signal, "SIGKILL") else [])


class Killed:
    """A scene that is rendered again and again with one cache, and killed.

    Args:
        name: Its name in `SCENES`.
        folder: An empty folder to work in.
    """

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.name, self._folder, self._rounds = name, folder, 0
        text = SCENES[name].replace("frames: 4", "frames: 30").replace("steps: 20", "steps: 400")
        (folder / "scene.yaml").write_text(text)
        began = time.monotonic()
        assert self._start("expected").wait() == 0
        self._seconds = time.monotonic() - began
        self._expected = (folder / "a.gif").read_bytes()

    def fault(self, number: signal.Signals, random: Random) -> str | None:
        """Kill a render, then let one end; returns what is wrong, or None."""
        self._rounds += random.random() < 0.5  # else the cache of the killed one before
        cache = f"cache-{self._rounds}"
        (self._folder / "a.gif").write_bytes(b"earlier")
        delay = random.uniform(0, self._seconds)
        process = self._start(cache)
        time.sleep(delay)
        process.send_signal(number)
        _, err = process.communicate(timeout=120)
        case = f"{self.name}, {number.name} after {delay:.2f} s"
        if wrong := self._wrong(process, err, number):
            return f"{case}: {wrong}"
        again = self._start(cache)
        _, err = again.communicate(timeout=300)
        if again.returncode != 0 or "Traceback" in err:
            return f"{case}: the next render ends with {again.returncode}: {err}"
        return None if self._film() == self._expected else f"{case}: the next film differs"

    def _wrong(self, process: subprocess.Popen[str], err: str, number: signal.Signals) -> str | None:
        code = process.returncode
        allowed = {0, -int(number)} if number == getattr(signal, "SIGKILL", None) else {0, 130, -int(number)}
        if err.strip() == "interrupted":
            # Under `python -m`, Python ends by SIGINT if a KeyboardInterrupt, even one handled since, left an exec.
            allowed.add(-int(signal.SIGINT))
        if code not in allowed or ("Traceback" in err and code != -int(signal.SIGINT) and "noisereel/cli" in err):
            return f"ends with {code}: {err}"
        # A signal may arrive after the film is in place, while the program exits; it is never anything in between.
        if self._film() not in ([self._expected] if code == 0 else [self._expected, b"earlier"]):
            return f"ends with {code} and leaves another film"
        # Its own parts only: those of one that SIGKILL ended stay for an hour.
        parts = [
            path.name for path in self._folder.iterdir() if f".{process.pid}" in path.name and ".part" in path.name
        ]
        return f"leaves {parts[0]}" if parts and code != -9 else None

    def _film(self) -> bytes:
        return (self._folder / "a.gif").read_bytes()

    def _start(self, cache: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "noisereel", "render", "scene.yaml", "-o", "a.gif", "-j", "1"]
        return subprocess.Popen(
            command,
            cwd=self._folder,
            env={**os.environ, "NOISEREEL_CACHE": str(self._folder / cache)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=None if os.name == "nt" else _obey_ctrl_c,
        )


def _obey_ctrl_c() -> None:
    """Restore the handling of Ctrl-C, which is ignored in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def faults(seed: int, count: int, folder: Path) -> Iterator[str | None]:
    """Yield the outcome of killing renders of each scene in turn, with each signal in turn."""
    random = Random(seed)
    killed = [Killed(name, folder / name) for name in ("run", "network", "training")]
    for i in range(count):
        yield killed[i % len(killed)].fault(SIGNALS[i // len(killed) % len(SIGNALS)], random)
