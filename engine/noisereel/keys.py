"""What things are known by in the caches: digests of everything that their numbers depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import __version__
from .dataset import Data
from .plugin import Plugin, source_digest

__all__ = ["data_digest", "digest", "facts_digest", "identity", "machine", "tensors_digest", "versions"]


def digest(*parts: bytes) -> str:
    """A short name for bytes."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        hashed.update(part)
    return hashed.hexdigest()


def facts_digest(facts: Mapping[str, Any]) -> str:
    """A short name for plain facts, whatever their order."""
    return digest(json.dumps(facts, sort_keys=True).encode())


def identity(plugin: Plugin) -> Any:
    """A plugin as JSON: its class, its source and its fields, recursively."""
    fields = {name: _plain(getattr(plugin, name)) for name in type(plugin).model_fields}
    return [type(plugin).__qualname__, source_digest(type(plugin)), fields]


def _plain(value: Any) -> Any:
    if isinstance(value, Plugin):
        return identity(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value if isinstance(value, (int, float, str, bool, type(None))) else repr(value)


def data_digest(data: Data) -> str:
    """The content of a data set."""
    return tensors_digest(data.x0, data.labels, data.hue)


def tensors_digest(*tensors: Tensor | None) -> str:
    """The content of tensors; those that are None do not count."""
    return digest(*(t.cpu().numpy().tobytes() + str(tuple(t.shape)).encode() for t in tensors if t is not None))


def versions() -> list[str]:
    """Versions of what computes."""
    return [__version__, str(torch.__version__), str(np.__version__)]


def machine(device: torch.device) -> list[Any]:
    """What else decides the last bits: the kind of device, and how many threads share the work."""
    return [device.type, torch.get_num_threads()]
