"""Models saved by the library diffusers."""

from __future__ import annotations

import inspect
import json
import math
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.contracts.schedule import Level
from noisereel.learning import PREDICTIONS
from noisereel.support.errors import first_line
from noisereel.support.files import read_bytes

from ..optional_deps import need

__all__ = ["Diffusers"]

_LARGEST_CONFIG = 10_000_000  # bytes
_KINDS = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
_SCHEDULERS = (
    *("DDPM", "DDPMParallel", "DDIM", "DDIMParallel", "PNDM", "DPMSolverMultistep", "DPMSolverSinglestep"),
    *("DEISMultistep", "UniPCMultistep", "SASolver", "EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete"),
    *("KDPM2Discrete", "KDPM2AncestralDiscrete", "LMSDiscrete"),
)
"""Classes of schedulers, without "Scheduler", whose networks are trained on ᾱ at whole indices."""

_ONLY: dict[str, dict[str, tuple[Any, ...]]] = {
    "unet": {
        "class_embed_type": (None,),
        "num_class_embeds": (None,),
        "time_embedding_type": ("positional", "learned"),
    },
    "scheduler": {
        "prediction_type": tuple(_KINDS),
        "thresholding": (False, None),
        "use_flow_sigmas": (False, None),
        "timestep_type": ("discrete",),
        "variance_type": ("fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", None),
    },
}
"""Values that are supported of settings that change what a network's input or output means; of others, all are."""

_NAMES = {"linear": "linear", "scaled_linear": "scaled-linear", "squaredcos_cap_v2": "cosine"}


