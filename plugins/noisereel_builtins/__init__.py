"""The plugins that noisereel brings along, registered exactly as a third party's would be.

Classes are given by where they stand, so that none is imported before a scene names it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from noisereel.hookspecs import hookimpl

__all__: list[str] = []

DATASETS = {
    "array": "noisereel_builtins.datasets.array:Array",
    "checkerboard": "noisereel_builtins.datasets.checkerboard:Checkerboard",
    "circles": "noisereel_builtins.datasets.circles:Circles",
    "clip": "noisereel_builtins.datasets.clip:Clip",
    "cross": "noisereel_builtins.datasets.cross:Cross",
    "csv": "noisereel_builtins.datasets.csv:Csv",
    "datasaurus": "noisereel_builtins.datasets.datasaurus:Datasaurus",
    "digits": "noisereel_builtins.datasets.digits:Digits",
    "disc": "noisereel_builtins.datasets.disc:Disc",
    "grid": "noisereel_builtins.datasets.grid:Grid",
    "image": "noisereel_builtins.datasets.image:Image",
    "images": "noisereel_builtins.datasets.images:Images",
    "line": "noisereel_builtins.datasets.line:Line",
    "mandrill": "noisereel_builtins.datasets.mandrill:Mandrill",
    "measurements": "noisereel_builtins.datasets.measurements:Measurements",
    "mixture": "noisereel_builtins.datasets.mixture:Mixture",
    "mnist": "noisereel_builtins.datasets.mnist:Mnist",
    "photo": "noisereel_builtins.datasets.photo:Photo",
    "picture": "noisereel_builtins.datasets.picture:Picture",
    "pinwheel": "noisereel_builtins.datasets.pinwheel:Pinwheel",
    "rings": "noisereel_builtins.datasets.rings:Rings",
    "s-curve": "noisereel_builtins.datasets.s_curve:SCurve",
    "smiley": "noisereel_builtins.datasets.smiley:Smiley",
    "spirals": "noisereel_builtins.datasets.spirals:Spirals",
    "standardised": "noisereel_builtins.datasets.standardised:Standardised",
    "swiss-roll": "noisereel_builtins.datasets.swiss_roll:SwissRoll",
    "text": "noisereel_builtins.datasets.text:Text",
    "tree": "noisereel_builtins.datasets.tree:Tree",
    "two-moons": "noisereel_builtins.datasets.two_moons:TwoMoons",
}
SCHEDULES = {
    "alpha-bars": "noisereel_builtins.schedules.alpha_bars:AlphaBars",
    "betas": "noisereel_builtins.schedules.betas:Betas",
    "cosine": "noisereel_builtins.schedules.cosine:Cosine",
    "edm": "noisereel_builtins.schedules.edm:EDM",
    "linear": "noisereel_builtins.schedules.linear:Linear",
    "log-linear": "noisereel_builtins.schedules.log_linear:LogLinear",
    "log-snr": "noisereel_builtins.schedules.log_snr:LogSNR",
    "quadratic": "noisereel_builtins.schedules.quadratic:Quadratic",
    "random-walk": "noisereel_builtins.schedules.random_walk:RandomWalk",
    "rectified-flow": "noisereel_builtins.schedules.rectified_flow:RectifiedFlow",
    "scaled-linear": "noisereel_builtins.schedules.quadratic:Quadratic",
    "sigmoid": "noisereel_builtins.schedules.sigmoid:Sigmoid",
    "sigmoid-alpha-bar": "noisereel_builtins.schedules.sigmoid_alpha_bar:SigmoidAlphaBar",
    "ve": "noisereel_builtins.schedules.ve:VE",
    "vp": "noisereel_builtins.schedules.vp:VP",
    "zero-terminal-snr": "noisereel_builtins.schedules.zero_terminal_snr:ZeroTerminalSNR",
}
SPACINGS = {
    "karras": "noisereel_builtins.spacings.karras:Karras",
    "leading": "noisereel_builtins.spacings.leading:Leading",
    "linspace": "noisereel_builtins.spacings.linspace:Linspace",
    "log-snr": "noisereel_builtins.spacings.log_snr:LogSNR",
    "quadratic": "noisereel_builtins.spacings.quadratic:Quadratic",
    "t-min": "noisereel_builtins.spacings.t_min:TMin",
    "times": "noisereel_builtins.spacings.given:Given",
    "trailing": "noisereel_builtins.spacings.trailing:Trailing",
}
DENOISERS = {
    "blend": "noisereel_builtins.denoisers.blend:Blend",
    "diffusers": "noisereel_builtins.denoisers.diffusers:Diffusers",
    "empirical": "noisereel_builtins.denoisers.empirical:Empirical",
    "gaussian": "noisereel_builtins.denoisers.gaussian:Gaussian",
    "guided": "noisereel_builtins.denoisers.guided:Guided",
    "mixture": "noisereel_builtins.denoisers.mixture:Mixture",
    "mlp": "noisereel_builtins.denoisers.mlp:Mlp",
    "oracle": "noisereel_builtins.denoisers.oracle:Oracle",
    "pretrained": "noisereel_builtins.denoisers.pretrained:Pretrained",
    "unet": "noisereel_builtins.denoisers.unet:Unet",
}
SAMPLERS = {
    "accelerated-ddim": "noisereel_builtins.samplers.accelerated_ddim:AcceleratedDDIM",
    "annealed-langevin": "noisereel_builtins.samplers.langevin:AnnealedLangevin",
    "bridge": "noisereel_builtins.samplers.bridge:Bridge",
    "ddim": "noisereel_builtins.samplers.ddim:DDIM",
    "ddim-inversion": "noisereel_builtins.samplers.ddim_inversion:DDIMInversion",
    "ddpm": "noisereel_builtins.samplers.ddpm:DDPM",
    "deis": "noisereel_builtins.samplers.deis:DEIS",
    "dpm-solver": "noisereel_builtins.samplers.dpm_solver:DPMSolver",
    "euler": "noisereel_builtins.samplers.euler:Euler",
    "euler-ancestral": "noisereel_builtins.samplers.euler_ancestral:EulerAncestral",
    "flow-euler": "noisereel_builtins.samplers.flow_euler:FlowEuler",
    "flow-heun": "noisereel_builtins.samplers.flow_heun:FlowHeun",
    "forward": "noisereel_builtins.samplers.forward:Forward",
    "forward-jump": "noisereel_builtins.samplers.forward_jump:ForwardJump",
    "heun": "noisereel_builtins.samplers.heun:Heun",
    "interpolation": "noisereel_builtins.samplers.interpolation:Interpolation",
    "karras": "noisereel_builtins.samplers.karras:Karras",
    "ode": "noisereel_builtins.samplers.ode:ODE",
    "predictor-corrector": "noisereel_builtins.samplers.predictor_corrector:PredictorCorrector",
    "repaint": "noisereel_builtins.samplers.repaint:RePaint",
    "reverse-sde": "noisereel_builtins.samplers.reverse_sde:ReverseSDE",
    "rk4": "noisereel_builtins.samplers.rk4:RK4",
    "unipc": "noisereel_builtins.samplers.unipc:UniPC",
}
METRICS = {
    "calls": "noisereel_builtins.metrics.calls:Calls",
    "energy-distance": "noisereel_builtins.metrics.energy_distance:EnergyDistance",
    "entropy": "noisereel_builtins.metrics.entropy:Entropy",
    "kl": "noisereel_builtins.metrics.kl:KL",
    "kl-density": "noisereel_builtins.metrics.kl_density:KLDensity",
    "knn-accuracy": "noisereel_builtins.metrics.knn_accuracy:KNNAccuracy",
    "l1": "noisereel_builtins.metrics.l1:L1",
    "log-likelihood": "noisereel_builtins.metrics.log_likelihood:LogLikelihood",
    "loss": "noisereel_builtins.metrics.loss:Loss",
    "mean": "noisereel_builtins.metrics.mean:Mean",
    "memorisation": "noisereel_builtins.metrics.memorisation:Memorisation",
    "mmd": "noisereel_builtins.metrics.mmd:MMD",
    "mode-coverage": "noisereel_builtins.metrics.mode_coverage:ModeCoverage",
    "near-data": "noisereel_builtins.metrics.near_data:NearData",
    "sliced-wasserstein": "noisereel_builtins.metrics.sliced_wasserstein:SlicedWasserstein",
    "snr": "noisereel_builtins.metrics.snr:SNR",
    "std": "noisereel_builtins.metrics.std:Std",
    "straightness": "noisereel_builtins.metrics.straightness:Straightness",
}
RENDERERS = {
    "contours": "noisereel_builtins.renderers.contours:Contours",
    "curve": "noisereel_builtins.renderers.curve:Curve",
    "data": "noisereel_builtins.renderers.data:Data",
    "density": "noisereel_builtins.renderers.density:Density",
    "difference": "noisereel_builtins.renderers.difference:Difference",
    "direction": "noisereel_builtins.renderers.direction:Direction",
    "embedding": "noisereel_builtins.renderers.embedding:Embedding",
    "field": "noisereel_builtins.renderers.field:Field",
    "heatmap": "noisereel_builtins.renderers.heatmap:Heatmap",
    "histogram": "noisereel_builtins.renderers.histogram:Histogram",
    "image": "noisereel_builtins.renderers.image:Image",
    "image-grid": "noisereel_builtins.renderers.image_grid:ImageGrid",
    "noise": "noisereel_builtins.renderers.noise:Noise",
    "paths": "noisereel_builtins.renderers.paths:Paths",
    "points": "noisereel_builtins.renderers.points:Points",
    "ridge": "noisereel_builtins.renderers.ridge:Ridge",
    "river": "noisereel_builtins.renderers.river:River",
    "scatter-3d": "noisereel_builtins.renderers.scatter_3d:Scatter3D",
    "schedules": "noisereel_builtins.renderers.schedules:Schedules",
    "surface": "noisereel_builtins.renderers.surface:Surface",
    "targets": "noisereel_builtins.renderers.targets:Targets",
    "text": "noisereel_builtins.renderers.text:Text",
    "trails": "noisereel_builtins.renderers.trails:Trails",
}
SUITS: dict[str, list[tuple[int | None, ...]]] = {
    "density": [(1,)],
    "points": [(2,)],
    "scatter-3d": [(3,)],
    "image": [(None, None), (None, None, 3)],
}
"""Which event shapes each renderer shows where a scene names no layers."""
WRITERS = {
    "gif": "noisereel_builtins.writers.gif:Gif",
    "mp4": "noisereel_builtins.writers.mp4:Mp4",
    "pdf": "noisereel_builtins.writers.pdf:Pdf",
    "png": "noisereel_builtins.writers.png:Png",
    "svg": "noisereel_builtins.writers.svg:Svg",
}

Register = Callable[[str, str], None]


def _all(register: Register, table: dict[str, str]) -> None:
    for name, where in table.items():
        register(name, where)


@hookimpl
def register_datasets(register: Register) -> None:
    _all(register, DATASETS)


@hookimpl
def register_schedules(register: Register) -> None:
    _all(register, SCHEDULES)


@hookimpl
def register_spacings(register: Register) -> None:
    _all(register, SPACINGS)


@hookimpl
def register_denoisers(register: Register) -> None:
    _all(register, DENOISERS)


@hookimpl
def register_samplers(register: Register) -> None:
    _all(register, SAMPLERS)


@hookimpl
def register_metrics(register: Register) -> None:
    _all(register, METRICS)


@hookimpl
def register_renderers(register: Callable[..., None]) -> None:
    for name, where in RENDERERS.items():
        register(name, where, suits=SUITS.get(name, ()))


@hookimpl
def register_writers(register: Register) -> None:
    _all(register, WRITERS)


@hookimpl
def register_scenes(register: Callable[[Path], None]) -> None:
    register(_gallery())


def _gallery() -> Path:
    """The scenes: inside the package in a wheel, at the project's root in a checkout."""
    package = Path(__file__).parent
    inside = package / "scenes"
    return inside if inside.is_dir() else package.parents[1] / "scenes"
