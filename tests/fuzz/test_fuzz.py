"""All cases of damaged caches, and some kills, with a fixed seed. `make fuzz` tries many more."""

import os

import pytest

from fuzz import cache, kills

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="uses signals of POSIX systems")]


def test_damaged_caches(tmp_path):
    assert [fault for fault in cache.faults(1, 0, tmp_path) if fault] == []


def test_kills(tmp_path):
    assert [fault for fault in kills.faults(1, 20, tmp_path) if fault] == []
