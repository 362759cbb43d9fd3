"""The Python API: build or load scenes, simulate them, draw and render them, train their denoisers.

The command line is one of its callers. Nothing here prints, exits or changes global state: errors are `NoisereelError`
and its subclasses, warnings are Python's.
"""

from ..output.render import Summary
from .rendering import Written, frame, render, still
from .scene import Scene, load, validate
from .simulation import RunResult, sample, simulate
from .training import TrainedWeights, train

__all__ = [
    "RunResult",
    "Scene",
    "Summary",
    "TrainedWeights",
    "Written",
    "frame",
    "load",
    "render",
    "sample",
    "simulate",
    "still",
    "train",
    "validate",
]
