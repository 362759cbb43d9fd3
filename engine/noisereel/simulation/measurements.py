"""Measurements: the values of probes on a trajectory, computed when first needed and kept next to its arrays."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..contracts.digests import digest
from ..contracts.identity import UnkeyableError, identity
from ..contracts.probe import Metric, Probe, Trace, Values
from ..contracts.state import State
from ..contracts.trajectory import AUX, Trajectory
from ..support.errors import plugin_errors
from ..support.files import part_name, remove_stale_parts
from ..support.locks import discard

if TYPE_CHECKING:
    from ..contracts.probe import MeasureContext

__all__ = ["Measurements", "state_at"]

_FILE, _SUM = "values.npz", "checksum"
_UNKEYED = "unkeyed-"


class Measurements:
    """Values of probes at the kept visits of one trajectory.

    Args:
        trajectory: The trajectory to measure.
        context_at: Returns the context for probes at a visit; called only for values that are not known yet.
        folder: Folder that values are kept in, if any.
    """

    def __init__(
        self, trajectory: Trajectory, context_at: Callable[[int], MeasureContext], folder: Path | None = None
    ) -> None:
        self._trajectory, self._context_at, self._folder = trajectory, context_at, folder
        self._values: dict[str, dict[int, Values]] = {}
        self._keys: dict[int, tuple[Probe, str]] = {}
        if folder is not None:
            with suppress(Exception):  # there are none, or they are damaged, which can raise anything
                self._values = _load_values(folder / _FILE)
        self._saved = self._count()

    def value(self, probe: Probe, index: int) -> Values:
        """Return a probe's values at a visit, measured now if they were not before.

        Raises:
            PluginError: The probe raised, or does not give what it promises.
        """
        known = self._values.setdefault(self._key(probe), {})
        if index not in known:
            run = self._trajectory
            who = f"{probe.kind} {type(probe).__name__} (run '{run.name}', {run.clock} = {run.times[index]:g})"
            with plugin_errors(who):
                ctx = self._context_at(index)
                if isinstance(probe, Trace):
                    measured = self._follow(probe, ctx)
                else:
                    measured = {index: probe.measure(state_at(run, index, ctx.data.x0.device), ctx)}
                arrays = {at: _arrays(values) for at, values in measured.items()}
                _require_promised(probe, arrays[index])
            known |= arrays
        return known[index]

    def save(self) -> None:
        """Keep new values next to the trajectory's arrays.

        Raises:
            OSError: They cannot be written.
        """
        if self._folder is not None and self._count() > self._saved:
            with suppress(FileNotFoundError):  # the cache was cleared
                _save_values(self._keyed(), self._folder / _FILE)
            self._saved = self._count()

    def _follow(self, trace: Trace, ctx: MeasureContext) -> dict[int, Values]:
        """Return a trace's values at every kept visit."""
        visits = self._trajectory.kept_visits
        states = (state_at(self._trajectory, index, ctx.data.x0.device) for index in visits)
        values = list(trace.follow(states, ctx))
        if len(values) != len(visits):
            raise ValueError(f"gave values for {len(values)} of {len(visits)} visits")
        return dict(zip(visits, values, strict=True))

    def _key(self, probe: Probe) -> str:
        """Return the key of a probe's values: a digest of its identity; without one, a number that is not saved."""
        if id(probe) not in self._keys:  # called for every frame of a curve
            try:
                key = digest(json.dumps(identity(probe)).encode())
            except UnkeyableError:
                key = f"{_UNKEYED}{len(self._keys)}"
            self._keys[id(probe)] = probe, key
        return self._keys[id(probe)][1]

    def _keyed(self) -> dict[str, dict[int, Values]]:
        return {key: values for key, values in self._values.items() if not key.startswith(_UNKEYED)}

    def _count(self) -> int:
        return sum(map(len, self._keyed().values()))


def state_at(run: Trajectory, index: int, device: torch.device) -> State:
    """Return a kept visit as a state."""

    def tensor(name: str) -> torch.Tensor | None:
        array = run.array(name, index)
        return None if array is None else torch.tensor(array, device=device)

    x = tensor("x")
    assert x is not None, f"visit {index} was not kept"
    aux = {name: value for name in run.aux_names if (value := tensor(f"{AUX}{name}")) is not None}
    return State(index, run.acts[index], run.levels[index], x, tensor("x0"), tensor("noise"), run.calls[index], aux)


def _arrays(values: Values) -> Values:
    if not isinstance(values, Mapping):
        raise TypeError(f"must give values by name, not {type(values).__name__}")
    return {name: np.asarray(value) for name, value in values.items()}


def _require_promised(probe: Probe, values: Values) -> None:
    """Check that a metric gives the values that it declares.

    Raises:
        ValueError: It does not.
    """
    missing = [name for name in probe.gives if name not in values] if isinstance(probe, Metric) else []
    if missing:
        raise ValueError(f"'gives' promises {', '.join(missing)}, 'measure' gave {', '.join(values) or 'nothing'}")
    for name in probe.gives if isinstance(probe, Metric) else ():
        if values[name].size != 1 or values[name].dtype.kind not in "biuf":
            raise ValueError(f"'{name}' must be one number, not {values[name].dtype} of shape {values[name].shape}")


def _save_values(values: Mapping[str, Mapping[int, Values]], file: Path) -> None:
    """Stack the arrays of each probe over the visits, where they have one shape; others are not kept."""
    out: dict[str, NDArray[Any]] = {}
    for key, by_visit in values.items():
        visits = sorted(by_visit)
        columns = {
            name: [by_visit[index][name] for index in visits] for name in (by_visit[visits[0]] if visits else ())
        }
        if all(len({a.shape for a in column}) == 1 for column in columns.values()):
            out[f"{key}/visits"] = np.array(visits, np.int64)
            out.update({f"{key}/{name}": np.stack(column) for name, column in columns.items()})
    out[_SUM] = np.array(_checksum(out))
    remove_stale_parts(file.parent)
    partial = file.with_name(f".{part_name(file)}")
    try:
        np.savez(partial, **out)  # type: ignore[arg-type]  # numpy's stub types the keyword allow_pickle into **kwds
        if not file.is_file():  # something is in the way
            discard(file)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _load_values(file: Path) -> dict[str, dict[int, Values]]:
    """Read values.

    Raises:
        Exception: There are none, or they are damaged.
    """
    if not file.is_file():  # a device would never end
        return {}
    out: dict[str, dict[int, Values]] = {}
    with np.load(file) as saved:
        arrays = {name: saved[name] for name in saved.files}
    if arrays.pop(_SUM) != _checksum(arrays):
        raise ValueError(f"{file}: is damaged")
    for key in {name.split("/")[0] for name in arrays}:
        columns = {n.split("/", 1)[1]: a for n, a in arrays.items() if n.startswith(f"{key}/") and n != f"{key}/visits"}
        visits = arrays[f"{key}/visits"].tolist()
        out[key] = {index: {name: column[i] for name, column in columns.items()} for i, index in enumerate(visits)}
    return out


def _checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return a digest of arrays with their names, types and shapes."""
    names = [f"{name} {array.dtype} {array.shape}".encode() for name, array in sorted(arrays.items())]
    return digest(*names, *(array.tobytes() for _, array in sorted(arrays.items())))
