"""Errors for users; the command line shows each of them as one clear line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from traceback import walk_tb
from typing import ClassVar

from .printable import printable

__all__ = [
    "NoisereelError",
    "PluginError",
    "Problem",
    "SceneError",
    "UsageError",
    "blamed",
    "describe_error",
    "first_line",
    "plugin_errors",
    "suggest",
]


class NoisereelError(Exception):
    """An error that the user can fix. The message says where it is, what was given and what to do, on one line."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class UsageError(NoisereelError):
    """An invalid request, such as an option, a suffix or a name that does not exist."""

    exit_code: ClassVar[int] = 2


class PluginError(NoisereelError):
    """A plugin that cannot be loaded or registered, or that raised an exception."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in a scene.

    Attributes:
        place: ``file:line:column`` (1-based), or another source of the value, such as ``--set``.
        path: Dotted path in the scene, such as ``sampler.ddim.eta``; empty for the whole file.
        message: What was given and what to do.
    """

    place: str
    path: str
    message: str

    def __str__(self) -> str:
        return printable(": ".join(part for part in (self.place, self.path, self.message) if part))


class SceneError(NoisereelError):
    """A scene that cannot be rendered; holds every problem found, one line each."""

    exit_code: ClassVar[int] = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:_MOST_PROBLEMS]]
        more = len(self.problems) - len(lines)
        return "\n".join([*lines, f"and {more:,} more problems"] if more else lines)

    def __reduce__(self) -> tuple[type[SceneError], tuple[tuple[Problem, ...]]]:
        """Pickle the problems: pickle alone would rebuild the error from its message."""
        return SceneError, (self.problems,)


_MOST_PROBLEMS = 50  # shown of one scene


@contextmanager
def plugin_errors(who: str) -> Iterator[None]:
    """Convert any exception of a plugin to one line that names it; errors for users pass through.

    Args:
        who: The plugin and what it does.

    Raises:
        PluginError: The plugin raised.
    """
    try:
        yield
    except (NoisereelError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # SystemExit, too: a plugin must not end the program
        # Plugins report what they cannot do as ValueError; anything else is a bug, and its type helps to find it.
        message = _message(error) if isinstance(error, ValueError) else ""
        inner = blamed(error)  # such as the spacing that a sampler uses
        parts = [who] if inner is None or inner.partition(" ")[0] in who else [who, inner]
        raise PluginError(": ".join([*parts, message or describe_error(error)])) from error


def blamed(error: BaseException) -> str | None:
    """Return the innermost plugin and method that an exception passed through, or None if there is none."""
    found = None
    for frame, _ in walk_tb(error.__traceback__):
        code = frame.f_code
        owner = type(frame.f_locals.get(code.co_varnames[0])) if code.co_argcount else None
        if (
            owner is not None
            and hasattr(owner, "model_fields")
            and isinstance(kind := getattr(owner, "kind", None), str)
        ):
            found = f"{kind} {owner.__name__} ({code.co_name})" if hasattr(owner, code.co_name) else found
    return found


def describe_error(error: BaseException) -> str:
    """Return an error's type and message on one line."""
    message = " ".join(_message(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def first_line(error: BaseException) -> str:
    """Return an error's type and the first line of its message."""
    message = _message(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _message(error: BaseException) -> str:
    """Return an error's message; nothing if its ``__str__`` fails."""
    try:
        return str(error)
    except Exception:
        return ""


def suggest(name: str, known: Sequence[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known name, or all of them."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return "known: " + ", ".join(sorted(known)) if known else "none is known"
