"""Digests: cache keys made of everything that numbers depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .plugin import Plugin, source_digest

if TYPE_CHECKING:
    from torch import Tensor

    from .dataset import Data

__all__ = ["data_digest", "digest", "facts_digest", "identity", "tensors_digest"]


def digest(*parts: bytes) -> str:
    """Return a short digest of bytes."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        hashed.update(part)
    return hashed.hexdigest()


def facts_digest(facts: Mapping[str, Any]) -> str:
    """Return a short digest of JSON-serialisable facts, independent of their order."""
    return digest(json.dumps(facts, sort_keys=True).encode())


def identity(plugin: Plugin) -> Any:
    """Return a plugin as JSON: its class, its source and its fields, recursively."""
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
    """Return a digest of a data set's content."""
    return tensors_digest(data.x0, data.labels, data.hue)


def tensors_digest(*tensors: Tensor | None) -> str:
    """Return a digest of the tensors' content, skipping those that are None."""
    return digest(*(t.cpu().numpy().tobytes() + str(tuple(t.shape)).encode() for t in tensors if t is not None))
