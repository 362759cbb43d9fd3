"""The device that runs are simulated on."""

from __future__ import annotations

import torch

from ..support.errors import UsageError

__all__ = ["find_device"]


def find_device(name: str) -> torch.device:
    """Return the device with a name: auto (CUDA if available, else the CPU), cpu, cuda or cuda:N.

    Raises:
        UsageError: The device does not exist.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(str(name))
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"device '{name}': must be auto, cpu, cuda or cuda:N")
    available = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= available:
        raise UsageError(f"device '{name}': there is no such device here; CUDA devices found: {available}")
    return device
