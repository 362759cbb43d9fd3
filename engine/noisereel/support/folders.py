"""Folders that noisereel writes to."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Return the folder for simulated runs and trained weights: $NOISEREEL_CACHE, else the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("NOISEREEL_CACHE") or platformdirs.user_cache_dir("noisereel"))
