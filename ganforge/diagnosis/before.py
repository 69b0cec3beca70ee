"""What is known before training, as checks look at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Start:
    """settings: as config.json has them. count: of the items to learn from. is_points: are they points of the plane?"""

    settings: Mapping[str, Any]
    count: int
    is_points: bool
