"""Digests: cache keys made of everything that numbers depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from .dataset import Data

__all__ = ["data_digest", "digest", "facts_digest", "tensors_digest"]


def digest(*parts: bytes) -> str:
    """Return a short digest of bytes."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        hashed.update(part)
    return hashed.hexdigest()


def facts_digest(facts: Mapping[str, Any]) -> str:
    """Return a short digest of JSON-serialisable facts, independent of their order."""
    return digest(json.dumps(facts, sort_keys=True).encode())


def data_digest(data: Data) -> str:
    """Return a digest of a data set's content."""
    return tensors_digest(data.x0, data.labels, data.hue)


def tensors_digest(*tensors: Tensor | None) -> str:
    """Return a digest of the tensors' content, skipping those that are None."""
    return digest(*(t.cpu().numpy().tobytes() + str(tuple(t.shape)).encode() for t in tensors if t is not None))
