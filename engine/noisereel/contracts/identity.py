"""Identity: what numbers depend on, as plain values for cache keys. Equal identities mean equal results.

Values count by content, never by ``repr``: two different arrays may have the same one. Functions and classes count as
their byte code, with the values of all names that it uses: global ones, and attributes of modules. Code of installed
packages counts as the content of their files, or as their version where that is part of every key.
"""

from __future__ import annotations

import dis
import enum
import functools
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    EllipsisType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, cast

import numpy as np
import torch
from pydantic import BaseModel

from ..support.errors import first_line

__all__ = ["UnkeyableError", "identity", "source_digest"]

_ENGINE = __name__.partition(".")[0]
_TRUSTED = frozenset({_ENGINE, "pydantic", "pydantic_core", "numpy", "torch", *sys.stdlib_module_names} - {"__main__"})
"""Packages whose code counts as their version, which is part of every key."""


_INSTALLED = frozenset({"site-packages", "dist-packages"})
_STARTED = time.time()
_LRU = type(functools.lru_cache(len))
_HEAP_TYPE = 1 << 9  # flag of classes that Python code defines (Py_TPFLAGS_HEAPTYPE)


class UnkeyableError(ValueError):
    """A value whose content cannot be determined, so that nothing that depends on it can be cached."""


def identity(value: object) -> Any:
    """Return a value as plain JSON values: a plugin as its class, its code and its fields, recursively.

    Raises:
        UnkeyableError: It holds something whose content cannot be determined, such as an open file.
    """
    try:
        return _Walk().value(value)
    except UnkeyableError:
        raise
    except RecursionError:
        raise UnkeyableError(f"a {type(value).__name__} is nested too deeply, or contains itself") from None
    except Exception as error:  # attributes and reduction run foreign code
        raise UnkeyableError(f"a {type(value).__name__} cannot be examined: {first_line(error)}") from error


