"""Solvers of the probability-flow ODE."""
