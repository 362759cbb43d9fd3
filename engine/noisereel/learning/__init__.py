"""Learning: `TrainedDenoiser`, the base class of trained denoisers, and `Training`, the loop over optimiser steps."""

from .prediction import PREDICTIONS
from .trained_denoiser import TrainedDenoiser
from .training import Recipe, Training, TrainingState
from .weights import load_into, load_weights, read_facts, save_weights

__all__ = [
    "PREDICTIONS",
    "Recipe",
    "TrainedDenoiser",
    "Training",
    "TrainingState",
    "load_into",
    "load_weights",
    "read_facts",
    "save_weights",
]
