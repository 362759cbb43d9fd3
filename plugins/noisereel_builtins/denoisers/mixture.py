"""The exact denoiser of a mixture of Gaussians."""

from torch import Tensor

from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.contracts.schedule import Level

from ..datasets.mixtures.gaussian_mixture import GaussianMixture

__all__ = ["Mixture"]


class Mixture(Denoiser):
    """The exact posterior mean E[x_0 | x_t] under the Gaussian mixture that the data were drawn from; no training.

    x̂_0 = Σ_k p(k|x_t)·(μ_k + α_t·Σ_k·(α_t²·Σ_k + σ_t²·I)⁻¹·(x_t − α_t·μ_k)) with
    p(k|x_t) ∝ w_k·N(x_t; α_t·μ_k, α_t²·Σ_k + σ_t²·I). A reverse process that follows it gives new samples of the
    mixture, whereas ``empirical`` gives the data again. For the data sets ``mixture`` and ``grid``, also if
    ``standardised``.

    References:
        Luo (2022), arXiv:2208.11970, section "Tweedie's formula", here applied to a mixture.
    """

    def check(self, ctx: DenoiserContext) -> str | None:
        if isinstance(ctx.data.density, GaussianMixture):
            return None
        return "the mixture denoiser needs data drawn from a mixture of Gaussians, such as mixture or grid"

    def bind(self, ctx: DenoiserContext) -> Model:
        """Build the model of the data's distribution.

        Raises:
            ValueError: The data are not drawn from a mixture.
        """
        law = ctx.data.density
        if not isinstance(law, GaussianMixture):
            raise ValueError(self.check(ctx))
        law = law.to(ctx.device)

        def model(x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
            return law.posterior_mean(x, level)

        return model
