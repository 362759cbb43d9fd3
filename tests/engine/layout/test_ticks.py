"""Ticks: always 3–5 round numbers, and labels that match their positions."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, strategies as st

from noisereel.layout.axis import x_ticks, y_ticks
from noisereel.layout.ticks import candidates, ticks

_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-", ",")


@st.composite
def ranges(draw: st.DrawFn) -> tuple[float, float]:
    """Draw limits of an axis whose length is not tiny compared with its numbers."""
    low = draw(st.floats(-1e9, 1e9))
    length = draw(st.floats(1e-9, 1e9))
    assume(length > 1e-6 * abs(low))
    return low, low + length


def number(label: str) -> float:
    """Return the number that a label shows."""
    mantissa, _, power = label.translate(_SUPERSCRIPTS).partition("×10")
    return float(mantissa) * 10.0 ** int(power or 0)


@given(ranges())
def test_every_option_has_three_to_five_ascending_numbers_within_the_limits(limits: tuple[float, float]) -> None:
    low, high = limits
    options = candidates(low, high)
    assert options
    for option in options:
        assert 3 <= len(option.values) <= 5
        assert low <= option.values[0] and option.values[-1] <= high
        steps = [b - a for a, b in zip(option.values, option.values[1:], strict=False)]
        assert min(steps) > 0 and max(steps) == pytest.approx(min(steps), rel=1e-3)


@given(ranges())
def test_labels_match_their_positions(limits: tuple[float, float]) -> None:
    for option in candidates(*limits):
        for value, label in zip(option.values, option.labels, strict=True):
            assert number(label) == pytest.approx(value, abs=1e-6 * (limits[1] - limits[0]))
            assert "-" not in label


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1000, ["0", "250", "500", "750", "1000"]),
        (0, 50, ["0", "25", "50"]),
        (-3.54, 4.4, ["−2", "0", "2", "4"]),
        (-0.03, 1.03, ["0.0", "0.5", "1.0"]),
        (1, -1, ["−1", "0", "1"]),
        (0, 100_000, ["0", "25,000", "50,000", "75,000", "100,000"]),
        (0, 2e-6, ["0", "5×10⁻⁷", "1.0×10⁻⁶", "1.5×10⁻⁶", "2.0×10⁻⁶"]),
        (1_000_000, 1_000_004, ["1,000,000", "1,000,001", "1,000,002", "1,000,003", "1,000,004"]),
    ],
)
def test_labels_that_people_would_choose(low: float, high: float, labels: list[str]) -> None:
    assert list(ticks(low, high).labels) == labels


def test_less_room_means_fewer_labels() -> None:
    counts = [len(x_ticks((0, 1000), length).values) for length in (400, 160, 90, 30)]
    assert counts == [5, 3, 2, 1]
    assert [len(y_ticks((0, 1000), length).values) for length in (200, 60, 30, 10)] == [5, 3, 2, 1]
