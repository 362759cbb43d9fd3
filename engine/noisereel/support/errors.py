"""The errors a user can meet. Each becomes one clear line in the command line, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar

__all__ = [
    "NoisereelError",
    "PluginError",
    "Problem",
    "SceneError",
    "UsageError",
    "first_line",
    "plugin_errors",
    "suggest",
]


class NoisereelError(Exception):
    """Something a user can mend. The message says where, what was given and what would do."""

    exit_code: ClassVar[int] = 1


class UsageError(NoisereelError):
    """A wrong request: an option, a suffix or a name that does not exist."""

    exit_code: ClassVar[int] = 2


class PluginError(NoisereelError):
    """A plugin that cannot be loaded or registered, or that raised while at work."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a scene.

    Attributes:
        place: ``file:line:column`` (1-based), or what else the value came from, such as ``--set``.
        path: Where in the scene, dotted: ``sampler.ddim.eta``; empty for the whole file.
        message: What was given and what would do.
    """

    place: str
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.path, self.message) if part)


class SceneError(NoisereelError):
    """A scene that cannot be rendered; holds every problem found, one line each."""

    exit_code: ClassVar[int] = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[SceneError], tuple[tuple[Problem, ...]]]:
        """Drawing processes send their errors; pickle would make this one from its message."""
        return SceneError, (self.problems,)


@contextmanager
def plugin_errors(who: str) -> Iterator[None]:
    """Whatever a plugin raises while it works becomes one line that names it; errors made for users pass through.

    Args:
        who: The plugin and what it was doing.

    Raises:
        PluginError: The plugin raised.
    """
    try:
        yield
    except NoisereelError:
        raise
    except Exception as error:
        # A ValueError is how a plugin says what it cannot do; anything else is a bug, and its type helps to find it.
        message = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise PluginError(f"{who}: {message}") from error


def first_line(error: Exception) -> str:
    """An error of somebody else's on one line."""
    message = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def suggest(name: str, known: Sequence[str]) -> str:
    """The tail of an error about an unknown name: the nearest known one, or all of them."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return "known: " + ", ".join(sorted(known)) if known else "none is known"
