"""Metadata for formats that have room for one comment only."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["to_comment"]


def to_comment(metadata: Mapping[str, str]) -> str:
    """All metadata as one line of JSON in ASCII."""
    return json.dumps(dict(metadata))
