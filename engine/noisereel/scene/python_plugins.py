"""Python objects as plugins: arrays as data sets, functions as denoisers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import InstanceOf
from torch import Tensor, nn

from ..contracts.dataset import Data, Dataset, LoadContext
from ..contracts.denoiser import Denoiser, DenoiserContext, Model
from ..contracts.plugin import Plugin
from ..contracts.schedule import Level
from ..support.errors import PluginError, UsageError, plugin_errors
from ..support.memory import require_memory
from .nodes import describe_object

__all__ = ["ArrayDataset", "FunctionDenoiser", "as_data", "as_model", "as_plugin", "as_tensor"]

_SMALL = (torch.float32, torch.float16, torch.bfloat16, torch.uint8, torch.int8, torch.int16)
"""Types whose values are exact in float32."""


class ArrayDataset(Dataset):
    """Samples given as an array."""

    data: InstanceOf[Data]
    """The samples."""

    def load(self, ctx: LoadContext) -> Data:
        return self.data


class FunctionDenoiser(Denoiser):
    """A denoiser given as a function or module, model(x, level) or model(x, level, labels)."""

    function: Callable[..., Any]
    """The function."""

    def conditional(self, ctx: DenoiserContext) -> bool:
        return _takes_labels(self.function)

    def bind(self, ctx: DenoiserContext) -> Model:
        return as_model(self.function)


def as_plugin(value: object, kind: str, base: type[Plugin]) -> Plugin:
    """Return the plugin that a Python object stands for.

    Args:
        value: A plugin of this kind; for a data set also an array or `Data`; for a denoiser also a function.
        kind: Kind of plugin.
        base: Base class of this kind.

    Raises:
        ValueError, UsageError: It is neither, or cannot be used; the message says what was given.
    """
    if isinstance(value, base):
        return value
    if kind == "dataset" and isinstance(value, (Data, np.ndarray, Tensor)):
        return ArrayDataset(data=as_data(value))
    if kind == "denoiser" and callable(value) and not isinstance(value, (type, Plugin)):
        return FunctionDenoiser(function=value)
    other = f"the {value.kind} {type(value).__name__}" if isinstance(value, Plugin) else describe_object(value)
    accepted = {
        "dataset": ", a Dataset or an array of samples",
        "denoiser": ", a Denoiser or a function (x, level) -> x0",
    }
    raise ValueError(f"must be the name of a {kind}{accepted.get(kind, f' or a {base.__name__}')}, got {other}")


def as_data(value: Data | NDArray[Any] | Tensor) -> Data:
    """Return samples as data: a copy in float32, or float64 if they need it, on the CPU.

    Args:
        value: Samples, shape (n, D), (n, H, W) or (n, H, W, 3); bytes of images are scaled from 0 … 255 to −1 … 1.

    Raises:
        UsageError: They are not samples of finite numbers.
    """
    if isinstance(value, Data):
        data = value.to(torch.device("cpu"))
        labels, hue = (None if rows is None else rows.clone() for rows in (data.labels, data.hue))
        return replace(data, x0=_samples(data.x0), labels=labels, hue=hue)
    return Data(_samples(value if isinstance(value, Tensor) else as_tensor(value)))


def as_tensor(array: NDArray[Any], name: str = "") -> Tensor:
    """Return a copy of an array as a tensor.

    Args:
        array: The array.
        name: Beginning of error messages.

    Raises:
        UsageError: It does not hold numbers, or parts of it are masked.
    """
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise UsageError(f"{name}is a masked array: fill it, or leave out what is masked")
    try:
        require_memory(f"{name}array", array.size, 2 * array.itemsize)
        return torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), subok=False))
    except TypeError:
        raise UsageError(f"{name}must be an array of numbers, got one of dtype {array.dtype}") from None


def _samples(x: Tensor) -> Tensor:
    """Return a copy of samples in float32, or float64 if they need it, on the CPU.

    Raises:
        UsageError: They are not samples of finite numbers.
    """
    if x.dtype == torch.bool or x.is_complex():
        raise UsageError(f"must be an array of numbers, got one of dtype {str(x.dtype).removeprefix('torch.')}")
    if x.layout != torch.strided or x.is_nested:
        raise UsageError("must be a dense array, got a sparse or nested tensor")
    if (reason := _misshapen(tuple(x.shape))) is not None:
        raise UsageError(f"must be an array of shape (n, D), (n, H, W) or (n, H, W, 3), got {tuple(x.shape)}{reason}")
    try:
        samples = x.detach().to("cpu", torch.float32 if x.dtype in _SMALL else torch.float64, copy=True)
    except (NotImplementedError, RuntimeError) as error:
        raise UsageError(f"cannot be copied from device {x.device}: {str(error).splitlines()[0]}") from error
    if not bool(torch.isfinite(samples.float()).all()):
        raise UsageError("the array contains NaN or infinite values (in float32)")
    return samples / 127.5 - 1 if x.dtype == torch.uint8 and x.ndim > 2 else samples


def _misshapen(shape: tuple[int, ...]) -> str | None:
    """Return the end of a message about a shape that samples cannot have, None for one that they can have."""
    if len(shape) == 1:
        return ": for numbers on a line, use x[:, None]"
    if len(shape) == 4 and shape[3] != 3:
        return ": put the channels last, x.transpose(0, 2, 3, 1)" if shape[1] == 3 else ""
    return None if 2 <= len(shape) <= 4 and all(shape) else ""


def as_model(function: Callable[..., Any]) -> Model:
    """Return a function as a model whose results are checked.

    Args:
        function: ``function(x, level) -> x0_hat``, or ``function(x, level, labels) -> x0_hat``.
    """
    name, call = _name(function), _with_labels(function)

    def model(x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
        before = x._version
        with plugin_errors(f"denoiser {name} (t = {level.t:g})"):
            x0 = call(x, level, labels)
        if x._version != before:
            raise PluginError(f"denoiser {name}: must not change x in place")
        if not isinstance(x0, Tensor):
            raise PluginError(f"denoiser {name}: must return a tensor like x, not {describe_object(x0)}")
        if x0.shape != x.shape:
            raise PluginError(f"denoiser {name}: must return the shape of x, {tuple(x.shape)}, not {tuple(x0.shape)}")
        if not x0.is_floating_point():
            raise PluginError(f"denoiser {name}: must return floats, not {str(x0.dtype).removeprefix('torch.')}")
        return x0.to(x.device, x.dtype)

    return model


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _takes_labels(function: Callable[..., Any]) -> bool:
    """Return whether a function takes labels: as a parameter of this name, or as a third one without a default."""
    parameters = _parameters(function)
    third = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][2:3]
    return any(p.name == "labels" for p in parameters) or any(p.default is p.empty for p in third)


def _with_labels(function: Callable[..., Any]) -> Callable[[Tensor, Level, Tensor | None], Any]:
    """Return the function as one of three arguments."""
    if not _takes_labels(function):
        return lambda x, level, labels: function(x, level)
    by_name = any(p.name == "labels" and p.kind is p.KEYWORD_ONLY for p in _parameters(function))
    return (lambda x, level, labels: function(x, level, labels=labels)) if by_name else function


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    target = function.forward if isinstance(function, nn.Module) else function
    try:
        return [*inspect.signature(target).parameters.values()]
    except (TypeError, ValueError):  # it is built in
        return []
