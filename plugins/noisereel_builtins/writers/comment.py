"""Metadata for formats with a single comment field."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["to_comment"]


def to_comment(metadata: Mapping[str, str]) -> str:
    """Return all metadata as one line of ASCII JSON."""
    return json.dumps(dict(metadata))