_PLAIN = (type(None), bool, int, float, str)
_DESCRIPTORS = (
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
_NAMED = (EllipsisType, type(Path()), complex, range, slice, np.dtype, torch.dtype, torch.device)


class _Walk:
    """One walk through a value; what was seen before is named by its number, so that cycles end."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, object]] = {}  # the objects are kept, so that their ids are not reused

    def value(self, value: object) -> Any:
        """Return a value as plain values."""
        cls = type(value)
        if cls in _PLAIN:
            return value
        if cls in _NAMED or isinstance(value, np.generic):
            return [cls.__name__, str(value)]
        if cls is bytes:
            return ["bytes", _digest(value)]  # type: ignore[arg-type]
        if cls in (list, tuple):
            return [cls.__name__, *map(self.value, value)]  # type: ignore[call-overload]
        if cls in (set, frozenset):
            return ["set", *sorted(map(self.value, value), key=json.dumps)]  # type: ignore[call-overload]
        if cls in (np.ndarray, np.memmap) and not value.dtype.hasobject:  # type: ignore[attr-defined]
            array = np.ascontiguousarray(cast("np.ndarray[Any, Any]", value))
            return ["array", str(array.dtype), array.shape, _digest(array.tobytes())]
        if id(value) in self._seen:
            return ["seen", self._seen[id(value)][0]]
        self._seen[id(value)] = len(self._seen), value
        return self._object(value)

    def _object(self, value: object) -> Any:
        match value:
            case torch.Tensor():
                own = [] if type(value) in (torch.Tensor, torch.nn.Parameter) else [self.value(type(value))]
                return ["tensor", str(value.dtype), tuple(value.shape), _digest(_tensor_bytes(value)), *own]
            case enum.Enum():
                return [self.value(type(value)), value.name, self.value(value.value)]
            case ModuleType():
                return self._module(value)
            case BuiltinFunctionType():
                return ["built-in", value.__module__, value.__qualname__, self.value(_owner(value))]
            case type():
                return self._class(value)
            case FunctionType():
                return self._function(value)
            case CodeType():
                return self._code(value)
            case MethodType():
                return [self.value(value.__self__), self.value(value.__func__)]
            case property():
                return [self.value(part) for part in (value.fget, value.fset)]
            case functools.cached_property():
                return self.value(value.func)
            case classmethod() | staticmethod():
                return self.value(value.__func__)
            case BaseModel():
                fields = {name: self.value(getattr(value, name)) for name in type(value).model_fields}
                return [self.value(type(value)), fields, self.value(value.__pydantic_private__)]
            case MappingProxyType():
                return self.value(dict(value))
            case _ if isinstance(value, _DESCRIPTORS):
                return ["built-in", value.__qualname__]
            case tuple() if hasattr(value, "_fields"):
                return [self.value(type(value)), list(value._fields), *map(self.value, value)]
        if type(value) is dict:
            return ["dict", *([self.value(key), self.value(item)] for key, item in value.items())]
        if isinstance(value, _LRU):
            return [type(value).__qualname__, self.value(value.__wrapped__)]
        return self._reduced(value)

    def _reduced(self, value: object) -> Any:
        """Return an object as pickle would store it, and its class."""
        try:
            parts = value.__reduce_ex__(2)
        except Exception as error:
            raise UnkeyableError(f"the content of a {type(value).__name__} cannot be determined") from error
        if isinstance(parts, str):
            return [self.value(type(value)), parts]
        content = [self.value(list(part) if isinstance(part, Iterator) else part) for part in parts]
        return [self.value(type(value)), *content]

    def _module(self, module: ModuleType) -> Any:
        if not _is_unchanged(module.__name__):
            raise UnkeyableError(f"the file of module {module.__name__} has changed since it was imported")
        return ["module", module.__name__, *_files_digest(_modules([module.__name__]))]

    def _class(self, cls: type) -> Any:
        if _is_installed(cls):
            return [f"{cls.__module__}:{cls.__qualname__}", source_digest(cls)]
        own = [self._members(base) for base in cls.__mro__ if not _is_installed(base)]
        bases = [self.value(base) for base in cls.__mro__ if _is_installed(base) and not _is_trusted(base.__module__)]
        meta = [] if _is_installed(type(cls)) else [self.value(type(cls))]
        return [cls.__qualname__, own, bases, *meta]

    def _members(self, cls: type) -> Any:
        """Return the code of a class, and the values of its attributes."""
        members = {name: member for name, member in vars(cls).items() if name not in _BOOKKEEPING}
        return {
            name: self.value(member) for name, member in members.items() if not name.startswith(("__pydantic", "_abc_"))
        }

    def _function(self, function: FunctionType) -> Any:
        code, cells = function.__code__, [_content(cell) for cell in function.__closure__ or ()]
        parts = (code, function.__defaults__, function.__kwdefaults__, cells, vars(function))
        values = [function.__qualname__, *map(self.value, parts)]
        if _is_installed(function):
            return [*values, *_files_digest(_modules([function.__module__]))]
        return [*values, {path: self.value(used) for path, used in _used(code, function.__globals__)}]

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


def _is_installed(code: FunctionType | type) -> bool:
    """Return whether the code of a function or class belongs to an installed package, and is in a file that stays."""
    module = code.__module__
    if not isinstance(module, str):  # of some compiled classes it is a descriptor
        return isinstance(code, type)
    if module == "builtins":  # of code without a module of its own, too
        return isinstance(code, type) and not code.__flags__ & _HEAP_TYPE
    return _is_trusted(module) or _is_in_package(module)


def _is_in_package(module: str | None) -> bool:
    """Return whether a module belongs to a package of several modules, or was installed, and is what its files say."""
    loaded = sys.modules.get(module or "")
    file = getattr(loaded, "__file__", None)
    if module in (None, "__main__") or file is None:
        return False
    return ("." in str(module) or bool(_INSTALLED & {*Path(file).parts})) and _is_unchanged(str(module))


def _is_unchanged(module: str) -> bool:
    """Return whether the files of a module, and of its package, are older than this process, so that they were run."""
    return all(_changed_at(file) < _STARTED for file in _files(_modules([module])))


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


def _used(code: CodeType, known: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the global names that a code object and those inside it read, with their values.

    Of a module it yields the attributes that are read, ``module.name``, and the module itself if it is passed on.
    """
    found: dict[str, object] = {}
    instructions = [*dis.get_instructions(code)]
    for at, instruction in enumerate(instructions):
        name = instruction.argval
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") and name in known:
            path, value = _attribute(name, known[name], instructions[at + 1 :])
            found[path] = value
        elif instruction.opname == "IMPORT_NAME" and name in sys.modules:
            found[f"import {name}"] = sys.modules[name]
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= dict(_used(inner, known))
    yield from sorted(found.items(), key=itemgetter(0))


def _attribute(path: str, value: object, following: Sequence[dis.Instruction]) -> tuple[str, object]:
    """Follow the attributes that are read from a module that is not trusted, as far as they are there."""
    for instruction in following:
        reads = instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(value, ModuleType)
        if not reads or _is_trusted(value.__name__) or not hasattr(value, instruction.argval):  # type: ignore[attr-defined]
            break
        path, value = f"{path}.{instruction.argval}", getattr(value, instruction.argval)
    return path, value


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


def _files(modules: Mapping[str, ModuleType]) -> list[Path]:
    return [Path(file) for _, module in sorted(modules.items()) if (file := getattr(module, "__file__", None))]


def _files_digest(modules: Mapping[str, ModuleType]) -> list[str]:
    """Return the digest of modules' files; empty if there are none."""
    files = _files(modules)
    return [_digest("".join(map(_file_digest, files)).encode())] if files else []


def _changed_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0  # inside an archive, for example


def _file_digest(file: Path) -> str:
    try:
        status = file.stat()
    except OSError:
        return str(file)
    return _digest_of(file, status.st_mtime_ns, status.st_size)


@lru_cache(4096)
def _digest_of(file: Path, changed: int, size: int) -> str:
    """Return the digest of a file that was last changed at a time."""
    return _digest(file.read_bytes())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()
