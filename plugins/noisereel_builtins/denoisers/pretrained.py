"""A denoiser that was trained before."""

from pathlib import Path
from typing import Any, ClassVar

from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.learning import TrainedDenoiser, read_facts
from noisereel.support.errors import NoisereelError

__all__ = ["Pretrained"]


class Pretrained(Denoiser):
    """Weights that ``noisereel train SCENE -o FILE`` has written, with the network that the file says they belong to.

    The schedule must be the one that they were trained under, and the data of the same shape.
    """

    primary: ClassVar[str | None] = "path"

    path: Path
    """A .safetensors file; relative to the scene's folder."""

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
            trained, here = tuple(facts["event"]), ctx.data.event_shape
            return f"{self.path} was trained on event shape {trained}, the data here has {here}"
        assert ctx.training.plugins is not None, "scenes have a codec"
        other = _difference(facts["schedule"], ctx.training.plugins.to_spec(ctx.schedule), "schedule")
        return f"{self.path} was trained under {other}" if other else None

    def bind(self, ctx: DenoiserContext) -> Model:
        """Load the weights.

        Raises:
            NoisereelError: The file cannot be read, or holds other weights than it says.
        """
        facts = self._facts(ctx)
        return self._network(ctx, facts).load(self._file(ctx), tuple(facts["event"]), facts["classes"], ctx)

    def _file(self, ctx: DenoiserContext) -> Path:
        return self.inputs(ctx.folder)[0]

    def _facts(self, ctx: DenoiserContext) -> dict[str, Any]:
        """What the file says of itself.

        Raises:
            NoisereelError: The file cannot be read, or does not say all that is needed.
        """
        facts = read_facts(self._file(ctx))
        if missing := sorted({"denoiser", "schedule", "event", "classes"} - facts.keys()):
            raise NoisereelError(f"{self.path}: does not say its {missing[0]}; write it with noisereel train")
        return facts

    def _network(self, ctx: DenoiserContext, facts: dict[str, Any]) -> TrainedDenoiser:
        """The denoiser that was trained."""
        assert ctx.training.plugins is not None, "scenes have a codec"
        built = ctx.training.plugins.from_spec("denoiser", facts["denoiser"], str(self.path))
        if not isinstance(built, TrainedDenoiser):
            raise NoisereelError(f"{self.path}: its denoiser, '{ctx.training.plugins.name_of(built)}', has no weights")
        return built


def _difference(theirs: Any, ours: Any, path: str) -> str | None:
    """The first field in which two descriptions differ, in words; None if there is none."""
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        return next(filter(None, (_difference(theirs[k], ours[k], f"{path}.{k}") for k in theirs)), None)
    if theirs == ours:
        return None
    names = [next(iter(each)) if isinstance(each, dict) else each for each in (theirs, ours)]
    return f"{path}: {names[0]}, but here it is {names[1]}"
