"""Built-in renderers: the layers of a panel."""
