"""Limits: each case in a process of its own, which is killed when it takes too long or too much memory."""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SECONDS", "Ended", "each"]

SECONDS = 20
"""Longest processor time of a case."""
WAIT = 600
"""Longest time on the clock, on a busy machine: a case that waits for ever uses no processor time."""
MEMORY = 1 << 30
"""Most bytes that a case may add to what is imported."""


@dataclass(frozen=True)
class Ended:
    """The end of a case.

    Attributes:
        number: Number of the case.
        result: What it returned, empty if it was killed or crashed.
        fault: Why it was killed, or that it crashed; empty if it returned.
        seconds: Processor time.
        memory: Bytes added at the peak.
    """

    number: int
    result: list[str]
    fault: str
    seconds: float
    memory: int


@dataclass
class _Child:
    number: int
    pid: int
    pipe: int
    began: float
    text: bytes = b""
    fault: str = ""


def each(count: int, case: Callable[[int], list[str]], jobs: int = 2) -> Generator[Ended, None, None]:
    """Run ``case(number)`` for each number below ``count``, several at a time, and yield their ends as they come.

    Processes are forked, so that nothing is imported again, and one case cannot change another.
    """
    gc.collect()
    gc.freeze()
    base = _resident(os.getpid())
    waiting, running = iter(range(count)), dict[int, _Child]()
    try:
        while True:
            while len(running) < jobs and (number := next(waiting, None)) is not None:
                child = _start(number, case)
                running[child.pipe] = child
            if not running:
                return
            for pipe in select.select([*running], [], [], 0.05)[0]:
                if chunk := os.read(pipe, 65536):
                    running[pipe].text += chunk
                else:
                    yield _ended(running.pop(pipe), base)
            for child in running.values():
                _kill_if_over(child, base)
    finally:
        for child in running.values():  # if nobody waits for them any more
            os.kill(child.pid, signal.SIGKILL)
            _ended(child, base)


def _start(number: int, case: Callable[[int], list[str]]) -> _Child:
    reader, writer = os.pipe()
    if pid := os.fork():
        os.close(writer)
        return _Child(number, pid, reader, time.monotonic())
    try:
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(silence, stream)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        with os.fdopen(writer, "w") as pipe:
            json.dump(case(number), pipe)
    finally:
        os._exit(0)


def _kill_if_over(child: _Child, base: int) -> None:
    if time.monotonic() - child.began > WAIT:
        child.fault = f"hung for {WAIT} s"
    elif _resident(child.pid) - base > MEMORY:
        child.fault = f"took more than {MEMORY >> 20} MiB"
    if child.fault:
        os.kill(child.pid, signal.SIGKILL)


def _ended(child: _Child, base: int) -> Ended:
    os.close(child.pipe)
    _, status, usage = os.wait4(child.pid, 0)
    unit = 1 if sys.platform == "darwin" else 1024
    memory = max(0, usage.ru_maxrss * unit - base)
    fault = child.fault
    if not fault and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        fault = (
            f"took more than {SECONDS} s" if number == signal.SIGXCPU else f"crashed by {signal.Signals(number).name}"
        )
    if not fault and memory > MEMORY:
        fault = f"took more than {MEMORY >> 20} MiB"
    if not fault and not child.text:
        fault = "ended without a result"
    result = json.loads(child.text) if not fault else []
    return Ended(child.number, result, fault, usage.ru_utime + usage.ru_stime, memory)


def _resident(pid: int) -> int:
    """Return the bytes a process has in memory; 0 where that cannot be read, or once it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * resource.getpagesize()
