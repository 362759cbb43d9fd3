"""Built-in spacings of the visited times."""
