"""Numbers as text: never a negative zero, in any format."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import noisereel
import noisereel_builtins
from noisereel.support.numbers import number_text
from noisereel.support.template import Template

SPECS = [
    "",
    *(f"{width}{places}{kind}" for width, places, kind in product(("", "8", "+09"), ("", ".0", ".2"), "eEfFgG%")),
]
SPECS += ["d", "03d", ",d", ".2", "+", "08", "x", "#b", ",.1f", "*^9.0f", "z.1f", "<+z8.2f"]
TINY = [-0.0, -1e-12, -0.0001, -0.001, -0.004, -0.0499, np.float64(-0.0), np.float32(-0.0), np.float32(-1e-7)]


def is_negative_zero(text: str) -> bool:
    """Return whether text shows a minus sign before a number without a digit other than 0."""
    return re.search(r"−[0.,]+(?![\d.,]*[1-9])", text) is not None


@pytest.mark.parametrize("spec", SPECS)
def test_no_format_shows_a_negative_zero(spec: str) -> None:
    template = Template(f"{{t:{spec}}}" if spec else "{t}")
    texts = [text for value in TINY for text in (number_text(value, spec), template.format({"t": value}))]
    assert [text for text in texts if is_negative_zero(text)] == []


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(SPECS))
def test_numbers_read_back_as_python_shows_them(value: float, spec: str) -> None:
    plain = spec.replace("z", "")
    wanted = format(round(value) if plain and plain[-1] in "bdx" else value, plain).replace("-", "−")
    assert number_text(value, spec) == wanted or is_negative_zero(wanted)


def test_only_one_function_formats_numbers_with_a_true_minus_sign() -> None:
    """So that none of the others forgets the negative zero."""
    sources = [
        path for package in (noisereel, noisereel_builtins) for path in Path(package.__file__).parent.rglob("*.py")
    ]
    pattern = re.compile(r'replace\("-", ["\'](−|\\N)')
    assert [path.name for path in sources if pattern.search(path.read_text("utf-8"))] == ["numbers.py"]
