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
from ..support.errors import PluginError, plugin_errors
from .nodes import describe_object

__all__ = ["ArrayDataset", "FunctionDenoiser", "as_data", "as_model", "as_plugin"]


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
        ValueError: It is neither; the message says what was given.
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
    """Return samples as data: a copy in float32, on the CPU.

    Args:
        value: Samples, shape (n, D), (n, H, W) or (n, H, W, 3); bytes of images are scaled from 0 … 255 to −1 … 1.

    Raises:
        ValueError: They are not samples of finite numbers.
    """
    if isinstance(value, Data):
        data = value.to(torch.device("cpu"))
        return replace(data, x0=_samples(data.x0))
    return Data(_samples(torch.as_tensor(value) if isinstance(value, Tensor) else _tensor(value)))


def _tensor(array: NDArray[Any]) -> Tensor:
    try:
        return torch.from_numpy(np.array(array))
    except TypeError:
        raise ValueError(f"must be an array of numbers, got one of dtype {array.dtype}") from None


def _samples(x: Tensor) -> Tensor:
    """Return samples in float32, on the CPU.

    Raises:
        ValueError: They are not samples of finite numbers.
    """
    if x.dtype == torch.bool or x.is_complex():
        raise ValueError(f"must be an array of numbers, got one of dtype {str(x.dtype).removeprefix('torch.')}")
    if (reason := _misshapen(tuple(x.shape))) is not None:
        raise ValueError(f"must be an array of shape (n, D), (n, H, W) or (n, H, W, 3), got {tuple(x.shape)}{reason}")
    try:
        samples = x.detach().to("cpu", torch.float32, copy=True)
    except (NotImplementedError, RuntimeError) as error:
        raise ValueError(f"cannot be copied from device {x.device}: {str(error).splitlines()[0]}") from error
    if not bool(torch.isfinite(samples).all()):
        raise ValueError("the array contains NaN or infinite values (in float32)")
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
        with plugin_errors(f"denoiser {name} (t = {level.t:g})"):
            x0 = call(x, level, labels)
        if not isinstance(x0, Tensor):
            raise PluginError(f"denoiser {name}: must return a tensor like x, not {describe_object(x0)}")
        if x0.shape != x.shape:
            raise PluginError(f"denoiser {name}: must return the shape of x, {tuple(x.shape)}, not {tuple(x0.shape)}")
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
