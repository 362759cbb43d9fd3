"""What spacings over whole times share."""

from __future__ import annotations

__all__ = ["check_whole"]


def check_whole(name: str, steps: int, start: float) -> None:
    """See that there are as many whole times up to start as steps, or some would repeat.

    Raises:
        ValueError: There are not.
    """
    if steps > start:
        raise ValueError(
            f"{name} spacing visits whole times: from t = {start:g} it takes {int(start)} steps at most, got {steps}"
        )
