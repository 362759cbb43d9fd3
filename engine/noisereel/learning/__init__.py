"""Denoisers that learn: `Learned` is their base class; `training.py` holds the loop over optimiser steps."""

from .learned import Learned
from .prediction import PREDICTIONS
from .training import Recipe, Training, TrainingState
from .weights import load_into, load_weights, read_facts, save_weights

__all__ = [
    "PREDICTIONS",
    "Learned",
    "Recipe",
    "Training",
    "TrainingState",
    "load_into",
    "load_weights",
    "read_facts",
    "save_weights",
]
