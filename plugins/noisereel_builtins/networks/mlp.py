"""A multilayer perceptron for points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from .embeddings import Centred, Classes, Embedding, Fourier, Identity, Sinusoidal, Table

__all__ = ["MLP", "Activation", "InputEmbedding", "TimeEmbedding"]

Activation = Literal["silu", "relu", "gelu", "tanh"]
InputEmbedding = Literal["identity", "fourier", "sinusoidal"]
TimeEmbedding = Literal["none", "linear", "fourier", "sinusoidal", "learned"]

_CHUNK = 1_700  # rows at a time when sampling: their features fit a core's cache; constant for reproducible results
_ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {  # the second one in place
    "silu": (functional.silu, partial(functional.silu, inplace=True)),
    "relu": (torch.relu, torch.relu_),
    "gelu": (functional.gelu, torch.ops.aten.gelu_.default),
    "tanh": (torch.tanh, torch.tanh_),
}


class MLP(nn.Module):
    """Residual layers over embedded points, times and classes.

        h_0 = act(W_x·γ(x) + W_u·τ(u) + class + b),   h_i = h_{i−1} + act(W_i·h_{i−1} + b_i),   F = W·h_depth + b

    Args:
        dimensions: Coordinates of a point, D.
        classes: Number of classes; None for an unconditional network.
        T: The noisiest time, for the table of ``time="learned"``.
        input: Embedding γ of the points.
        time: Embedding τ of the times; with ``none``, the network does not depend on the time.
        width: Features of each layer.
        depth: Number of residual layers.
        activation: The nonlinearity.
        features: Features of a sinusoidal or fourier embedding.
        input_scale: Largest (sinusoidal) or typical (fourier) frequency of the points' embedding, in radians per data
            unit; None for 25 and 3, which suit data of standard deviation 1.
        time_scale: The same for the embedding of u in [0, 1]; None for 1,000 and 1.
    """

    def __init__(
        self,
        dimensions: int,
        *,
        classes: int | None = None,
        T: int = 1,
        input: InputEmbedding = "identity",
        time: TimeEmbedding = "sinusoidal",
        width: int = 128,
        depth: int = 3,
        activation: Activation = "gelu",
        features: int = 128,
        input_scale: float | None = None,
        time_scale: float | None = None,
    ) -> None:
        super().__init__()
        embeddings: dict[str, Callable[[], Embedding]] = {
            "identity": lambda: Identity(dimensions),
            "fourier": lambda: Fourier(dimensions, features, input_scale or 3.0),
            "sinusoidal": lambda: Sinusoidal(dimensions, features, input_scale or 25.0),
        }
        times: dict[str, Callable[[], Embedding]] = {
            "linear": Centred,
            "fourier": lambda: Fourier(1, features, time_scale or 1.0),
            "sinusoidal": lambda: Sinusoidal(1, features, time_scale or 1_000.0),
            "learned": lambda: Table(T, features),
        }
        self.activation = activation
        self.embed = embeddings[input]()
        self.enter = nn.Linear(self.embed.features, width)
        self.tau = None if time == "none" else times[time]()
        self.enter_time = None if self.tau is None else nn.Linear(self.tau.features, width, bias=False)
        self.classes = None if classes is None else Classes(classes, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.leave = nn.Linear(width, dimensions)

    def forward(self, x: Tensor, u: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return F(x, u, labels).

        Args:
            x: Points, shape (n, D).
            u: Times t/T in [0, 1], shape (n,).
            labels: Classes, shape (n,), int64; the number of classes means "no class", as None does for all rows.
        """
        return self._from_first_layer(self.enter(self.embed(x)) + self._bias(u, labels))

    def at(self, u: float, labels: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """Return F as a function of x alone, at one time: terms without x become the first layer's bias.

        Without gradients, the features of all layers and chunks of rows are computed in the same memory.

        Args:
            u: The time t/T of all rows.
            labels: Classes, shape (n,), or (1,) if all rows have the same; None for "no class".
        """
        bias = self.enter.bias + self._bias(self.enter.weight.new_tensor([u]), labels)
        (enter, _), *inner, (leave, last) = (
            (layer.weight.T, layer.bias) for layer in (self.enter, *self.layers, self.leave)
        )
        in_place = _ACTIVATIONS[self.activation][1]

        def forward(x: Tensor) -> Tensor:
            if torch.is_grad_enabled() and (x.requires_grad or any(p.requires_grad for p in self.parameters())):
                return self._from_first_layer(torch.addmm(bias, self.embed(x), enter))
            out, buffer = x.new_empty(x.shape), x.new_empty(2, min(_CHUNK, len(x)), len(leave))
            biases = repeat(bias) if len(bias) == 1 else torch.split(bias, _CHUNK)
            for part, first, target in zip(torch.split(x, _CHUNK), biases, torch.split(out, _CHUNK), strict=False):
                h, change = buffer[:, : len(part)]
                in_place(torch.mm(self.embed(part), enter, out=h).add_(first))
                for weight, shift in inner:
                    h.add_(in_place(torch.mm(h, weight, out=change).add_(shift)))
                torch.addmm(last, h, leave, out=target)
            return out

        return forward

    def _bias(self, u: Tensor, labels: Tensor | None) -> Tensor:
        """Return the bias of the first layer by time and class, shape (len(u) or len(labels) or 1, width)."""
        bias = self.enter.weight.new_zeros(1, len(self.enter.weight))
        if self.tau is not None and self.enter_time is not None:
            bias = bias + self.enter_time(self.tau(u[:, None]))
        return bias if self.classes is None else bias + self.classes(labels)

    def _from_first_layer(self, h: Tensor) -> Tensor:
        act = _ACTIVATIONS[self.activation][0]
        h = act(h)
        for layer in self.layers:
            h = h + act(layer(h))
        out: Tensor = self.leave(h)
        return out
