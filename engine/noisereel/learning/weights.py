"""Weights on disk: safetensors only, so that no file that can run code is ever loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..support.errors import NoisereelError
from ..support.files import atomic_write, regular_file

__all__ = ["load_into", "load_weights", "read_facts", "save_weights"]

_METADATA_KEY = "noisereel"
"""Key of our facts, as JSON, in a file's metadata."""

_PICKLES = (b"PK", b"\x80")
"""First bytes of the files of torch.save and pickle."""


def save_weights(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors, and plain facts about them, to a file that appears only when it is complete.

    Raises:
        NoisereelError: The file cannot be written.
    """
    content = save(
        {name: t.detach().cpu().contiguous() for name, t in tensors.items()}, {_METADATA_KEY: json.dumps(facts)}
    )
    with atomic_write(path) as part:
        part.write_bytes(content)


def load_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file, on the CPU.

    Raises:
        NoisereelError: The file cannot be read, is damaged, or is not a safetensors file.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - it is not a mapping


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts about the tensors of a file, without reading the tensors.

    Raises:
        NoisereelError: The file cannot be read, is damaged, or was not written by noisereel.
    """
    with _opened(path) as file:
        text = (file.metadata() or {}).get(_METADATA_KEY)
    try:
        facts = json.loads(text or "")
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise NoisereelError(f"{path}: was not saved by noisereel: it does not say which network its weights belong to")
    return facts


def _opened(path: Path) -> Any:
    """Open a file and check its header."""
    try:
        with regular_file(path).open("rb") as file:
            start = file.read(9)
        return safe_open(path, "pt")
    except OSError as error:
        raise NoisereelError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise NoisereelError(str(error)) from error
    except SafetensorError as error:
        is_pickle = start.startswith(_PICKLES) and start[8:] != b"{"  # where a safetensors header begins
        message = "is a pickle, which can run code; only safetensors files are loaded"
        raise NoisereelError(
            f"{path}: {message if is_pickle else f'is damaged or not a safetensors file ({error})'}"
        ) from error


def load_into(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load weights into a network.

    Raises:
        NoisereelError: They belong to another network; the message names the first mismatch.
    """
    own = network.state_dict()
    for name in sorted(own.keys() ^ tensors.keys()):
        has, lacks = ("network", "file") if name in own else ("file", "network")
        raise NoisereelError(f"{path}: belongs to another network: the {has} has '{name}', the {lacks} does not")
    for name, tensor in own.items():
        if tensor.shape != tensors[name].shape:
            shapes = f"{tuple(tensors[name].shape)} in the file and {tuple(tensor.shape)} in the network"
            raise NoisereelError(f"{path}: belongs to another network: '{name}' has shape {shapes}")
    network.load_state_dict(dict(tensors))
