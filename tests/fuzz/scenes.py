"""Fuzzing scenes: any mutant of the gallery is refused with its position, or its first frame is drawn.

Faults are tracebacks, refusals without ``file:line:column``, more than 20 seconds of processor time or 1 GiB of memory.
"""

from __future__ import annotations

import os
import re
import traceback
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from fuzz.limited import each
from fuzz.mutations import Mutator
from noisereel.api import validate
from noisereel.contracts.plugin import Plugin
from noisereel.learning.training import Recipe
from noisereel.output.options import RenderOptions
from noisereel.output.render import draw, plan_render
from noisereel.registry import Registry, load_registry
from noisereel.scene import SceneSpec, parse_scene
from noisereel.simulation.plan import plan_runs
from noisereel.support.errors import NoisereelError, PluginError, SceneError
from noisereel.support.progress import Progress

__all__ = ["faults", "placed"]

NAME = "scene.yaml"
FOLDER = Path(__file__).parents[2] / "renders" / "fuzz"
PARTICLES, TRAINING_STEPS, FRAMES = 200, 20, 12
"""Largest numbers to draw with: faults do not depend on more."""
VALUES = 200_000
"""Largest number of values of all particles: large pictures take their time rightly."""
STEPS = 5000
"""Largest number of steps of all runs to draw: more take their time rightly, too."""
_LINE = re.compile(r"[^\n]+?:\d+:\d+: .+", re.DOTALL)
_TYPE = re.compile(r"\b[A-Z]\w*(Error|Exception)\b")


def placed(error: SceneError) -> bool:
    """Return whether each problem has its line and column."""
    return bool(error.problems) and all(_LINE.fullmatch(str(problem)) for problem in error.problems)


def faults(seed: int, count: int, folder: Path | None = None) -> Iterator[str | None]:
    """Try mutants, and yield None for each that is drawn or refused, else its fault.

    Those with faults are saved in ``renders/fuzz``. In the end, or when interrupted, the outcomes and the causes of
    faults are printed.
    """
    registry = load_registry()
    mutator = Mutator(registry)
    _load_everything(registry)
    outcomes: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    cases = each(count, lambda number: _outcome(mutator.mutant(seed, number), registry), os.cpu_count() or 1)
    try:
        for ended in cases:
            spent = f"{ended.seconds:.0f} s, {ended.memory >> 20} MiB"
            outcome, cause, detail = ended.result or ("fault", ended.fault, spent)
            outcomes[outcome] += 1
            if outcome == "fault":
                causes[cause] += 1
                _save(mutator.mutant(seed, ended.number), f"{seed}-{ended.number}", f"{cause}\n{detail}\n")
            yield f"mutant {ended.number}: {cause}\n{detail}" if causes[cause] == 1 else cause or None
    finally:
        cases.close()
        for name, number in (*outcomes.most_common(), *causes.most_common()):
            print(f"{number:6} × {name}")


def _save(mutant: str, name: str, fault: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.yaml").write_bytes(mutant.encode("utf-8", "surrogatepass"))
    (FOLDER / f"{name}.txt").write_text(fault, encoding="utf-8", errors="replace")


def _load_everything(registry: Registry) -> None:
    """Import in this process what scenes import when they are checked and drawn."""
    for file in registry.scenes().values():
        validate(parse_scene(file.read_text(encoding="utf-8"), NAME, file.parent, registry))
    _draw(parse_scene("dataset: swiss-roll\nschedule: linear\nsampler: forward\n", NAME, Path(), registry), registry)
    for module in ("sklearn.datasets", "sklearn.manifold", "sklearn.neighbors", "scipy.optimize", "scipy.spatial"):
        import_module(module)


def _outcome(text: str, registry: Registry) -> list[str]:
    """Return how a mutant ends, and of a fault its cause and its details."""
    stage = "checked"
    try:
        scene = parse_scene(text, NAME, next(iter(registry.scenes().values())).parent, registry)
        validate(scene)
        if sum(len(act) for plan in plan_runs(scene).values() for act in plan.transitions) > STEPS:
            return ["accepted, too long to draw", "", ""]
        stage = "drawn"
        _draw(scene, registry)
    except NoisereelError as error:
        return _refusal(error, stage)
    except BaseException as error:
        where = [
            f"{Path(f.filename).name}:{f.name}"
            for f in traceback.extract_tb(error.__traceback__)
            if "noisereel" in f.filename
        ]
        cause = f"{type(error).__name__} when {stage}, in {where[-1] if where else '?'}"
        return ["fault", cause, "".join(traceback.format_exception(error, limit=-6))[-3000:]]
    return ["drawn", "", ""]


def _refusal(error: NoisereelError, stage: str) -> list[str]:
    outcome = "refused" if stage == "checked" else "failed when drawn"
    message = str(error)
    short = re.sub(r"'[^']*'|[-+.\d]+", "…", message.partition("\n")[0])[:100]
    if isinstance(error, PluginError) and (bug := _TYPE.search(message)):
        return ["fault", f"{bug[0]} of a plugin when {stage}: {short}", message[:2000]]
    if isinstance(error, SceneError) and placed(error):
        return [outcome, "", ""]
    return ["fault", f"no position when {stage}: {type(error).__name__}: {short}", message[:2000]]


def _draw(scene: SceneSpec, registry: Registry) -> None:
    """Draw the first frame, with few particles, frames and training steps."""
    data = plan_render(scene, plan_runs(scene), (), registry).data
    runs = {}
    for name, spec in scene.runs.items():
        changes: dict[str, object] = {"denoiser": _briefly_trained(spec.denoiser)}
        most = min(PARTICLES, max(1, VALUES // data[name].x0[0].numel()))
        if (spec.particles or (0 if spec.start_run else len(data[name].x0))) > most:
            changes["particles"] = most
        runs[name] = spec.model_copy(update=changes)
    film = scene.film.model_copy(update={"frames": min(scene.film.frames, FRAMES)})
    small = scene.model_copy(update={"runs": runs, "film": film})
    plan = plan_render(small, plan_runs(small), (), registry)
    draw(plan, RenderOptions("cpu", None), registry, Progress(quiet=True))


def _briefly_trained(value: Any) -> Any:
    """Return a plugin, or what contains plugins, in which networks are trained for a few steps only."""
    if isinstance(value, tuple):
        return tuple(map(_briefly_trained, value))
    if not isinstance(value, Plugin):
        return value
    changes = {name: _briefly_trained(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Recipe):
        changes["steps"] = min(value.steps, TRAINING_STEPS)
    return value.model_copy(update=changes)
