"""A check for spacings over integer times."""

from __future__ import annotations

__all__ = ["check_whole"]


def check_whole(name: str, steps: int, start: float) -> None:
    """Check that there are enough integer times up to start for these steps; if not, some would repeat.

    Raises:
        ValueError: There are too few.
    """
    if steps > start:
        raise ValueError(
            f"{name} spacing visits integer times: from t = {start:g} it allows {int(start)} steps at most, got {steps}"
        )
