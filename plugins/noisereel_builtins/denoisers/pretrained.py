"""A denoiser that was trained before."""

from pathlib import Path
from typing import Any, ClassVar

from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.learning import TrainedDenoiser, read_facts
from noisereel.support.errors import NoisereelError

__all__ = ["Pretrained"]


class Pretrained(Denoiser):
    """A trained denoiser, loaded from a file that ``noisereel train SCENE -o FILE`` wrote.

    The schedule must be the one that it was trained with, and the data must have the same shape.
    """

    primary: ClassVar[str | None] = "path"

    path: Path
    """A .safetensors file, relative to the scene's folder."""

    def inputs(self, folder: Path) -> tuple[Path, ...]:
        return (folder / self.path.expanduser(),)

    def conditional(self, ctx: DenoiserContext) -> bool:
        return self._facts(ctx)["classes"] is not None

    def check(self, ctx: DenoiserContext) -> str | None:
        try:
            facts = self._facts(ctx)
            self._network(ctx, facts)
        except NoisereelError as error:
            return str(error)
        if tuple(facts["event"]) != ctx.data.event_shape:
            trained, current = tuple(facts["event"]), ctx.data.event_shape
            return f"{self.path} was trained on event shape {trained}, but the data has {current}"
        labels, classes = ctx.data.labels, facts["classes"]
        if classes is not None and labels is not None and int(labels.max()) >= classes:
            return f"{self.path} was trained on {classes} classes, but the data has the label {int(labels.max())}"
        assert ctx.training.plugins is not None, "scenes have a codec"
        difference = _difference(facts["schedule"], ctx.training.plugins.to_spec(ctx.schedule), "schedule")
        return f"{self.path} was trained with {difference}" if difference else None

    def bind(self, ctx: DenoiserContext) -> Model:
        """Load the weights.

        Raises:
            NoisereelError: The file cannot be read, or its weights do not fit its network.
        """
        facts = self._facts(ctx)
        return self._network(ctx, facts).load(self._file(ctx), tuple(facts["event"]), facts["classes"], ctx)

    def _file(self, ctx: DenoiserContext) -> Path:
        return self.inputs(ctx.folder)[0]

    def _facts(self, ctx: DenoiserContext) -> dict[str, Any]:
        """Return the file's metadata.

        Raises:
            NoisereelError: The file cannot be read, or its metadata is incomplete.
        """
        facts = read_facts(self._file(ctx))
        if missing := sorted({"denoiser", "schedule", "event", "classes"} - facts.keys()):
            raise NoisereelError(f"{self.path}: its metadata has no '{missing[0]}'; write it with noisereel train")
        return facts

    def _network(self, ctx: DenoiserContext, facts: dict[str, Any]) -> TrainedDenoiser:
        """Return the denoiser that was trained."""
        assert ctx.training.plugins is not None, "scenes have a codec"
        built = ctx.training.plugins.from_spec("denoiser", facts["denoiser"], str(self.path))
        if not isinstance(built, TrainedDenoiser):
            raise NoisereelError(f"{self.path}: its denoiser, '{ctx.training.plugins.name_of(built)}', has no weights")
        return built


def _difference(trained: Any, current: Any, path: str) -> str | None:
    """Describe the first field in which two specs differ; None if they are equal."""
    if isinstance(trained, dict) and isinstance(current, dict) and trained.keys() == current.keys():
        return next(filter(None, (_difference(trained[k], current[k], f"{path}.{k}") for k in trained)), None)
    if trained == current:
        return None
    names = [next(iter(spec)) if isinstance(spec, dict) else spec for spec in (trained, current)]
    return f"{path}: {names[0]}, but here it is {names[1]}"
