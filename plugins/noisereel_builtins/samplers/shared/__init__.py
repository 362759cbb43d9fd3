"""Parts that samplers of several kinds share."""
