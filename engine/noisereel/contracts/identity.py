"""Identity: what numbers depend on, as plain values for cache keys. Equal identities mean equal results.

Objects count by content and classes by their code, never by ``repr``: two different arrays may have the same one. Code
from files counts as the files' content. Code that is not in an imported file, such as a notebook's or a script's,
counts as its functions' byte code and the values of the global names that they use.
"""

from __future__ import annotations

import dis
import enum
import functools
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import BuiltinFunctionType, CodeType, EllipsisType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel

__all__ = ["UnkeyableError", "identity", "source_digest"]

_ENGINE = __name__.partition(".")[0]
_TRUSTED = frozenset({_ENGINE, "pydantic", "pydantic_core", "numpy", "torch", *sys.stdlib_module_names} - {"__main__"})
"""Packages whose code counts as their version, which is part of every key."""

_HEAP_TYPE = 1 << 9  # flag of classes that Python code defines (Py_TPFLAGS_HEAPTYPE)


class UnkeyableError(ValueError):
    """A value whose content cannot be determined, so that nothing that depends on it can be cached."""


def identity(value: object) -> Any:
    """Return a value as plain JSON values: a plugin as its class, its source and its fields, recursively.

    Raises:
        UnkeyableError: It holds something whose content cannot be determined, such as an open file.
    """
    try:
        return _Walk().value(value)
    except RecursionError:
        raise UnkeyableError(f"a {type(value).__name__} is nested too deeply, or contains itself") from None


class _Walk:
    """One walk through a value; what was seen before is named by its number, so that cycles end."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, object]] = {}  # the objects are kept, so that their ids are not reused

    def value(self, value: object) -> Any:
        """Return a value as plain values."""
        match value:
            case enum.Enum():
                return [type(value).__qualname__, value.name]
            case None | bool() | int() | float() | str():
                return value
            case bytes():
                return ["bytes", _digest(value)]
            case np.ndarray() if not value.dtype.hasobject:
                return ["array", str(value.dtype), value.shape, _digest(np.ascontiguousarray(value).tobytes())]
            case torch.Tensor():
                return ["tensor", str(value.dtype), tuple(value.shape), _digest(_tensor_bytes(value))]
            case (
                EllipsisType()
                | Path()
                | complex()
                | range()
                | slice()
                | np.generic()
                | np.dtype()
                | torch.dtype()
                | torch.device()
            ):
                return [type(value).__name__, str(value)]
            case list() | tuple():
                return [self.value(item) for item in value]
            case set() | frozenset():
                return sorted((self.value(item) for item in value), key=json.dumps)
            case ModuleType():
                return ["module", value.__name__, *_files_digest(_modules([value.__name__]))]
            case BuiltinFunctionType():
                return ["built-in", value.__module__, value.__qualname__, self.value(_owner(value))]
        if id(value) in self._seen:
            return ["seen", self._seen[id(value)][0]]
        self._seen[id(value)] = len(self._seen), value
        return self._object(value)

    def _object(self, value: object) -> Any:
        match value:
            case dict():
                return [[self.value(key), self.value(item)] for key, item in value.items()]
            case type():
                return self._class(value)
            case FunctionType():
                return self._function(value)
            case CodeType():
                return self._code(value)
            case MethodType():
                return [self.value(value.__self__), self.value(value.__func__)]
            case functools.partial():
                return [self.value(part) for part in (value.func, value.args, value.keywords)]
            case property():
                return [self.value(part) for part in (value.fget, value.fset)]
            case functools.cached_property():
                return self.value(value.func)
            case classmethod() | staticmethod():
                return self.value(value.__func__)
            case BaseModel():
                fields = {name: self.value(getattr(value, name)) for name in type(value).model_fields}
                return [self.value(type(value)), fields, self.value(value.__pydantic_private__)]
            case Mapping():
                return [type(value).__qualname__, *([self.value(key), self.value(item)] for key, item in value.items())]
        return self._reduced(value)

    def _reduced(self, value: object) -> Any:
        """Return an object as pickle would store it, or what it wraps."""
        if hasattr(value, "__wrapped__"):
            return [type(value).__qualname__, self.value(value.__wrapped__)]
        try:
            parts = value.__reduce_ex__(2)
        except Exception as error:
            raise UnkeyableError(f"the content of a {type(value).__name__} cannot be determined") from error
        if isinstance(parts, str):
            return [type(value).__qualname__, parts]
        return [self.value(list(part) if isinstance(part, Iterator) else part) for part in parts]

    def _class(self, cls: type) -> list[Any]:
        name = f"{cls.__module__}:{cls.__qualname__}" if _is_trusted(cls.__module__) else cls.__qualname__
        return [name, source_digest(cls), *(self._members(base) for base in cls.__mro__ if _is_loose(base))]

    def _members(self, cls: type) -> Any:
        """Return the code of a class that is not in a file, and the values of its attributes."""
        members = {name: member for name, member in vars(cls).items() if name not in _BOOKKEEPING}
        return {
            name: self.value(member) for name, member in members.items() if not name.startswith(("__pydantic", "_abc_"))
        }

    def _function(self, function: FunctionType) -> Any:
        code, cells = function.__code__, [_content(cell) for cell in function.__closure__ or ()]
        values = [self.value(part) for part in (code, function.__defaults__, function.__kwdefaults__, cells)]
        if not _is_loose(function):
            return [function.__qualname__, *values, *_files_digest(_modules([function.__module__]))]
        known = function.__globals__
        names = [name for name in _global_names(code) if name in known]
        return [function.__qualname__, *values, {name: self.value(known[name]) for name in names}]

    def _code(self, code: CodeType) -> Any:
        """Return what a code object does; line numbers and file names do not count."""
        constants = [self.value(constant) for constant in code.co_consts]
        return [code.co_code.hex(), constants, code.co_names, code.co_varnames, code.co_freevars]


_BOOKKEEPING = frozenset(
    {"__module__", "__dict__", "__weakref__", "__doc__", "__slots__", "__annotations__", "__annotate__"}
    | {"__annotate_func__", "__annotations_cache__", "__firstlineno__", "__static_attributes__", "__signature__"}
    | {"__class_vars__", "__private_attributes__", "__abstractmethods__", "__hash__", "__qualname__", "model_fields"}
    | {"__dataclass_fields__", "__dataclass_params__", "__match_args__", "__orig_bases__", "__parameters__"}
)
"""Attributes of a class that are not its author's, or that its code does not depend on."""


