"""Several denoisers mixed."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from torch import Tensor

from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.contracts.schedule import Level

__all__ = ["Blend"]

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Blend(Denoiser):
    """x̂_0 = Σ_i w_i·D_i(x_t, t): a weighted mean of what several denoisers say.

    Shows what lies between an exact denoiser and an approximation, such as ``empirical``, which remembers its data, and
    ``gaussian``, which knows their mean and covariance alone. It is the posterior mean of no data in general.
    """

    primary: ClassVar[str | None] = "of"

    of: tuple[Denoiser, ...] = Field(min_length=2)
    """The denoisers."""
    weights: tuple[Weight, ...] | None = None
    """Weight of each, taken as shares of their sum; all alike where left out."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.weights is not None and len(self.weights) != len(self.of):
            raise ValueError(
                f"'weights' must have one entry for each of the {len(self.of)} denoisers, got {len(self.weights)}"
            )
        if self.weights is not None and not any(self.weights):
            raise ValueError("'weights' must not all be 0")
        return self

    def lint(self) -> Iterator[str]:
        total = math.fsum(self.weights or (1,))
        if not math.isclose(total, 1, rel_tol=1e-6):
            yield f"'weights' sum to {total:g}, not 1; they are taken as shares of it"

    @property
    def shares(self) -> tuple[float, ...]:
        """w_i, summing to 1."""
        weights = self.weights or (1.0,) * len(self.of)
        return tuple(w / math.fsum(weights) for w in weights)

    @property
    def is_discrete(self) -> bool:
        return any(each.is_discrete for each in self.of)

    def conditional(self, ctx: DenoiserContext) -> bool:
        return any(each.conditional(ctx) for each in self.of)

    def weights_file(self, ctx: DenoiserContext) -> Path | None:
        """That of the first that has one; all are trained."""
        files = [each.weights_file(ctx) for w, each in zip(self.shares, self.of, strict=True) if w]
        return next(filter(None, files), None)

    def check(self, ctx: DenoiserContext) -> str | None:
        return next(filter(None, (each.check(ctx) for each in self.of)), None)

    def bind(self, ctx: DenoiserContext) -> Model:
        """Make the models of all that have a share."""
        parts = [(w, each.bind(ctx)) for w, each in zip(self.shares, self.of, strict=True) if w]

        def model(x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
            total = x.new_zeros(())
            for w, part in parts:
                total = total + w * part(x, level, labels)
            return total

        return model
