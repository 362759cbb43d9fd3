"""The device that runs are simulated on."""

from __future__ import annotations

import torch

from ..support.errors import UsageError

__all__ = ["find_device"]


def find_device(name: str) -> torch.device:
    """Return the device of a name: auto (CUDA where there is some), cpu, cuda or cuda:N.

    Raises:
        UsageError: There is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"--device {name}: known are auto, cpu, cuda and cuda:N")
    available = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= available:
        raise UsageError(f"--device {name}: there is no such device here; CUDA devices found: {available}")
    return device
