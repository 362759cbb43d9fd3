"""Weights on disk: safetensors and nothing else, since no file that can run code is ever loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..support.errors import NoisereelError
from ..support.files import atomic_write

__all__ = ["load_into", "load_weights", "read_facts", "save_weights"]

_OURS = "noisereel"
"""The entry of a file's metadata that ours stand in, as JSON."""

_PICKLES = (b"PK", b"\x80")
"""What files of torch.save and pickle begin with."""


def save_weights(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors, and plain facts about them, so that the file is there whole or not at all.

    Raises:
        NoisereelError: There is no room, or it cannot be written there.
    """
    content = save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, {_OURS: json.dumps(facts)})
    with atomic_write(path) as part:
        part.write_bytes(content)


def load_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU.

    Raises:
        NoisereelError: The file cannot be read, is damaged, or is no safetensors file.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - it is no mapping


def read_facts(path: Path) -> dict[str, Any]:
    """What was written about the tensors of a file; nothing else of it is read.

    Raises:
        NoisereelError: The file cannot be read, is damaged, or was not written by noisereel.
    """
    with _opened(path) as file:
        found = (file.metadata() or {}).get(_OURS)
    try:
        facts = json.loads(found or "")
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise NoisereelError(f"{path}: holds weights, but not noisereel's: nothing says what network they belong to")
    return facts


def _opened(path: Path) -> Any:
    """The file, its header checked."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
        return safe_open(path, "pt")
    except OSError as error:
        raise NoisereelError(f"{path}: cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        is_pickle = start.startswith(_PICKLES) and start[8:] != b"{"  # where a safetensors header begins
        message = "is a pickle, which can run code; only safetensors files are loaded"
        raise NoisereelError(
            f"{path}: {message if is_pickle else f'is damaged or no safetensors file ({error})'}"
        ) from error


def load_into(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Give a network its weights.

    Raises:
        NoisereelError: They belong to another network; names the first that does not fit.
    """
    own = network.state_dict()
    for name in sorted(own.keys() ^ tensors.keys()):
        there, not_there = ("network", "file") if name in own else ("file", "network")
        raise NoisereelError(f"{path}: belongs to another network: the {there} has '{name}', the {not_there} has not")
    for name, tensor in own.items():
        if tensor.shape != tensors[name].shape:
            shapes = f"{tuple(tensors[name].shape)} in the file and {tuple(tensor.shape)} in the network"
            raise NoisereelError(f"{path}: belongs to another network: '{name}' has shape {shapes}")
    network.load_state_dict(dict(tensors))
