"""Another spacing, stopped before clean data."""

from __future__ import annotations

from pydantic import Field

from noisereel.contracts.schedule import Schedule, Spacing

from .linspace import Linspace

__all__ = ["TMin"]


class TMin(Spacing):
    """The times of another spacing, rescaled to end at t_min instead of 0: t_min + (1 − t_min/start)·t.

    Example: ``{t-min: {t: 0.01, of: quadratic}}``. It is used to compare solvers, most of which treat the last step, to
    clean data, differently.

    References:
        Song et al. (2021), arXiv:2011.13456, appendix C: sampling stops at a small ε > 0.
    """

    t: float = Field(gt=0, allow_inf_nan=False)
    """t_min, the time at which to stop; below start."""
    of: Spacing = Linspace()
    """The other spacing; evenly spaced times if omitted."""

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """Return the times of the other spacing, rescaled to end at t_min.

        Raises:
            ValueError: t_min is not below start.
        """
        if self.t >= start:
            raise ValueError(f"t must be below {start:g}, where particles begin, got {self.t:g}")
        times = self.of.times(schedule, steps, start)
        return tuple(start if t == start else self.t + (1 - self.t / start) * t for t in times)
