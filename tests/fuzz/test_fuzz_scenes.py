"""Some mutants of the gallery's scenes, with a fixed seed. `make fuzz` tries many more."""

import os
import signal
import time

import pytest

from fuzz.mutations import Mutator
from noisereel.registry import load_registry

if os.name == "nt":
    pytest.skip("forks processes", allow_module_level=True)

from fuzz import limited, scenes


@pytest.mark.slow
def test_mutants_are_drawn_or_refused_with_their_position():
    assert [fault for fault in scenes.faults(1, 300) if fault] == []


def test_a_seed_gives_the_same_mutants():
    first, again = (Mutator(load_registry()) for _ in range(2))
    mutants = [first.mutant(5, number) for number in range(50)]
    assert mutants == [again.mutant(5, number) for number in reversed(range(50))][::-1]
    assert len({*mutants}) > 45
    assert mutants[0] != first.mutant(6, 0)


def spin(number):
    while True:
        pass


def swell(number):
    blocks = []
    while True:
        blocks.append(bytearray(b"1" * (1 << 22)))
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("case", "fault"),
    [
        (lambda number: ["fine", str(number)], ""),
        (lambda number: os.kill(os.getpid(), signal.SIGKILL), "crashed by SIGKILL"),
        (lambda number: os._exit(3), "ended without a result"),
        (lambda number: time.sleep(60), "hung for 1 s"),
        (spin, "took more than 1 s"),
        (swell, "took more than 64 MiB"),
    ],
)
def test_a_case_has_limits(case, fault, monkeypatch):
    monkeypatch.setattr(limited, "MEMORY", 64 << 20)
    if "s" in fault.split():
        monkeypatch.setattr(limited, "SECONDS" if "took" in fault else "WAIT", 1)
    ended = sorted(limited.each(3, case, 2), key=lambda end: end.number)
    assert [(end.number, end.fault) for end in ended] == [(0, fault), (1, fault), (2, fault)]
    if not fault:
        assert [end.result for end in ended] == [["fine", "0"], ["fine", "1"], ["fine", "2"]]
