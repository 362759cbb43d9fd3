"""Weights on disk: safetensors only, so that no file that can run code is ever loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from ..contracts.digests import digest
from ..support.errors import NoisereelError
from ..support.files import atomic_write, regular_file

__all__ = ["load_into", "load_weights", "read_facts", "save_weights"]

_METADATA_KEY = "noisereel"
"""Key of our facts, as JSON, in a file's metadata."""

_CHECKSUM_KEY = "checksum"
"""Key of a digest of everything else in the file."""

_PICKLES = (b"PK", b"\x80")
"""First bytes of the files of torch.save and pickle."""


def save_weights(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors, and plain facts about them, to a file that appears only when it is complete.

    Raises:
        NoisereelError: The file cannot be written.
    """
    known = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    metadata = {_METADATA_KEY: json.dumps(facts)}
    content = save(known, {**metadata, _CHECKSUM_KEY: _checksum(save(known, metadata))})
    with atomic_write(path) as part:
        part.write_bytes(content)


def load_weights(path: Path, *, sealed: bool = False) -> dict[str, Tensor]:
    """Return the tensors of a file, on the CPU.

    Args:
        path: The file.
        sealed: Whether it must have a checksum; files that another library saved again have none.

    Raises:
        NoisereelError: The file cannot be read, is damaged, or is not a safetensors file.
    """
    with _report_damage(path):
        content = path.read_bytes()  # not mapped: a file that is cut short would then kill the program
        tensors = load(content)
        known = _header(content)[0].get("__metadata__", {}).get(_CHECKSUM_KEY)
        if known != _checksum(content) and (sealed or known is not None):
            raise ValueError("its content does not match its checksum")
        return tensors


def _checksum(content: bytes) -> str:
    """Return a digest of a file's content, except the digest in it."""
    header, data = _header(content)
    header.get("__metadata__", {}).pop(_CHECKSUM_KEY, None)
    return digest(json.dumps(header, sort_keys=True).encode(), data)


def _header(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of a safetensors file, and its data."""
    start = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:start]), content[start:]


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts about the tensors of a file, without reading the tensors.

    Raises:
        NoisereelError: The file cannot be read, is damaged, or was not written by noisereel.
    """
    with _report_damage(path), safe_open(path, "pt") as file:
        text = (file.metadata() or {}).get(_METADATA_KEY)
    try:
        facts = json.loads(text or "")
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise NoisereelError(f"{path}: was not saved by noisereel: it does not say which network its weights belong to")
    return facts


@contextmanager
def _report_damage(path: Path) -> Iterator[None]:
    """Convert errors of reading a file of weights to one line about it.

    Raises:
        NoisereelError: The file cannot be read, is damaged, or is not a safetensors file.
    """
    try:
        regular_file(path)
    except OSError as error:
        raise NoisereelError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise NoisereelError(str(error)) from error
    try:
        yield
    except OSError as error:
        raise NoisereelError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # damage can raise anything
        raise NoisereelError(f"{path}: {_damage(path, error)}") from error


def _damage(path: Path, error: Exception) -> str:
    start = b""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                start = file.read(9)
    if start.startswith(_PICKLES) and start[8:] != b"{":  # where a safetensors header begins
        return "is a pickle, which can run code; only safetensors files are loaded"
    return f"is damaged or not a safetensors file ({error})"


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
