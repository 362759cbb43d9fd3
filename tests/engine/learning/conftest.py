"""Shared helpers of these tests, made importable, and training whose checks do not depend on the clock."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from noisereel.learning import training

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def checks_without_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the loss after the same steps on a slow machine, where it would also be checked every few seconds."""
    monkeypatch.setattr(training, "_MAX_SECONDS", math.inf)
