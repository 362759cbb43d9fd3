"""Formulas that would take too long or too deep a stack are refused before they are typeset."""

from __future__ import annotations

import time

import pytest

from noisereel.support.template import Template, formula_fault

DEEP = [rf"\{name}{{" for name in ("sqrt", "hat", "mathrm", "overline")] + [
    "{",
    "x^{",
    "a_{",
    r"\frac{1}{",
    r"\sqrt[3]{",
]


@pytest.mark.parametrize("opening", DEEP)
@pytest.mark.parametrize("depth", [13, 30])
def test_depth(opening, depth):
    began = time.process_time()
    assert "nested too deeply" in str(formula_fault("$" + opening * depth + "x" + "}" * depth + "$"))
    assert time.process_time() - began < 5
    assert formula_fault("$" + opening * 5 + "x" + "}" * 5 + "$") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$" + "a" * 600 + "$", "a formula of 600 characters is too long: at most 500"),
        ("$" + "a" * 30_000 + "$", "a line of 30,002 characters is too long: at most 2,000"),
        ("a" * 30_000, "a line of 30,000 characters is too long: at most 2,000"),
        ("fine\n" + "a" * 30_000, "a line of 30,000 characters is too long: at most 2,000"),
        (r"$\hspace{1e14}$", r"\hspace{1e14} is too wide: at most 20"),
        (r"$a\hspace {-99}b$", r"\hspace{-99} is too wide: at most 20"),
        ("$" + r"\sqrt" * 30 + " x$", "a formula is nested too deeply: at most 12 levels"),
        ("$" + r"\sqrt " * 30 + " x$", "a formula is nested too deeply: at most 12 levels"),
    ],
)
def test_length(text, reason):
    assert formula_fault(text) == reason
    assert Template(text).fault() == reason


USUAL = [
    r"$\sigma=\sqrt{1-\bar\alpha_t}$",
    r"$x_{t-1}$ at t = 5",
    "a" * 1_000,
    r"$\hspace{2}$",
    r"$\alpha\beta\gamma\delta\epsilon\zeta\eta\theta\iota\kappa\lambda\mu\nu\xi$",
]


@pytest.mark.parametrize("text", USUAL)
def test_what_is_usual_passes(text):
    assert formula_fault(text) is None
