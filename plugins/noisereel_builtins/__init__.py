"""The built-in plugins, registered exactly like third-party ones.

Classes are registered as strings, so that none is imported before a scene names it. They can also be imported by kind,
as in ``from noisereel_builtins.samplers import DDIM``; these names come from the same tables.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from noisereel.registry import hookimpl

__all__: list[str] = []

DATASETS = {
    "array": "noisereel_builtins.datasets.tables.array:Array",
    "checkerboard": "noisereel_builtins.datasets.shapes.checkerboard:Checkerboard",
    "circles": "noisereel_builtins.datasets.shapes.circles:Circles",
    "clip": "noisereel_builtins.datasets.images.clip:Clip",
    "cross": "noisereel_builtins.datasets.shapes.cross:Cross",
    "csv": "noisereel_builtins.datasets.tables.csv:Csv",
    "datasaurus": "noisereel_builtins.datasets.shapes.datasaurus:Datasaurus",
    "digits": "noisereel_builtins.datasets.images.digits:Digits",
    "disc": "noisereel_builtins.datasets.shapes.disc:Disc",
    "grid": "noisereel_builtins.datasets.mixtures.grid:Grid",
    "image": "noisereel_builtins.datasets.images.image:Image",
    "images": "noisereel_builtins.datasets.images.images:Images",
    "line": "noisereel_builtins.datasets.shapes.line:Line",
    "mandrill": "noisereel_builtins.datasets.images.mandrill:Mandrill",
    "measurements": "noisereel_builtins.datasets.tables.measurements:Measurements",
    "mixture": "noisereel_builtins.datasets.mixtures.mixture:Mixture",
    "mnist": "noisereel_builtins.datasets.images.mnist:Mnist",
    "photo": "noisereel_builtins.datasets.images.photo:Photo",
    "picture": "noisereel_builtins.datasets.shapes.picture:Picture",
    "pinwheel": "noisereel_builtins.datasets.shapes.pinwheel:Pinwheel",
    "rings": "noisereel_builtins.datasets.shapes.rings:Rings",
    "s-curve": "noisereel_builtins.datasets.shapes.s_curve:SCurve",
    "smiley": "noisereel_builtins.datasets.shapes.smiley:Smiley",
    "spirals": "noisereel_builtins.datasets.shapes.spirals:Spirals",
    "standardised": "noisereel_builtins.datasets.standardised:Standardised",
    "swiss-roll": "noisereel_builtins.datasets.shapes.swiss_roll:SwissRoll",
    "text": "noisereel_builtins.datasets.shapes.text:Text",
    "tree": "noisereel_builtins.datasets.shapes.tree:Tree",
    "two-moons": "noisereel_builtins.datasets.shapes.two_moons:TwoMoons",
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
    "accelerated-ddim": "noisereel_builtins.samplers.ancestral.accelerated_ddim:AcceleratedDDIM",
    "annealed-langevin": "noisereel_builtins.samplers.sde.langevin:AnnealedLangevin",
    "bridge": "noisereel_builtins.samplers.forward.bridge:Bridge",
    "ddim": "noisereel_builtins.samplers.ancestral.ddim:DDIM",
    "ddim-inversion": "noisereel_builtins.samplers.ancestral.ddim_inversion:DDIMInversion",
    "ddpm": "noisereel_builtins.samplers.ancestral.ddpm:DDPM",
    "deis": "noisereel_builtins.samplers.ode.deis:DEIS",
    "dpm-solver": "noisereel_builtins.samplers.ode.dpm_solver:DPMSolver",
    "euler": "noisereel_builtins.samplers.ode.euler:Euler",
    "euler-ancestral": "noisereel_builtins.samplers.sde.euler_ancestral:EulerAncestral",
    "flow-euler": "noisereel_builtins.samplers.ode.flow_euler:FlowEuler",
    "flow-heun": "noisereel_builtins.samplers.ode.flow_heun:FlowHeun",
    "forward": "noisereel_builtins.samplers.forward.forward:Forward",
    "forward-jump": "noisereel_builtins.samplers.forward.forward_jump:ForwardJump",
    "heun": "noisereel_builtins.samplers.ode.heun:Heun",
    "interpolation": "noisereel_builtins.samplers.forward.interpolation:Interpolation",
    "karras": "noisereel_builtins.samplers.sde.karras:Karras",
    "ode": "noisereel_builtins.samplers.ode.ode:ODE",
    "predictor-corrector": "noisereel_builtins.samplers.sde.predictor_corrector:PredictorCorrector",
    "repaint": "noisereel_builtins.samplers.ancestral.repaint:RePaint",
    "reverse-sde": "noisereel_builtins.samplers.sde.reverse_sde:ReverseSDE",
    "rk4": "noisereel_builtins.samplers.ode.rk4:RK4",
    "unipc": "noisereel_builtins.samplers.ode.unipc:UniPC",
}
METRICS = {
    "calls": "noisereel_builtins.metrics.run.calls:Calls",
    "energy-distance": "noisereel_builtins.metrics.distances.energy_distance:EnergyDistance",
    "entropy": "noisereel_builtins.metrics.information.entropy:Entropy",
    "kl": "noisereel_builtins.metrics.information.kl:KL",
    "kl-density": "noisereel_builtins.metrics.information.kl_density:KLDensity",
    "knn-accuracy": "noisereel_builtins.metrics.distances.knn_accuracy:KNNAccuracy",
    "l1": "noisereel_builtins.metrics.moments.l1:L1",
    "log-likelihood": "noisereel_builtins.metrics.information.log_likelihood:LogLikelihood",
    "loss": "noisereel_builtins.metrics.run.loss:Loss",
    "mean": "noisereel_builtins.metrics.moments.mean:Mean",
    "memorisation": "noisereel_builtins.metrics.distances.memorisation:Memorisation",
    "mmd": "noisereel_builtins.metrics.distances.mmd:MMD",
    "mode-coverage": "noisereel_builtins.metrics.distances.mode_coverage:ModeCoverage",
    "near-data": "noisereel_builtins.metrics.distances.near_data:NearData",
    "sliced-wasserstein": "noisereel_builtins.metrics.distances.sliced_wasserstein:SlicedWasserstein",
    "snr": "noisereel_builtins.metrics.moments.snr:SNR",
    "std": "noisereel_builtins.metrics.moments.std:Std",
    "straightness": "noisereel_builtins.metrics.run.straightness:Straightness",
}
RENDERERS = {
    "contours": "noisereel_builtins.renderers.plane.contours:Contours",
    "curve": "noisereel_builtins.renderers.graph.curve:Curve",
    "data": "noisereel_builtins.renderers.plane.data:Data",
    "density": "noisereel_builtins.renderers.graph.density:Density",
    "difference": "noisereel_builtins.renderers.image.difference:Difference",
    "direction": "noisereel_builtins.renderers.plane.direction:Direction",
    "embedding": "noisereel_builtins.renderers.plane.embedding:Embedding",
    "field": "noisereel_builtins.renderers.plane.field:Field",
    "heatmap": "noisereel_builtins.renderers.plane.heatmap:Heatmap",
    "histogram": "noisereel_builtins.renderers.graph.histogram:Histogram",
    "image": "noisereel_builtins.renderers.image.image:Image",
    "image-grid": "noisereel_builtins.renderers.image.image_grid:ImageGrid",
    "noise": "noisereel_builtins.renderers.plane.noise:Noise",
    "paths": "noisereel_builtins.renderers.plane.paths:Paths",
    "points": "noisereel_builtins.renderers.plane.points:Points",
    "ridge": "noisereel_builtins.renderers.graph.ridge:Ridge",
    "river": "noisereel_builtins.renderers.graph.river:River",
    "scatter-3d": "noisereel_builtins.renderers.volume.scatter_3d:Scatter3D",
    "schedules": "noisereel_builtins.renderers.graph.schedules:Schedules",
    "surface": "noisereel_builtins.renderers.volume.surface:Surface",
    "targets": "noisereel_builtins.renderers.plane.targets:Targets",
    "text": "noisereel_builtins.renderers.text:Text",
    "trails": "noisereel_builtins.renderers.plane.trails:Trails",
}
DEFAULT_FOR: dict[str, list[tuple[int | None, ...]]] = {
    "density": [(1,)],
    "points": [(2,)],
    "scatter-3d": [(3,)],
    "image": [(None, None), (None, None, 3)],
}
"""Event shapes that a renderer is the default layer for."""
WRITERS = {
    "gif": "noisereel_builtins.writers.gif:Gif",
    "mp4": "noisereel_builtins.writers.mp4:Mp4",
    "pdf": "noisereel_builtins.writers.pdf:Pdf",
    "png": "noisereel_builtins.writers.png:Png",
    "svg": "noisereel_builtins.writers.svg:Svg",
}

Register = Callable[[str, str], None]


def _register_all(register: Register, table: dict[str, str]) -> None:
    for name, target in table.items():
        register(name, target)


@hookimpl
def register_datasets(register: Register) -> None:
    _register_all(register, DATASETS)


@hookimpl
def register_schedules(register: Register) -> None:
    _register_all(register, SCHEDULES)


@hookimpl
def register_spacings(register: Register) -> None:
    _register_all(register, SPACINGS)


@hookimpl
def register_denoisers(register: Register) -> None:
    _register_all(register, DENOISERS)


@hookimpl
def register_samplers(register: Register) -> None:
    _register_all(register, SAMPLERS)


@hookimpl
def register_metrics(register: Register) -> None:
    _register_all(register, METRICS)


@hookimpl
def register_renderers(register: Callable[..., None]) -> None:
    for name, target in RENDERERS.items():
        register(name, target, default_for=DEFAULT_FOR.get(name, ()))


@hookimpl
def register_writers(register: Register) -> None:
    _register_all(register, WRITERS)


@hookimpl
def register_scenes(register: Callable[[Path], None]) -> None:
    register(_gallery())


def _gallery() -> Path:
    """Return the folder of scenes: inside the package in a wheel, at the project's root in a checkout."""
    package = Path(__file__).parent
    inside = package / "scenes"
    return inside if inside.is_dir() else package.parents[1] / "scenes"
