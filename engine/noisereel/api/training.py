"""Training in Python: the denoisers of a scene."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..film.visits import shown_visits
from ..output.inputs import refuse_inputs
from ..registry import Registry
from ..simulation.data import load_all
from ..simulation.device import find_device
from ..simulation.plan import plan_runs
from ..simulation.simulate import SimulationContext, train_denoisers
from ..simulation.store import TrajectoryStore
from ..support.errors import NoisereelError, UsageError
from ..support.files import atomic_write, scratch_folder
from .defaults import cache_at, checked_path, checked_scene, progress_of

if TYPE_CHECKING:
    from ..scene import SceneSpec
    from ..support.progress import Progress
    from .defaults import Cache, PathLike

__all__ = ["TrainedWeights", "train"]


@dataclass(frozen=True, slots=True)
class TrainedWeights:
    """Weights of a trained denoiser.

    Attributes:
        run: Name of the run that the denoiser belongs to.
        file: The file with the weights.
        facts: Facts stored with them: ``step``, ``loss``, and what they were trained on.
    """

    run: str
    file: Path
    facts: dict[str, Any]


def train(
    scene: SceneSpec,
    output: PathLike | None = None,
    *,
    device: str = "auto",
    cache: Cache = True,
    resume: bool = False,
    registry: Registry | None = None,
    progress: Progress | bool = False,
) -> tuple[TrainedWeights, ...]:
    """Train the denoisers of a scene that are not trained yet.

    Args:
        scene: The scene.
        output: Path to copy the weights to, ending in .safetensors; may contain ``{run}``. Needed without a cache.
        device: Device to train on: auto, cpu, cuda or cuda:N.
        cache: Folder to keep the weights in; True for the command line's, False for none.
        resume: Whether to resume interrupted training instead of starting again.
        registry: Registry of plugins; the scene's own if None.
        progress: Whether to show progress bars, or what shows them; warnings are Python's if False.

    Raises:
        UsageError: No run has a denoiser that is trained, or the output cannot hold the weights.
    """
    scene, registry = checked_scene(scene, registry)
    if output is not None:
        output = checked_path(output, "the weights need a file, such as weights.safetensors")
        if output.suffix != ".safetensors":
            raise UsageError(f"{output}: weights are saved as .safetensors, such as {output.stem}.safetensors")
    if output is None and not cache:
        raise UsageError("without a cache, name a file for the weights, such as weights.safetensors")
    plans = plan_runs(scene)
    with scratch_folder() as scratch, closing(TrajectoryStore(cache_at(cache), scratch)) as store:
        ctx = SimulationContext(
            registry=registry,
            store=store,
            device=find_device(device),
            progress=progress_of(progress),
            resume=resume,
        )
        shown = shown_visits(scene, plans)
        data = load_all(scene, registry, lambda warning: ctx.progress.warn(str(warning)))
        # Read at once: the cache may be cleared.
        trained = [_read(*pair) for pair in train_denoisers(scene, plans, data, shown, ctx)]
        if not trained:
            raise UsageError(f"{scene.document.name}: no run has a denoiser that is trained")
        if output is not None and "{run}" not in str(output) and len({weights.file for weights, _ in trained}) > 1:
            runs = ", ".join(weights.run for weights, _ in trained)
            raise UsageError(f"{output}: there are several sets of weights ({runs}); put {{run}} into the name")
        if output is None and not trained[0][0].file.is_relative_to(ctx.store.root or scratch):
            raise NoisereelError("the weights cannot be kept: name a file for them, such as weights.safetensors")
        if output is not None:
            refuse_inputs([_path_for(weights.run, output) for weights, _ in trained], scene, registry)
        return tuple(weights if output is None else _copied(weights, content, output) for weights, content in trained)


def _read(run: str, file: Path) -> tuple[TrainedWeights, bytes]:
    """Return weights and their file's content.

    Raises:
        NoisereelError: The file was removed.
    """
    from ..learning.weights import read_facts  # imported here, since most scenes train nothing

    facts = read_facts(file)
    try:
        return TrainedWeights(run, file, facts), file.read_bytes()
    except OSError as error:
        raise NoisereelError(f"{file}: cannot be read: {error.strerror}") from error


def _path_for(run: str, output: PathLike) -> Path:
    return Path(str(output).replace("{run}", run))


def _copied(weights: TrainedWeights, content: bytes, output: PathLike) -> TrainedWeights:
    """Copy weights to the output path."""
    path = _path_for(weights.run, output)
    with atomic_write(path) as part:
        part.write_bytes(content)
    return replace(weights, file=path)
