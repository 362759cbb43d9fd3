"""Simulation: from a scene's runs to their trajectories, each simulated once or taken from the cache."""
