"""Environment: the software and hardware that results depend on in their last bits, for cache keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .version import __version__

__all__ = ["machine", "versions"]


def versions() -> list[str]:
    """Return the versions of noisereel, torch and numpy."""
    return [__version__, str(torch.__version__), str(np.__version__)]


def machine(device: torch.device) -> list[Any]:
    """Return the kind of device and the number of threads, which affect rounding."""
    return [device.type, torch.get_num_threads()]
