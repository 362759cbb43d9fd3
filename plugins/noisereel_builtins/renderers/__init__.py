"""Built-in renderers: one layer of a panel each."""
