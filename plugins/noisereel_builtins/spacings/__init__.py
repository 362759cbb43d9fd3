"""Built-in spacings."""
