"""Another spacing, stopped before clean data."""

from __future__ import annotations

from pydantic import Field

from noisereel.contracts.schedule import Schedule, Spacing

from .linspace import Linspace

__all__ = ["TMin"]


class TMin(Spacing):
    """The times of another spacing, squeezed so that they end at t_min in place of 0: t_min + (1 − t_min/start)·t.

    ``{t-min: {t: 0.01, of: quadratic}}``. Solvers are compared so, for the last step to clean data has rules of its
    own in most of them.

    References:
        Song et al. (2021), arXiv:2011.13456, appendix C: sampling stops at a small ε > 0.
    """

    t: float = Field(gt=0, allow_inf_nan=False)
    """Where to stop, below where particles begin."""
    of: Spacing = Linspace()
    """The spacing of the times; even in t where left out."""

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """As many times as the other spacing gives, from its first, squeezed, to t_min.

        Raises:
            ValueError: t_min is not below start.
        """
        if self.t >= start:
            raise ValueError(f"t must be below {start:g}, where particles begin, got {self.t:g}")
        falling = self.of.times(schedule, steps, start)
        return tuple(start if t == start else self.t + (1 - self.t / start) * t for t in falling)
