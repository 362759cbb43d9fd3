"""Contracts: the base classes of plugins and the values that they exchange."""
