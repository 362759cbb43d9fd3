"""Signals during imports."""

import os
import signal

import pytest

from noisereel.cli.imports import importing

pytestmark = pytest.mark.skipif(os.name == "nt", reason="uses signals of POSIX systems")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_wait_until_imports_are_done(number: signal.Signals) -> None:
    before, done = signal.getsignal(number), False
    with pytest.raises(KeyboardInterrupt), importing():
        os.kill(os.getpid(), number)
        done = True
    assert done and signal.getsignal(number) is before


def test_a_second_one_does_not_wait() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt), importing():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        done = True
    assert not done


def test_errors_of_imports_pass() -> None:
    with pytest.raises(ImportError, match="^no$"), importing():
        raise ImportError("no")
