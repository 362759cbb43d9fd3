"""A weighted mean of several denoisers."""

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
    """A weighted mean of several denoisers, x̂_0 = Σ_i w_i·D_i(x_t, t).

    It interpolates between an exact denoiser and an approximation, such as ``empirical``, which memorises the data, and
    ``gaussian``, which only uses their mean and covariance. In general, it is not the posterior mean of any data.
    """

    primary: ClassVar[str | None] = "of"

    of: tuple[Denoiser, ...] = Field(min_length=2)
    """The denoisers."""
    weights: tuple[Weight, ...] | None = None
    """Weight of each denoiser; they are normalised to sum to 1, and equal if omitted."""

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
            yield f"'weights' sum to {total:g}, not 1; they are normalised"

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights w_i, which sum to 1."""
        weights = self.weights or (1.0,) * len(self.of)
        return tuple(w / math.fsum(weights) for w in weights)

    @property
    def is_discrete(self) -> bool:
        return any(denoiser.is_discrete for denoiser in self.of)

    def conditional(self, ctx: DenoiserContext) -> bool:
        return any(denoiser.conditional(ctx) for denoiser in self.of)

    def weights_file(self, ctx: DenoiserContext) -> Path | None:
        """Return the file of the first denoiser that has one, after training all of them."""
        files = [denoiser.weights_file(ctx) for w, denoiser in zip(self.shares, self.of, strict=True) if w]
        return next(filter(None, files), None)

    def check(self, ctx: DenoiserContext) -> str | None:
        return next(filter(None, (denoiser.check(ctx) for denoiser in self.of)), None)

    def bind(self, ctx: DenoiserContext) -> Model:
        """Build the models of all denoisers with a positive weight."""
        parts = [(w, denoiser.bind(ctx)) for w, denoiser in zip(self.shares, self.of, strict=True) if w]

        def model(x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
            total = x.new_zeros(())
            for w, part in parts:
                total = total + w * part(x, level, labels)
            return total

        return model