class Diffusers(Denoiser):
    """A UNet2DModel from a local folder, saved by diffusers together with its scheduler; nothing is downloaded.

    The network is evaluated at its own index i = t − 1, and its output interpreted by the scheduler's
    ``prediction_type``. x̂_0 is clipped if the scheduler clips, and ε̂ follows from the clipped x̂_0 (its
    ``use_clipped_model_output``). The run's schedule must equal the scheduler's; if not, the error shows how to write
    it. Settings of the folder that would change x̂_0 in another way, such as classes or thresholding, are refused. How
    its scheduler samples is ignored: the run's sampler and spacing do that. Weights are only read from safetensors
    files.
    """

    primary: ClassVar[str | None] = "folder"

    folder: Path
    """Folder of a pipeline, with ``unet`` and ``scheduler`` in it; relative to the scene's folder."""

    def inputs(self, folder: Path) -> tuple[Path, ...]:
        return tuple(sorted(file for file in self._home(folder).rglob("*") if file.is_file()))

    def check(self, ctx: DenoiserContext) -> str | None:
        try:
            unet, scheduler = self._config(ctx, "unet"), self._config(ctx, "scheduler")
            need("diffusers", "denoiser diffusers", "noisereel[diffusers]")
        except ValueError as error:
            return str(error)
        if message := _unsupported(unet, scheduler):
            return f"{self.folder}: {message}"
        event_shape, channels = ctx.data.event_shape, unet.get("in_channels", 3)
        if len(event_shape) not in (2, 3) or (1 if len(event_shape) == 2 else event_shape[2]) != channels:
            expected = f"the network needs images with {channels} channel{'' if channels == 1 else 's'}"
            return f"{self.folder}: {expected}, but the data has event shape {event_shape}"
        halvings = len(unet.get("block_out_channels", (224, 448, 672, 896))) - 1
        if any(side % 2**halvings for side in event_shape[:2]):
            expected = f"the network needs images whose sides are multiples of {2**halvings}"
            return f"{self.folder}: {expected}, but the data has event shape {event_shape}"
        return self._schedule_mismatch(ctx, scheduler)

    def bind(self, ctx: DenoiserContext) -> Model:
        """Load the network.

        Raises:
            ValueError: diffusers is not installed, or the folder contains no such network.
        """
        library: Any = need("diffusers", "denoiser diffusers", "noisereel[diffusers]")
        scheduler = _with_defaults(self._config(ctx, "scheduler"))
        try:
            network = library.UNet2DModel.from_pretrained(
                str(self._home(ctx.folder) / "unet"), use_safetensors=True, local_files_only=True
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ValueError(f"{self.folder}: its network cannot be loaded: {first_line(error)}") from error
        network = network.to(ctx.device).requires_grad_(False).eval()
        evaluate = ctx.training.compile(network)
        x0_of = PREDICTIONS[_KINDS[scheduler.get("prediction_type", "epsilon")]].x0
        limit = scheduler.get("clip_sample_range", 1.0) if scheduler.get("clip_sample", False) else None

        def model(x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
            if level.sigma == 0:
                return x / level.alpha
            pixels = x[:, None] if x.ndim == 3 else x.movedim(3, 1)
            output = evaluate(pixels, torch.tensor(level.t - 1, device=x.device), None, False)[0]
            x0 = x0_of(x, output[:, 0] if x.ndim == 3 else output.movedim(1, 3), level.alpha, level.sigma)
            return x0 if limit is None else x0.clamp(-limit, limit)

        return model

    def _home(self, scene: Path) -> Path:
        return scene / self.folder.expanduser()

    def _config(self, ctx: DenoiserContext, part: str) -> dict[str, Any]:
        """Return the configuration of one part of the pipeline.

        Raises:
            ValueError: There is none, or it cannot be read.
        """
        file = self._home(ctx.folder) / part / ("config.json" if part == "unet" else f"{part}_config.json")
        try:
            config = json.loads(read_bytes(file, _LARGEST_CONFIG))
        except FileNotFoundError:
            message = f"contains no {part}/{file.name}; give the folder of a pipeline saved by diffusers"
            raise ValueError(f"{self.folder}: {message}") from None
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"{self.folder}: {part}/{file.name} cannot be read: {error}") from error
        return dict(config)

    def _schedule_mismatch(self, ctx: DenoiserContext, scheduler: dict[str, Any]) -> str | None:
        """Return an error message if ᾱ of the run's schedule and of the scheduler differ at any index, else None."""
        library: Any = need("diffusers", "denoiser diffusers", "noisereel[diffusers]")
        alpha_bars = library.DDPMScheduler.from_config(_with_defaults(scheduler)).alphas_cumprod.tolist()
        same = len(alpha_bars) == ctx.schedule.T and all(
            math.isclose(ctx.schedule.at(float(t)).alpha ** 2, alpha_bar, rel_tol=1e-4, abs_tol=1e-7)
            for t, alpha_bar in enumerate(alpha_bars, 1)
        )
        if same:
            return None
        return f"{self.folder} was trained with another schedule: write 'schedule: {_as_in_scene(scheduler)}'"


def _unsupported(unet: dict[str, Any], scheduler: dict[str, Any]) -> str | None:
    """Return which setting of a pipeline is not supported, with its value, or None."""
    if (network := unet.get("_class_name", "UNet2DModel")) != "UNet2DModel":
        return f"its network is a {network}; only a UNet2DModel is supported"
    name = scheduler.get("_class_name", "DDPMScheduler")
    if name.removesuffix("Scheduler") not in _SCHEDULERS:
        return f"its scheduler is a {name}, which is not supported; supported: {', '.join(_SCHEDULERS)}"
    for part, config in (("unet", unet), ("scheduler", _with_defaults(scheduler))):
        for setting, values in _ONLY[part].items():
            if setting in config and config[setting] not in values:
                known = ", ".join(json.dumps(value) for value in values)
                return f"{part}: {setting} {json.dumps(config[setting])} is not supported; supported: {known}"
    if unet.get("out_channels", 3) != unet.get("in_channels", 3):
        return "unet: out_channels must equal in_channels: a learned variance is not supported"
    return None


def _with_defaults(scheduler: dict[str, Any]) -> dict[str, Any]:
    """Return a scheduler's configuration with its class's defaults for what is omitted, such as DDPM's clipping."""
    library: Any = need("diffusers", "denoiser diffusers", "noisereel[diffusers]")
    cls = getattr(library, scheduler.get("_class_name", "DDPMScheduler"))
    parameters = inspect.signature(cls.__init__).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    return defaults | scheduler


def _as_in_scene(scheduler: dict[str, Any]) -> str:
    """Return a scheduler's schedule as a scene would write it."""
    steps, kind = scheduler.get("num_train_timesteps", 1000), scheduler.get("beta_schedule", "linear")
    if scheduler.get("trained_betas") is not None:
        return "{betas: [its trained_betas]}"
    if kind not in _NAMES:
        return f"{{betas: [the betas of its beta_schedule '{kind}']}}"
    ends = f", beta_start: {scheduler.get('beta_start', 1e-4)}, beta_end: {scheduler.get('beta_end', 0.02)}"
    schedule = f"{{{_NAMES[kind]}: {{steps: {steps}{'' if kind == 'squaredcos_cap_v2' else ends}}}}}"
    return f"{{zero-terminal-snr: {schedule}}}" if scheduler.get("rescale_betas_zero_snr") else schedule