def _is_loose(code: FunctionType | type) -> bool:
    """Return whether the code of a function or class is not in a file that was imported: a notebook's, a script's."""
    if code.__module__ in (None, "builtins"):  # of code without a module of its own, too
        return isinstance(code, FunctionType) or bool(code.__flags__ & _HEAP_TYPE)
    return code.__module__ == "__main__" or code.__module__ not in sys.modules


def _is_trusted(module: str | None) -> bool:
    return (module or "builtins").partition(".")[0] in _TRUSTED


def _owner(function: BuiltinFunctionType) -> object:
    """Return the object that a built-in method belongs to, if any."""
    owner = function.__self__
    return None if isinstance(owner, ModuleType) else owner


def _tensor_bytes(tensor: torch.Tensor) -> bytes:
    try:
        return tensor.detach().cpu().resolve_conj().reshape(-1).view(torch.uint8).numpy().tobytes()
    except (NotImplementedError, RuntimeError, TypeError) as error:
        raise UnkeyableError(f"the content of a tensor on {tensor.device} cannot be determined") from error


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _global_names(code: CodeType) -> list[str]:
    """Return the global names that a code object and those inside it read, sorted."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    inner = (name for c in code.co_consts if isinstance(c, CodeType) for name in _global_names(c))
    return sorted(names.union(inner))


def source_digest(cls: type) -> str:
    """Return a digest of a class's source files, so that an edited plugin gets another cache key.

    It covers the modules of the class and its bases, and what those import from their own packages; the engine is
    identified by its version instead.
    """
    return "".join(_files_digest(_modules([base.__module__ for base in cls.__mro__])))


def _modules(names: list[str]) -> dict[str, ModuleType]:
    seen: dict[str, ModuleType] = {}
    for name in names:
        _gather(sys.modules.get(name), seen)
    return seen


def _gather(module: ModuleType | None, seen: dict[str, ModuleType]) -> None:
    """Add a module, and those of the same top-level package that its names come from."""
    if module is None or module.__name__ in seen or _is_trusted(module.__name__) or module.__name__ == "__main__":
        return
    package = module.__name__.partition(".")[0]
    seen[module.__name__] = module
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str) and name.partition(".")[0] == package:
            _gather(sys.modules.get(name), seen)


def _files_digest(modules: Mapping[str, ModuleType]) -> list[str]:
    """Return the digest of modules' files; empty if there are none."""
    files = [Path(file) for _, module in sorted(modules.items()) if (file := getattr(module, "__file__", None))]
    return [_digest("".join(map(_file_digest, files)).encode())] if files else []


def _file_digest(file: Path) -> str:
    try:
        status = file.stat()
    except OSError:
        return str(file)  # inside an archive, for example
    return _digest_of(file, status.st_mtime_ns, status.st_size)


@lru_cache(4096)
def _digest_of(file: Path, changed: int, size: int) -> str:
    """Return the digest of a file that was last changed at a time."""
    return _digest(file.read_bytes())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()
