"""Numbers from tables and arrays."""
